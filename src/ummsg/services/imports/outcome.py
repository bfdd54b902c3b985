"""What became of an import's rows."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from ummsg.domain.imported import CustomerRecord, Rejected
from ummsg.errors import InvalidInput


@dataclass
class Outcome:
    """Of a chunk."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)


class Seen:
    """On which line of this file each stored row was met: 4 bytes a row, by id."""

    def __init__(self) -> None:
        self._lines = array("I")

    def note(self, row_id: int, line: int) -> None:
        self._make_room(row_id)
        self._lines[row_id] = line

    def note_all(self, ids: Sequence[int], records: Sequence[CustomerRecord]) -> None:
        """Note those that have an id."""
        self._make_room(max(ids, default=0))
        lines = self._lines
        for row_id, line in zip(ids, map(attrgetter("row.line"), records), strict=True):
            lines[row_id] = line  # that of 0 is never asked for

    def _make_room(self, row_id: int) -> None:
        if row_id >= len(self._lines):
            self._lines.frombytes(bytes(4 * (row_id + 65536 - len(self._lines))))

    def check(self, row_id: int, line: int, *, differs: bool) -> None:
        """Note a row that was stored already. Raises InvalidInput if an earlier line said something else about it."""
        earlier = self._lines[row_id] if row_id < len(self._lines) else 0
        if not earlier:
            self.note(row_id, line)
        elif differs:
            raise InvalidInput(f"is the same as line {earlier}, with other data")


@dataclass(frozen=True)
class ImportOptions:
    """How to import. `rejects` is where bad rows go; None for the usual place."""

    strict: bool = False
    dry_run: bool = False
    rejects: Path | None = None


@dataclass
class ImportProgress:
    """How far a run is; `position` and `size` are bytes, `size` None where it is not known."""

    rows: int = 0
    rejected: int = 0
    position: int = 0
    size: int | None = None


@dataclass
class ImportReport:
    """How a run ended. `examples` are the first bad rows, `rejects` the file with all of them, if there is one."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    examples: list[Rejected] = field(default_factory=list)
    rejects: Path | None = None
    ignored_columns: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.unchanged + self.rejected


class ImportRefused(InvalidInput):
    """`--strict`: there were bad rows, so that nothing was kept."""
