"""Firing 10,000 events in one run, each with an email to its customer and one to an admin: at least 2,000 events/s.

    python benchmarks/fire_events.py [--runs 5] [--events 10000]

Prints the rate of each run with its spread, and the peak memory of 10,000 events beside that of 100 (memory is flat).
Beside it, in the same run, the rate at which sqlite3 alone inserts the same rows in the same transactions: what a
machine that is busy or slow does to both.
"""

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 2_000
CHUNK = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--events", type=int, default=10_000)
    options = parser.parse_args()
    rates, ratios = [], []
    for number in range(options.runs):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            environ = network(place)
            seconds, peak = fire(place, environ, options.events)
            _, small = fire(place, environ, 100)
            peer = options.events / insert_alone(place, options.events)
        rate = options.events / seconds
        rates.append(rate)
        ratios.append(peer / rate)
        print(
            f"run {number + 1}: {rate:,.0f} events/s, {2 * rate:,.0f} deliveries/s; sqlite3 alone {peer:,.0f} events/s;"
            f" peak {peak:.0f} MiB, of 100 events {small:.0f} MiB"
        )
    print(f"events/s    {min(rates):,.0f} / {statistics.median(rates):,.0f} / {max(rates):,.0f}   (at least {LIMIT:,})")
    print(f"ratio to sqlite3 alone  {min(ratios):.1f} / {statistics.median(ratios):.1f} / {max(ratios):.1f}")


def network(folder: Path) -> dict[str, str]:
    """A database with 1,000 customers and two emails on payment_received."""
    environ = os.environ | {
        "UMMSG_DATABASE_URL": f"sqlite:///{folder / 'ummsg.db'}",
        "UMMSG_MAIL_URL": f"maildir:{folder / 'mail'}",
        "UMMSG_FROM": "Example Network <hello@example.com>",
        "UMMSG_ADMIN_EMAILS": "ada@example.org",
        "UMMSG_NETWORK_NAME": "Example Network",
        "UMMSG_NETWORK_URL": "https://example.com",
    }
    rows = "".join(f"{n},customer{n}@example.com,Customer {n}\n" for n in range(1, 1001))
    (folder / "customers.csv").write_text("id,email,name\n" + rows)
    ummsg(folder, environ, "init")
    ummsg(folder, environ, "customers", "import", "customers.csv")
    ummsg(folder, environ, "emails", "import", "payment_received_customer", "payment_received_admin", "--yes")
    return environ


def fire(folder: Path, environ: dict[str, str], number: int) -> tuple[float, float]:
    """Seconds and peak MiB of one run; the whole process is counted, its start as well."""
    kind = json.loads(ummsg(folder, environ, "events", "show", "payment_received", "--format", "json"))
    example = {field["name"]: field["example"] for field in kind["fields"]}
    lines = (
        json.dumps(example | {"customer_id": n % 1000 + 1, "customer_user_email": "", "payment_id": n})
        for n in range(number)
    )
    (folder / "events.jsonl").write_text("\n".join(lines))
    # Not getrusage: its peak is also that of the process which started this one.
    program = (
        "import re, sys; from ummsg.__main__ import main\n"
        "try:\n    code = main()\nexcept SystemExit as end:\n    code = end.code\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "events", "fire", "payment_received", "--payload", "-", "--jsonl"]
    with (folder / "events.jsonl").open() as stdin:
        begun = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env=environ, stdin=stdin, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - begun
    if done.returncode:
        sys.exit(done.stderr)
    return seconds, int(done.stdout.split()[-1]) / 1024


def insert_alone(folder: Path, number: int) -> float:
    """Seconds that sqlite3 takes for as many events and deliveries, in transactions of the same size."""
    source = sqlite3.connect(folder / "ummsg.db")
    of_tables = "tbl_name IN ('events', 'deliveries') AND sql IS NOT NULL"
    schema = [sql for (sql,) in source.execute(f"SELECT sql FROM sqlite_master WHERE {of_tables}")]
    events = source.execute("SELECT * FROM events LIMIT ?", (number,)).fetchall()
    deliveries = source.execute("SELECT * FROM deliveries LIMIT ?", (2 * number,)).fetchall()
    source.close()
    peer = sqlite3.connect(folder / "peer.db", isolation_level=None)
    peer.execute("PRAGMA journal_mode = WAL")
    peer.execute("PRAGMA synchronous = FULL")
    for statement in schema:
        peer.execute(statement)
    begun = time.perf_counter()
    for start in range(0, number, CHUNK):
        peer.execute("BEGIN IMMEDIATE")
        for table, rows in (
            ("events", events[start : start + CHUNK]),
            ("deliveries", deliveries[2 * start : 2 * (start + CHUNK)]),
        ):
            marks = ", ".join("?" * len(rows[0]))
            peer.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        peer.execute("COMMIT")
    seconds = time.perf_counter() - begun
    peer.close()
    return seconds


def ummsg(folder: Path, environ: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ummsg", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"ummsg {' '.join(arguments)}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
