"""`ummsg customers import` beside `sqlite3 .import` of the same file and the building of the same indexes.

    python benchmarks/import_customers.py [--rows N] [--runs N]

Each run is a pair, one after the other, in fresh processes and fresh databases; the ratio of a pair means more than
either time where other programs share the machine. The peak is the resident memory of the whole `ummsg` process.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from network import HEADER, write_customers

PEER = """
PRAGMA journal_mode = WAL;
CREATE TABLE customers ({columns});
.mode csv
.import --skip 1 {file} customers
CREATE UNIQUE INDEX external_id ON customers (id);
CREATE UNIQUE INDEX email_key ON customers (lower(email));
CREATE VIRTUAL TABLE customers_fts USING fts5 (
    name, email, content = 'customers', content_rowid = 'rowid',
    tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3 4 5 6 7 8', detail = none
);
INSERT INTO customers_fts (customers_fts) VALUES ('rebuild');
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_customers(folder / "customers.csv", arguments.rows)
        pairs = [pair(folder) for _ in range(arguments.runs)]
    report(arguments.rows, pairs)


def pair(folder: Path) -> tuple[float, float, float]:
    """Seconds for sqlite3, seconds for ummsg, and ummsg's peak in MiB."""
    for old in [*folder.glob("peer.db*"), *folder.glob("ummsg.*")]:
        old.unlink()
    return by_sqlite(folder), *by_ummsg(folder)


def by_sqlite(folder: Path) -> float:
    script = PEER.format(columns=", ".join(f"{name} TEXT" for name in HEADER), file=folder / "customers.csv")
    started = time.perf_counter()
    subprocess.run(["sqlite3", folder / "peer.db"], input=script, text=True, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def by_ummsg(folder: Path) -> tuple[float, float]:
    environ = os.environ | {"UMMSG_DATABASE_URL": f"sqlite:///{folder / 'ummsg.db'}"}
    program = [sys.executable, "-m", "ummsg"]
    subprocess.run([*program, "init"], cwd=folder, env=environ, check=True, capture_output=True)
    started = time.perf_counter()
    process = subprocess.Popen(
        [*program, "customers", "import", "customers.csv"], cwd=folder, env=environ, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(said)
    return time.perf_counter() - started, usage.ru_maxrss * peak_unit()


def peak_unit() -> float:
    """What `ru_maxrss` counts, in MiB: KiB, but on macOS bytes."""
    return 1 / 1024 if sys.platform != "darwin" else 1 / 1024 / 1024


def report(rows: int, pairs: Sequence[tuple[float, float, float]]) -> None:
    peer, ours, peaks = zip(*pairs, strict=True)
    ratios = [b / a for a, b in zip(peer, ours, strict=True)]
    print(f"{rows:,} customers, {len(pairs)} runs (min / median / max)")
    for label, values, unit in (
        ("sqlite3 .import and indexes", peer, " s"),
        ("ummsg customers import", ours, " s"),
        ("ratio", ratios, ""),
        ("ummsg's peak", peaks, " MiB"),
    ):
        print(f"{label:>28}  {min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}{unit}")


if __name__ == "__main__":
    main()
