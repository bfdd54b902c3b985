"""Rows checked one by one, cell by cell, with the column named in what is wrong."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from ummsg.domain.imported import Cells, Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.block import Block

T = TypeVar("T")


def each_row(block: Block, check: Callable[[Cells, Mapping[str, str]], T]) -> list[T]:
    """What `check` makes of the rows; those that it refuses are added to the block's rejected."""
    records = []
    for row, values in block:
        try:
            records.append(check(row, values))
        except InvalidInput as error:
            block.rejected.append(Rejected(row, error.what))
    return records


def cleaned(values: Mapping[str, str], column: str, clean: Callable[[str], T]) -> T | None:
    """The value of a column; None if the file has no such column. Raises InvalidInput."""
    value = values.get(column)
    if value is None:
        return None
    try:
        return clean(value)
    except InvalidInput as error:
        raise InvalidInput(f"{column}: {error.what}") from None


def required(values: Mapping[str, str], column: str, clean: Callable[[str], T]) -> T:
    """As `cleaned`, for a column that no row may leave empty."""
    value = cleaned(values, column, clean)
    if not value:
        raise InvalidInput(f"{column}: is empty")
    return value
