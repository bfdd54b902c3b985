"""Importing before the operator's eyes: the progress, what became of the rows, the exit code."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ummsg.cli import views
from ummsg.cli.progress import progress
from ummsg.services.imports.outcome import ImportOptions, ImportProgress, ImportReport
from ummsg.services.imports.run import described
from ummsg.vocabulary import ExitCode

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
    with progress("Importing") as show:
        report = importing(source, options, lambda now: show(now.position, now.size, _words(now)))
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


def _words(progress: ImportProgress) -> str:
    return f"{progress.rows:,} rows" + (f", {progress.rejected:,} rejected" if progress.rejected else "")
