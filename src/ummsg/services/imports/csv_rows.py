"""Rows of a CSV file."""

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat

from ummsg.domain.address import shown
from ummsg.domain.imported import Cells, Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.block import Block
from ummsg.services.imports.lines import LINE_LIMIT, Lines, TooLong

COLUMN_LIMIT = 500
DELIMITERS = ",;\t"
REJECTS_HEADER = ["line", "reason"]
"""How a rejects file begins; corrected, it can be imported, without these two."""

_FORMULA = ("'=", "'+", "'-", "'@", "'\t", "'\r")


class CsvRows:
    """Raises InvalidInput for a header that makes no sense, when made; bad rows come as Rejected."""

    def __init__(self, lines: Lines, naming: Callable[[Sequence[str]], list[str]], name: str, bare: str = "") -> None:
        self._lines = lines
        header = _header(lines, name)
        if bare and _is_address(header):
            lines.give_back_all()
            header = bare
        self._delimiter = _delimiter(header)
        self.headers = self._header_cells(header, name)
        self._corrected = self.headers[:2] == REJECTS_HEADER
        if self._corrected:
            del self.headers[:2]
        self.columns = naming(self.headers)

    def __iter__(self) -> Iterator[Block]:
        while lines := self._lines.block():
            yield self._block(self._at_once(lines) or list(self._one_by_one()))

    def _header_cells(self, header: str, name: str) -> list[str]:
        cells = next(csv.reader([header], delimiter=self._delimiter))
        while cells and not cells[-1].strip():
            cells.pop()
        if len(cells) > COLUMN_LIMIT:
            raise InvalidInput(f"{name} has {len(cells):,} columns; {COLUMN_LIMIT} are the most that make sense")
        if empty := [number for number, cell in enumerate(cells, 1) if not cell.strip()]:
            raise InvalidInput(
                f"{name}: column {empty[0]} has no name", hint="name it in the header line, or remove it"
            )
        return [cell.strip() for cell in cells]

    def _at_once(self, lines: Sequence[str]) -> list[Cells | Rejected]:
        """The rows of a block in which every line is one; nothing if it is another."""
        if len(lines[-1]) >= LINE_LIMIT:
            return []
        try:
            rows = list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return []
        if len(rows) != len(lines):
            return []
        start = self._lines.start_row()
        self._lines.skip()
        numbered = zip(range(start, start + len(rows)), rows, repeat(None), strict=False)
        return list(map(tuple.__new__, repeat(Cells), numbered))  # as Cells(...), without a call of Python's a row

    def _one_by_one(self) -> Iterator[Cells | Rejected]:
        """The rows that begin in the block, over several lines, or not to be read at all."""
        lines = self._lines
        while lines.read_ahead:
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            line = lines.start_row()
            try:
                yield Cells(line, next(reader))
            except (csv.Error, TooLong) as error:
                yield Rejected(Cells(line, [lines.give_back()]), _why(error))

    def _block(self, rows: Sequence[Cells | Rejected]) -> Block:
        block = Block(self.columns)
        for row in rows:
            if isinstance(row, Rejected):
                block.rejected.append(row)
            elif len(row.cells) == len(self.columns) and not self._corrected:
                block.rows.append(row)
            elif row.cells:
                self._add(block, row)
        return block

    def _add(self, block: Block, row: Cells) -> None:
        cells = row.cells
        if self._corrected:
            cells = [cell[1:] if cell.startswith(_FORMULA) else cell for cell in cells[len(REJECTS_HEADER) :]]
        expected = len(self.columns)
        if len(cells) < expected or any(cells[expected:]):
            reason = f"has {len(cells)} cells; the header has {expected}"
            block.rejected.append(Rejected(Cells(row.line, cells), reason))
        else:
            block.rows.append(Cells(row.line, cells[:expected]))


def _header(lines: Lines, name: str) -> str:
    """The first line that is not blank."""
    text = ""
    try:
        while not text:
            lines.start_row()
            text = next(lines).strip("\r\n ")
    except StopIteration:
        raise InvalidInput(f"{name} is empty", hint="give a CSV file with a header line") from None
    except TooLong as error:
        raise InvalidInput(f"{name}: the header {error}: that is no CSV file") from None
    if "\0" in text:
        raise InvalidInput(f"{name} has NUL bytes in its first line: it is not text", hint="save it as CSV in UTF-8")
    if not _is_utf8(text):
        raise InvalidInput(f"{name} is not UTF-8 text", details=[f"line {lines.number}: {shown(text)}"], hint=_RECODE)
    return text


def _is_address(header: str) -> bool:
    """Whether the first line is data: no column's name has an @ in it."""
    return "@" in header and not any(delimiter in header for delimiter in DELIMITERS)


_RECODE = "save it as CSV in UTF-8, or: iconv -f windows-1252 -t utf-8 FILE"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _delimiter(header: str) -> str:
    """The delimiter that the header has most of, outside quotes."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _why(error: Exception) -> str:
    if isinstance(error, TooLong):
        return str(error)
    said = str(error)
    if "unexpected end" in said:
        return "opens a quote that is never closed"
    if "field limit" in said:
        return "has a cell of more than 131,072 characters; perhaps a quote that is never closed"
    if "expected after" in said:
        return "has text after a closing quote; a quote inside a cell is written twice"
    return f"is not CSV: {said}"
