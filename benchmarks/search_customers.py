"""How long a search for customers takes, by kind of query.

    python benchmarks/search_customers.py [--rows N] [--runs N]

Each run is one call of `Directory.search_customers`, as the picker makes it for every key typed; each kind's queries
take turns. The database is made for the purpose and thrown away.
"""

import argparse
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from network import write_customers
from ummsg.services.directory import Directory
from ummsg.services.imports.outcome import ImportOptions
from ummsg.store.engine import open_store
from ummsg.store.migrations import upgrade

QUERIES = {
    "one letter": ["a", "s", "e", "ü"],
    "a word that is everywhere": ["com", "example", "exampl", "bigprovider", "bigprovi"],
    "a name": ["karo", "toshi", "Strömshi", "maräni", "veov"],
    "two names": ["karo tos", "lo mi", "an be", "shi ström"],
    "a number as typed": ["user1", "user12", "user123", "user1234", "user12345", "user123456"],
    "common and rare": ["a user123456", "example karo", "bigprovider user99", "user9 user8"],
    "many letters": ["a b c", "a e i o", "s t u"],
    "nothing like it": ["xqzw", "user000000", "zz top"],
    "an address": ["user4242@example.com", "user77@bigprovider.example"],
    "odd characters": ['"', "*", "NEAR(a b)", "a-b", "😀", "^name:", "a AND NOT"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_customers(folder / "customers.csv", arguments.rows)
        directory = made(folder)
        print(f"{arguments.rows:,} customers, {arguments.runs} runs a kind: p50 and p95 in ms")
        everything: list[float] = []
        for kind, queries in QUERIES.items():
            times = [timed(directory, queries[run % len(queries)]) for run in range(arguments.runs)]
            everything += times
            show(kind, times)
        show("all", everything)


def made(folder: Path) -> Directory:
    url = f"sqlite:///{folder / 'ummsg.db'}"
    upgrade(url)
    directory = Directory(open_store(url), lambda: datetime.now(UTC))
    directory.import_customers(folder / "customers.csv", ImportOptions(), lambda progress: None)
    return directory


def timed(directory: Directory, words: str) -> float:
    started = time.perf_counter()
    directory.search_customers(words)
    return (time.perf_counter() - started) * 1000


def show(kind: str, times: list[float]) -> None:
    print(f"{kind:>28}  {statistics.median(times):6.2f}  {statistics.quantiles(times, n=20)[-1]:6.2f}")


if __name__ == "__main__":
    main()
