"""Rows of a JSON Lines file: an object a line."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ummsg.domain.imported import Cells, Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.block import Block
from ummsg.services.imports.lines import Lines, TooLong

LINE_SHOWN = 100_000
"""Characters of a bad line that go into the rejects file."""

BLOCK = 1000


class JsonlRows:
    """Every row brings its own columns; bad rows come as Rejected."""

    headers = ("row",)
    columns: Sequence[str] = ()

    def __init__(self, lines: Lines, naming: Callable[[Sequence[str]], list[str]]) -> None:
        self._lines = lines
        self._naming = naming
        self._named: dict[tuple[str, ...], list[str]] = {}
        decoder = json.JSONDecoder(object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=_refuse)
        self._decode = decoder.decode

    def __iter__(self) -> Iterator[Block]:
        """Neighbours with the same keys make a block."""
        block = Block(())
        for read in self._rows():
            if isinstance(read, Rejected):
                block.rejected.append(read)
                continue
            columns, row = read
            if columns is not block.columns or len(block.rows) >= BLOCK:
                yield block
                block = Block(columns)
            block.rows.append(row)
        yield block

    def _rows(self) -> Iterator[tuple[list[str], Cells] | Rejected]:
        lines = self._lines
        while True:
            number = lines.start_row()
            try:
                text = next(lines).strip()
                if text:
                    columns, values = self._values(text)
                    yield columns, Cells(number, values, text)
            except StopIteration:
                return
            except (InvalidInput, TooLong) as error:
                yield Rejected(Cells(number, [lines.give_back()[:LINE_SHOWN]]), str(error))

    def _values(self, text: str) -> tuple[list[str], list[str]]:
        try:
            pairs = self._decode(text)
        except ValueError as error:
            raise InvalidInput(f"is not JSON: {error}") from None
        except RecursionError:
            raise InvalidInput("is nested too deeply") from None
        if not isinstance(pairs, tuple):
            raise InvalidInput("is not a JSON object")
        keys = tuple(key for key, _ in pairs)
        return self._names(keys), [_text(key, value) for key, value in pairs]

    def _names(self, keys: tuple[str, ...]) -> list[str]:
        names = self._named.get(keys)
        if names is None:
            names = self._naming(keys)
            if len(self._named) < 1000:
                self._named[keys] = names
        return names


def _text(key: str, value: Any) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() if all(isinstance(item, str) for item in value):
            return ";".join(value)
    raise InvalidInput(f"{key}: is neither text, a number, yes or no, nor a list of texts")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
