"""The file of bad rows: line, reason, and the cells as they were."""

import csv
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ummsg.domain.imported import Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.csv_rows import REJECTS_HEADER


class RejectsFile:
    """Written beside its target as rows come, and put in its place by `keep`; without bad rows there is no file.

    `always` says that the good rows stay even if the run breaks off: so does then the file.
    """

    def __init__(self, target: Path, headers: Sequence[str], *, always: bool) -> None:
        self._target = target
        self._headers = headers
        self._always = always
        self._file: Any = None

    def __enter__(self) -> "RejectsFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._always:
            self.keep()
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink()

    def write(self, rejected: Iterable[Rejected]) -> None:
        for bad in rejected:
            if self._file is None:
                self._open()
            cells = bad.row.cells if bad.row.original is None else [bad.row.original]
            self._writer.writerow([bad.row.line, bad.reason, *map(harmless, cells)])

    def keep(self) -> Path | None:
        """Put the file in its place; returns that, or None if there were no bad rows."""
        if self._file is None:
            return None
        self._file.close()
        Path(self._file.name).replace(self._target)
        self._file = None
        return self._target

    def _open(self) -> None:
        try:
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by `keep` or `__exit__`
                "w",
                prefix=f".{self._target.name}.",
                dir=self._target.parent,
                encoding="utf-8",
                errors="surrogateescape",
                newline="",
                delete=False,
            )
        except OSError as error:
            raise InvalidInput(
                f"The rejects file {self._target} cannot be written: {error.strerror}", hint="--rejects FILE elsewhere"
            ) from None
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([*REJECTS_HEADER, *self._headers])


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; reading a rejects file takes the apostrophe off again."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
