"""An import's input: a file or standard input, opened, recognised and read row by row."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ummsg.errors import InvalidInput
from ummsg.services.imports.block import Block
from ummsg.services.imports.csv_rows import CsvRows
from ummsg.services.imports.jsonl_rows import JsonlRows
from ummsg.services.imports.lines import Lines

_SIGNATURES = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a spreadsheet or zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"\x1f\x8b": "a gzip archive",
    b"SQLite format 3": "a SQLite database",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_JSON_LINES = (".jsonl", ".ndjson")
_BOM = b"\xef\xbb\xbf"


@dataclass
class Source:
    """An open input. `blocks` can be iterated once."""

    name: str
    size: int | None
    """In bytes; None where it is not known beforehand."""
    headers: Sequence[str]
    """Of the rejects file."""
    blocks: Iterator[Block]
    position: Callable[[], int]
    """Bytes read so far."""
    close: Callable[[], None]


Naming = Callable[[Sequence[str]], list[str]]
"""Turns a file's headers into our names for the columns, or raises InvalidInput."""


def open_source(source: Path | BinaryIO, naming: Naming, bare: str = "") -> Source:
    """Open and recognise the input, which is closed with it. `bare` is the column of addresses, if a file may do
    without a header.

    Raises InvalidInput if it cannot be read, is empty, or is no CSV or JSON Lines.
    """
    name = str(source) if isinstance(source, Path) else "standard input"
    binary = _opened(source)
    try:
        size = source.stat().st_size if isinstance(source, Path) and source.is_file() else None
        json_lines = _recognised(binary, name, isinstance(source, Path) and source.suffix.lower() in _JSON_LINES)
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
        lines = Lines(text)
        reader = JsonlRows(lines, naming) if json_lines else CsvRows(lines, naming, name, bare)
    except BaseException:
        binary.close()
        raise
    return Source(name, size, reader.headers, iter(reader), lambda: _position(binary), text.close)


def _opened(source: Path | BinaryIO) -> io.BufferedReader:
    if not isinstance(source, Path):
        return source if isinstance(source, io.BufferedReader) else io.BufferedReader(source)  # type: ignore[arg-type]
    try:
        return source.open("rb")
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {source}") from None
    except OSError as error:
        raise InvalidInput(f"{source} cannot be read: {error.strerror}") from None


def _position(binary: io.BufferedReader) -> int:
    return 0 if binary.closed or not binary.seekable() else binary.tell()


def _recognised(binary: io.BufferedReader, name: str, json_lines: bool) -> bool:
    """Whether it is JSON Lines; otherwise it is CSV."""
    start = binary.peek(4096)
    for signature, what in _SIGNATURES.items():
        if start.startswith(signature):
            raise InvalidInput(f"{name} is {what}, not a CSV or JSON Lines file", hint="save it as CSV in UTF-8")
    text = start.removeprefix(_BOM).lstrip()
    if not text and len(start) < 4096:
        raise InvalidInput(f"{name} is empty", hint="give a CSV file with a header line, or JSON Lines")
    if text.startswith(b"[") and not json_lines:
        raise InvalidInput(f"{name} is a JSON array", hint="write one object a line (JSON Lines): jq -c '.[]'")
    return json_lines or text.startswith(b"{")
