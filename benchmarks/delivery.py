"""How fast ummsg delivers, beside its peers, and what it needs for a million recipients.

    python benchmarks/delivery.py [--pairs 5] [--messages 100000] [--recipients 1000000] [--only NAME ...] [--into DIR]
    python benchmarks/delivery.py --redraw

The server is postfix's smtp-sink on loopback. Everything is the real command on a real database, and whole commands are
measured, their start included. A run whose messages were not all counted by the sink, and for ummsg by its ledger, is
void. Results go into docs/, as benchmarks.json, benchmarks.svg and benchmarks.md; with --only, only where --into says.

Exit code 1 if a figure that was measured is outside its limit, or void.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from chart import draw
from figures import Row
from measuring import Failed, Lacking
from ours import sample_letter
from page import compose, summary
from report import Report
from table import NAMES, PEERS, Sizes, Task, tasks

DOCS = Path(__file__).parents[1] / "docs"


def main() -> int:
    options = _options()
    into = options.into or (None if options.only else DOCS)
    if options.redraw:
        return _redraw(into or DOCS)
    load = _load()
    sizes = Sizes(options.pairs, options.messages, options.recipients)
    with TemporaryDirectory(prefix="ummsg-benchmark-") as folder:
        letter = sample_letter(Path(folder))
    begun = time.monotonic()
    rows = [_measure(task) for task in tasks(sizes, letter) if task.name in (options.only or NAMES)]
    minutes = (time.monotonic() - begun) / 60
    report = Report.of(rows, letter, PEERS, minutes=minutes, load_before=load)
    print(f"\n{summary(report)}")
    if into is not None:
        into.mkdir(exist_ok=True)
        report.write(into / "benchmarks.json")
        _publish(report, into)
    return 0 if report.in_order else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=_number, default=5, help="how often each row is measured")
    parser.add_argument("--messages", type=_number, default=100_000, help="of ours in a run; slower peers send fewer")
    parser.add_argument("--recipients", type=_number, default=1_000_000, help="in the rows about many recipients")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--into", type=Path, metavar="DIR", help="where results go, if not into docs/")
    parser.add_argument("--redraw", action="store_true", help="make the page and the chart anew from the JSON")
    return parser.parse_args()


def _number(typed: str) -> int:
    if not typed.isdecimal() or int(typed) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return int(typed)


def _measure(task: Task) -> Row:
    """A row that failed does not keep the others from being measured."""
    print(f"\n{task.title}", flush=True)
    begun = time.monotonic()
    try:
        row = task.measure(_tell)
    except Lacking as error:
        row = Row(task.name, task.title, not_measured=str(error))
    except Failed as error:
        row = Row(task.name, task.title, not_measured=f"void: {error}", void=True)
    if row.not_measured:
        _tell(f"not measured: {row.not_measured}")
    _tell(f"({time.monotonic() - begun:.0f} s)")
    return row


def _tell(sentence: str) -> None:
    print(f"  {sentence}", flush=True)


def _load() -> float:
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"The machine is busy (load {load:.1f}): figures mean less.", file=sys.stderr)
    return load


def _redraw(folder: Path) -> int:
    figures = folder / "benchmarks.json"
    if not figures.exists():
        print(f"{figures} is not there: measure first, or say where with --into", file=sys.stderr)
        return 2
    _publish(Report.read(figures), folder)
    return 0


def _publish(report: Report, into: Path) -> None:
    (into / "benchmarks.svg").write_text(draw(report.rows), encoding="utf-8")
    (into / "benchmarks.md").write_text(compose(report), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
