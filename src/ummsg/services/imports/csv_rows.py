"""Rows of a CSV file."""

import csv
from collections.abc import Callable, Iterator, Sequence

from ummsg.domain.address import shown
from ummsg.domain.imported import Cells, Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.lines import Lines, TooLong

COLUMN_LIMIT = 500
DELIMITERS = ",;\t"
REJECTS_HEADER = ["line", "reason"]
"""How a rejects file begins; corrected, it can be imported, without these two."""

_FORMULA = ("'=", "'+", "'-", "'@", "'\t", "'\r")


class CsvRows:
    """Raises InvalidInput for a header that makes no sense, when made; bad rows come as Rejected."""

    def __init__(self, lines: Lines, naming: Callable[[Sequence[str]], list[str]], name: str) -> None:
        self._lines = lines
        header = _header(lines, name)
        self._delimiter = _delimiter(header)
        self.headers = self._header_cells(header, name)
        self._corrected = self.headers[:2] == REJECTS_HEADER and len(self.headers) > 2
        self._skipped = 2 if self._corrected else 0
        self.headers = self.headers[self._skipped :]
        self.columns = naming(self.headers)

    def __iter__(self) -> Iterator[tuple[Cells, dict[str, str]] | Rejected]:
        for row in self._rows():
            yield row if isinstance(row, Rejected) else self._named(row)

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

    def _rows(self) -> Iterator[Cells | Rejected]:
        lines = self._lines
        while True:
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            try:
                line = lines.start_row()
                for cells in reader:
                    if cells:
                        yield Cells(line, cells)
                    line = lines.start_row()
                return
            except (csv.Error, TooLong) as error:
                yield Rejected(Cells(line, [lines.give_back()]), _why(error))

    def _named(self, row: Cells) -> tuple[Cells, dict[str, str]] | Rejected:
        cells = row.cells
        if self._skipped:
            cells = [cell[1:] if cell.startswith(_FORMULA) else cell for cell in cells[self._skipped :]]
            row = Cells(row.line, cells)
        expected = len(self.columns)
        if len(cells) != expected and (len(cells) < expected or any(cells[expected:])):
            return Rejected(row, f"has {len(cells)} cells; the header has {expected}")
        return row, dict(zip(self.columns, cells, strict=False))


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
