"""Reading an input as an import does, without a database."""

import io
from collections.abc import Sequence
from pathlib import Path

from ummsg.domain.imported import Cells, Rejected
from ummsg.services.imports.source import open_source


def names(headers: Sequence[str]) -> list[str]:
    return [header.lower() for header in headers]


def read(content: str | bytes | Path) -> tuple[list[tuple[int, dict[str, str]]], list[tuple[int, str]]]:
    """The rows with their lines, and the lines that were refused with the reasons."""
    rows, rejected = read_all(content)
    return rows, [(bad.row.line, bad.reason) for bad in rejected]


def read_all(content: str | bytes | Path) -> tuple[list[tuple[int, dict[str, str]]], list[Rejected]]:
    data = content.encode() if isinstance(content, str) else content
    source = open_source(data if isinstance(data, Path) else io.BytesIO(data), names)
    rows: list[tuple[Cells, dict[str, str]]] = []
    rejected: list[Rejected] = []
    for block in source.blocks:
        rows += block
        rejected += block.rejected
    source.close()
    return [(row.line, values) for row, values in rows], rejected
