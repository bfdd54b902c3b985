"""How long ummsg takes to answer, as ratios to a bare `python -c pass` in the same run.

    python benchmarks/startup.py [--runs N]

The two commands of a pair run one after the other, so that a machine that slows down slows both.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

LIMITS = {"--version": 2.0, "--help": 10.0}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=15)
    runs = options.parse_args().runs
    program = Path(sys.executable).with_name("ummsg")
    over = False
    for argument, limit in LIMITS.items():
        ratios = [_seconds(str(program), argument) / _seconds(sys.executable, "-c", "pass") for _ in range(runs + 2)][
            2:
        ]
        median = statistics.median(ratios)
        over = over or median > limit
        print(
            f"ummsg {argument:<10} {median:5.2f} times python -c pass "
            f"(min {min(ratios):.2f}, max {max(ratios):.2f}, {runs} pairs; limit {limit:g})"
        )
    return 1 if over else 0


def _seconds(*command: str) -> float:
    """Byte code is cached, as in any installation; the first two pairs are thrown away to fill the cache."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
