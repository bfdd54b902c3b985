"""The values of a message and the operators on them, each with a bounded result.

`program.py` rewrites a template so that nothing but these functions and those of `filters.py` runs. None of them can
reach an attribute, and none can make a text, number or list larger than the bounds below: no clock is needed to stop
a runaway template.
"""

import threading
from typing import Any

from jinja2.runtime import Undefined

MAX_TEXT = 100_000
"""Characters in any value that an expression makes."""
MAX_NUMBER = 10**18
MAX_ITEMS = 10_000
"""Items of one list or range."""
MAX_WORK = 5_000_000
"""Characters handled, and a hundred for each turn of a loop, in one rendering."""
WORK_PER_TURN = 100


class RenderFailed(Exception):
    """The message cannot be made for this recipient; the text says why, and where. `field` is subject or content."""

    def __init__(self, message: str, field: str = "content") -> None:
        super().__init__(message)
        self.field = field


class EmptyMessage(RenderFailed):
    """Every part of the subject or the content was left out for this recipient."""


class EmptyPlaceholder(Exception):
    """A placeholder has no value for this recipient, and the text gives no default. `name` is the placeholder."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is empty")
        self.name = name


class _Meter(threading.local):
    """The work that the rendering on this thread may still do."""

    left = MAX_WORK

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def reset(self) -> None:
        self.left = MAX_WORK
        self.numbers.clear()

    def charge(self, work: int) -> None:
        self.left -= work
        if self.left < 0:
            raise RenderFailed("the loops and expressions do more work than one message may; make them smaller")


meter = _Meter()


class Empty(Undefined):
    """A placeholder without a value: false, equal to "", usable with a default; printing it is an error."""

    __slots__ = ()

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise EmptyPlaceholder(self._undefined_name or "a placeholder")

    __str__ = __html__ = __getattr__ = _fail
    __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __pos__ = __getitem__ = __call__ = _fail
    __int__ = __float__ = __complex__ = _fail

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Undefined) or (isinstance(other, str) and other == "")

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash("")

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __contains__(self, item: object) -> bool:
        return item == ""

    def __iter__(self) -> Any:
        return iter(())


def printable(value: Any) -> Any:
    """The environment's `finalize`: only text and numbers can be shown to a customer."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, Undefined):
        return str(value)
    if isinstance(value, bool):
        raise RenderFailed(f"the result is {value}, not text; use a conditional: {{{{ 'yes' if … else 'no' }}}}")
    raise RenderFailed(f"the result is {kind_of(value)}, not text")


def kind_of(value: Any) -> str:
    if value is None:
        return "nothing (none)"
    kinds = {str: "text", int: "a number", float: "a number", bool: "true or false", range: "a range", dict: "a table"}
    return kinds.get(type(value), "a list")


def text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(printable(value))


def number_of(value: Any) -> int | float:
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = "; make it a number with | int or | float" if isinstance(value, str) else ""
        raise RenderFailed(f"{kind_of(value)} cannot be calculated with{hint}")
    return value


def bounded_text(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise too_long(len(value))
    meter.charge(len(value))
    return value


def too_long(length: int) -> RenderFailed:
    return RenderFailed(f"an expression makes a text of {length:,} characters; {MAX_TEXT:,} are allowed")


def bounded_number(value: int | float) -> int | float:
    if not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise RenderFailed("an expression makes a number beyond 10 to the 18th")
    return value


# Operators


def add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return bounded_text(left + right)
    if isinstance(left, str) or isinstance(right, str):
        text_of(left), text_of(right)
        raise RenderFailed("text and a number cannot be added; join them with ~ or make it a number with | int")
    return bounded_number(number_of(left) + number_of(right))


def multiply(left: Any, right: Any) -> Any:
    if isinstance(right, str):
        left, right = right, left
    if not isinstance(left, str):
        return bounded_number(number_of(left) * number_of(right))
    if not isinstance(right, int):
        raise RenderFailed("text can only be repeated a whole number of times")
    if len(left) * right > MAX_TEXT:
        raise too_long(len(left) * right)
    return bounded_text(left * right)


def subtract(left: Any, right: Any) -> Any:
    return bounded_number(number_of(left) - number_of(right))


def divide(left: Any, right: Any) -> Any:
    return number_of(left) / _nonzero(right)


def floor_divide(left: Any, right: Any) -> Any:
    return number_of(left) // _nonzero(right)


def modulo(left: Any, right: Any) -> Any:
    return number_of(left) % _nonzero(right)


def _nonzero(value: Any) -> int | float:
    if number_of(value) == 0:
        raise RenderFailed("a division by zero")
    return number_of(value)


def concatenate(*parts: Any) -> str:
    return bounded_text("".join([text_of(part) for part in parts]))


def item(value: Any, key: Any) -> Any:
    """`value[key]`: a character, an item of a list, or an entry of a table of constants; empty if it is not there."""
    if isinstance(value, Undefined):
        str(value)
    wanted = str if isinstance(value, dict) else int
    if not isinstance(value, (str, list, tuple, range, dict)) or not isinstance(key, (wanted, Empty)):
        raise RenderFailed(f"{kind_of(value)} has no item {str(key)[:40]!r}")
    try:
        return value["" if isinstance(key, Empty) else key]  # type: ignore[index]
    except LookupError:
        return Empty(name=f"item {str(key)[:40]!r} of {kind_of(value)}")


def part(value: Any, start: Any, stop: Any, step: Any) -> Any:
    if isinstance(value, Undefined):
        return value
    return value[slice(start, stop, step)]


def number_range(*bounds: Any) -> range:
    made = range(*(bound if isinstance(bound, int) else _whole(bound) for bound in bounds))
    if len(made) > MAX_ITEMS:
        raise RenderFailed(f"range() has {len(made):,} items; {MAX_ITEMS:,} are allowed")
    return made


def _whole(value: Any) -> int:
    number = number_of(value)
    if number != int(number):
        raise RenderFailed("range() takes whole numbers")
    return int(number)
