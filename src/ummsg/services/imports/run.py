"""An import from the first byte to the report: reading ahead, chunks, transactions, rejects."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ummsg.domain.imported import Cells, Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.columns import Columns
from ummsg.services.imports.outcome import ImportOptions, ImportProgress, ImportRefused, ImportReport, Outcome
from ummsg.services.imports.rejects import RejectsFile
from ummsg.services.imports.source import Source, open_source
from ummsg.store.engine import Store, Transaction

CHUNK = 10_000
"""Rows in a transaction: other writers wait for about 0.2 s, and the rows of two chunks fit in 30 MiB."""

EXAMPLES = 10


class Kind(Protocol):
    """What is imported: how a row is checked, and how a chunk of them gets into the directory."""

    columns: Columns

    def record(self, row: Cells, values: dict[str, str]) -> Any:
        """Raises InvalidInput with what is wrong."""

    def apply(self, tx: Transaction, records: Sequence[Any], staged: Callable[[], None]) -> Outcome: ...


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
    rows = open_source(source, kind.columns.names)
    try:
        return _Run(store, kind, rows, options, progress, ahead=isinstance(source, Path)).run(source)
    finally:
        rows.close()


class _Run:
    def __init__(
        self,
        store: Store,
        kind: Kind,
        source: Source,
        options: ImportOptions,
        progress: Callable[[ImportProgress], None],
        *,
        ahead: bool,
    ) -> None:
        self._store = store
        self._kind = kind
        self._source = source
        self._options = options
        self._watch = progress
        self._progress = ImportProgress(size=source.size)
        self._report = ImportReport()
        self._chunks = _Ahead(self._read()) if ahead else _InTurn(self._read())

    def run(self, source: Path | BinaryIO) -> ImportReport:
        options = self._options
        target = _checked(options.rejects or rejects_beside(source))
        always = not (options.strict or options.dry_run)
        with RejectsFile(target, self._source.headers, always=always) as rejects, self._all_or_nothing() as tx:
            for records, rejected in self._chunks:
                self._count(rejects, self._apply(tx, records), rejected)
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

    def _apply(self, tx: Transaction | None, records: Sequence[Any]) -> Outcome:
        with self._store.begin() if tx is None else nullcontext(tx) as transaction:
            return self._kind.apply(transaction, records, self._chunks.prepare)

    def _read(self) -> Iterator[tuple[list[Any], list[Rejected]]]:
        """Checked rows, a chunk at a time, and the bad ones among them."""
        records: list[Any] = []
        rejected: list[Rejected] = []
        check = self._kind.record
        for row in self._source.rows:
            if isinstance(row, Rejected):
                rejected.append(row)
            else:
                try:
                    records.append(check(*row))
                except InvalidInput as error:
                    rejected.append(Rejected(row[0], error.what))
            if len(records) + len(rejected) >= CHUNK:
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


def _checked(target: Path) -> Path:
    """Found out before the first row is kept, not after."""
    if target.is_dir() or not os.access(target.parent, os.W_OK):
        raise InvalidInput(f"The rejects file {target} cannot be written", hint="give another with --rejects FILE")
    return target


class _InTurn:
    """Chunks, each read when it is asked for: standard input may keep us waiting."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[Any]:
        return self._chunks

    def prepare(self) -> None:
        pass


class _Ahead:
    """Chunks, the next of which is read in a thread while the database is at work on the one before."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks
        self._thread: threading.Thread | None = None
        self._next: Any = None
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[Any]:
        self.prepare()
        while (chunk := self._awaited()) is not None:
            yield chunk
            self.prepare()

    def prepare(self) -> None:
        """Start on the next chunk, if nobody has yet."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()

    def _read(self) -> None:
        try:
            self._next = next(self._chunks, None)
        except BaseException as error:
            self._error = error

    def _awaited(self) -> Any:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error
        chunk, self._next = self._next, None
        return chunk
