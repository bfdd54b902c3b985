"""Importing before the operator's eyes: the progress, what became of the rows, the exit code."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ummsg.cli import views
from ummsg.services.imports.outcome import ImportOptions, ImportProgress, ImportReport
from ummsg.services.imports.run import described
from ummsg.vocabulary import ExitCode

SECONDS_BETWEEN_LINES = 5

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV or JSON Lines, in UTF-8; - is standard input.")]
Strict = Annotated[bool, typer.Option("--strict", help="All or nothing: any bad row, and no row is kept.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
Rejects = Annotated[
    Path | None, typer.Option("--rejects", metavar="FILE", help="Where bad rows go.", show_default="FILE.rejects.csv")
]

Importing = Callable[[Path | BinaryIO, ImportOptions, Callable[[ImportProgress], None]], ImportReport]


def run(importing: Importing, file: Path, options: ImportOptions) -> None:
    """Import and report. Ends with exit code 3 if rows were rejected."""
    source = sys.stdin.buffer if str(file) == "-" else file
    with _progress() as watch:
        report = importing(source, options, watch)
    _summarise(report, options)
    if report.rejected:
        raise typer.Exit(ExitCode.NOT_ALL_REACHED)


def _summarise(report: ImportReport, options: ImportOptions) -> None:
    counts = ", ".join(f"{getattr(report, name):,} {name}" for name in ("inserted", "updated", "unchanged", "rejected"))
    views.talk(f"{counts}." + (" Nothing was stored: this was a rehearsal." if options.dry_run else ""), "bold")
    if report.ignored_columns:
        views.talk(f"Columns that were left out: {', '.join(report.ignored_columns)}", "dim")
    for rejected in report.examples:
        views.talk(f"  {views.printable(described(rejected))}")
    if report.rejected > len(report.examples):
        views.talk(f"  and {report.rejected - len(report.examples):,} more")
    if report.rejects:
        views.talk(f"Rejected rows are in {report.rejects}: correct them there, and import that file.")


@contextmanager
def _progress() -> Iterator[Callable[[ImportProgress], None]]:
    """A bar on a terminal; a line every few seconds off it."""
    if sys.stderr.isatty():
        with _bar() as watch:
            yield watch
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Callable[[ImportProgress], None]]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("Importing"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=views.err(), transient=True) as bar:
        task: Any = bar.add_task("", total=None, rows="")

        def watch(progress: ImportProgress) -> None:
            bar.update(task, completed=progress.position, total=progress.size, rows=_words(progress))

        yield watch


def _lines() -> Callable[[ImportProgress], None]:
    last = time.monotonic()

    def watch(progress: ImportProgress) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            share = f", {progress.position / progress.size:.0%} of the file" if progress.size else ""
            views.talk(_words(progress) + share)

    return watch


def _words(progress: ImportProgress) -> str:
    return f"{progress.rows:,} rows" + (f", {progress.rejected:,} rejected" if progress.rejected else "")
