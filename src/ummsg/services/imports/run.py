"""An import from the first byte to the report: chunks, transactions, rejects."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ummsg.domain.imported import Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.block import Block
from ummsg.services.imports.columns import Columns
from ummsg.services.imports.outcome import ImportOptions, ImportProgress, ImportRefused, ImportReport, Outcome
from ummsg.services.imports.rejects import RejectsFile
from ummsg.services.imports.source import Source, open_source
from ummsg.store.engine import Store, Transaction

BATCH = 5_000
"""Rows that are in memory at a time."""

BATCHES = 20
"""In a transaction, for which other writers wait for 1 to 2 seconds. The fewer, the more often the same pages of the
index of addresses are written: with one, an import takes a third longer."""

EXAMPLES = 10


class Kind(Protocol):
    """What is imported: how a row is checked, and how a chunk of them gets into the directory."""

    columns: Columns

    def records(self, block: Block) -> list[Any]:
        """The good rows of a block, checked; the bad ones are added to `block.rejected`."""

    def apply(self, tx: Transaction, records: Sequence[Any]) -> Outcome: ...

    def finish(self, tx: Transaction) -> None:
        """What is done once a transaction, before it is committed."""


Batch = tuple[list[Any], list[Rejected]]


def run_import(
    store: Store,
    kind: Kind,
    source: Path | BinaryIO,
    options: ImportOptions,
    progress: Callable[[ImportProgress], None],
) -> ImportReport:
    """Bring a file in.

    Raises InvalidInput for an input that is no table of such rows, and ImportRefused under `options.strict` if there
    are bad rows; nothing has then been changed. Otherwise every chunk that was finished stays, come what may.
    """
    with closing(open_source(source, kind.columns.names, kind.columns.bare)) as rows, _without_garbage_collection():
        return _Run(store, kind, rows, options, progress).run(source)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Rows are tuples of texts, without cycles: looking for some among them takes a sixth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Run:
    def __init__(
        self,
        store: Store,
        kind: Kind,
        source: Source,
        options: ImportOptions,
        progress: Callable[[ImportProgress], None],
    ) -> None:
        self._store = store
        self._kind = kind
        self._source = source
        self._options = options
        self._watch = progress
        self._progress = ImportProgress(size=source.size)
        self._report = ImportReport()

    def run(self, source: Path | BinaryIO) -> ImportReport:
        options = self._options
        target = _checked(options.rejects or rejects_beside(source), source)
        always = not (options.strict or options.dry_run)
        with RejectsFile(target, self._source.headers, always=always) as rejects, self._all_or_nothing() as tx:
            for batches in self._batches_in_transactions():
                self._apply(tx, batches, rejects)
            self._report.ignored_columns = self._kind.columns.ignored
            self._report.rejects = None if options.dry_run else rejects.keep()
            if options.strict and self._report.rejected:
                raise _refused(self._report)
        return self._report

    def _all_or_nothing(self) -> AbstractContextManager[Transaction | None]:
        """One transaction for the whole run where that is asked for; otherwise each chunk has its own."""
        if self._options.dry_run:
            return self._store.rehearse()
        return self._store.begin() if self._options.strict else nullcontext()

    def _apply(self, tx: Transaction | None, batches: Iterator[Batch], rejects: RejectsFile) -> None:
        with self._store.begin() if tx is None else nullcontext(tx) as transaction:
            for records, rejected in batches:
                self._count(rejects, self._kind.apply(transaction, records), rejected)
            self._kind.finish(transaction)

    def _batches_in_transactions(self) -> Iterator[Iterator[Batch]]:
        """The first of each is read before the transaction begins; standard input, which may keep us waiting for
        longer than others should wait for us, is never read in one."""
        together = BATCHES if self._source.size is not None else 1
        batches = self._batches()
        for first in batches:
            yield chain([first], islice(batches, together - 1))

    def _batches(self) -> Iterator[Batch]:
        """Checked rows and the bad ones beside them."""
        records: list[Any] = []
        rejected: list[Rejected] = []
        for block in self._source.blocks:
            records += self._kind.records(block)
            rejected += block.rejected
            if len(records) + len(rejected) >= BATCH:
                yield records, rejected
                records, rejected = [], []
        yield records, rejected

    def _count(self, rejects: RejectsFile, outcome: Outcome, unread: Sequence[Rejected]) -> None:
        report, bad = self._report, sorted([*outcome.rejected, *unread], key=lambda rejected: rejected.row.line)
        report.inserted += outcome.inserted
        report.updated += outcome.updated
        report.unchanged += outcome.unchanged
        report.rejected += len(bad)
        report.examples += bad[: EXAMPLES - len(report.examples)]
        if not self._options.dry_run:
            rejects.write(bad)
        self._progress.rows = report.rows
        self._progress.rejected = report.rejected
        self._progress.position = self._source.position()
        self._watch(self._progress)


def described(rejected: Rejected) -> str:
    """A bad row, as messages name it."""
    return f"line {rejected.row.line}: {rejected.reason}"


def _refused(report: ImportReport) -> ImportRefused:
    where = [f"all of them are in {report.rejects}"] if report.rejects else []
    return ImportRefused(
        f"{report.rejected:,} of {report.rows:,} rows are bad; with --strict that means that nothing was imported",
        details=[*map(described, report.examples), *where],
        hint="correct them, or import without --strict to keep the good ones",
    )


def rejects_beside(source: Path | BinaryIO) -> Path:
    """Where the bad rows go unless told otherwise: beside the file, or here where that cannot be written to."""
    if not isinstance(source, Path):
        return Path("rejects.csv")
    beside = source.with_name(f"{source.name}.rejects.csv")
    return beside if os.access(beside.parent, os.W_OK) else Path(beside.name)


def _checked(target: Path, source: Path | BinaryIO) -> Path:
    """Found out before the first row is kept, not after."""
    if _is_same_file(target, source):
        raise InvalidInput(
            f"The rejects file {target} is the file that is imported, which would be overwritten",
            hint="give another with --rejects FILE",
        )
    if target.is_dir() or not os.access(target.parent, os.W_OK):
        raise InvalidInput(f"The rejects file {target} cannot be written", hint="give another with --rejects FILE")
    return target


def _is_same_file(target: Path, source: Path | BinaryIO) -> bool:
    """Under whatever name; also when the file is read as standard input."""
    try:
        read = source.stat() if isinstance(source, Path) else os.fstat(source.fileno())
        return os.path.samestat(target.stat(), read)
    except OSError:  # nothing is there yet, or what is read is not a file
        return False
