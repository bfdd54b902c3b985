"""One cell, checked, with its column named in what is wrong with it."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from ummsg.errors import InvalidInput

T = TypeVar("T")


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
