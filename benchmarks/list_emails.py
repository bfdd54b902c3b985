"""Listing 500 system emails: at most twice the time of `emails list` with 10, also for `emails status`.

    python benchmarks/list_emails.py [--runs 10]

Every email of the 500 (of the 10 as well) has a default in a folder and ten deliveries. The commands of a pair run one
after the other, so that a machine that slows down slows both.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 2.0
EVENTS = 10


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=10)
    runs = options.parse_args().runs
    over = False
    with tempfile.TemporaryDirectory() as folder:
        few, many = (_network(Path(folder) / str(number), number) for number in (10, 500))
        for command in ("list", "status"):
            ratios = [_seconds(many, command) / _seconds(few, "list") for _ in range(runs + 2)][2:]
            median = statistics.median(ratios)
            over = over or median > LIMIT
            print(
                f"ummsg emails {command:<6} with 500: {median:4.2f} times emails list with 10 "
                f"(min {min(ratios):.2f}, max {max(ratios):.2f}, {runs} pairs; limit {LIMIT:g})"
            )
    return 1 if over else 0


def _network(folder: Path, number: int) -> dict[str, str]:
    """The environment of a database with so many emails on one event, which was fired."""
    templates = folder / "templates"
    templates.mkdir(parents=True)
    for n in range(number):
        (templates / f"receipt-{n}.md").write_text(
            f"---\nslug: receipt-{n}\nevent: payment_received\ntarget: customer\ntitle: Receipt {n}\n"
            f"description: For the customer.\nversion: 1\n---\nThank you, {{{{ customer_name }}}}.\n"
        )
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
        "UMMSG_DATABASE_URL": f"sqlite:///{folder / 'ummsg.db'}",
        "UMMSG_FROM": "hello@example.com",
        "UMMSG_TEMPLATE_PATH": str(templates),
    }
    _run(environ, "init")
    _run(environ, "emails", "import", *(f"receipt-{n}" for n in range(number)))
    kind = "payment_received"
    given = {"payment_id": "1", "payment_total": "29", "customer_id": "1", "customer_name": "Anna"}
    words = [f"{name}={value}" for name, value in (given | {"customer_user_email": "anna@example.com"}).items()]
    for _ in range(EVENTS):
        _run(environ, "events", "fire", kind, *(part for word in words for part in ("--payload", word)))
    return environ


def _seconds(environ: dict[str, str], command: str) -> float:
    started = time.perf_counter()
    _run(environ, "emails", command)
    return time.perf_counter() - started


def _run(environ: dict[str, str], *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("ummsg")), *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"ummsg {' '.join(arguments)[:80]}: {done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
