"""Some rows of a file that have the same columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ummsg.domain.imported import Cells, Rejected


@dataclass
class Block:
    """Rows as long as `columns`, in the order of the file, and those beside them that could not be read."""

    columns: Sequence[str]
    rows: list[Cells] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Cells, dict[str, str]]]:
        """Each row with its values by column."""
        for row in self.rows:
            yield row, dict(zip(self.columns, row.cells, strict=True))

    def by_column(self) -> dict[str, Sequence[str]]:
        return dict(zip(self.columns, zip(*(row.cells for row in self.rows), strict=True), strict=True))

    def halves(self) -> "tuple[Block, Block]":
        middle = len(self.rows) // 2
        return Block(self.columns, self.rows[:middle]), Block(self.columns, self.rows[middle:])
