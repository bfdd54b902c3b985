"""What an expression in a message may do to its values: every operation there is, each with a bounded result.

`sandbox.py` rewrites a template so that nothing but these functions runs. None of them can reach an attribute, and
none can make a string, number or list larger than the bounds below: no clock is needed to stop a runaway template.
"""

import math
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.filters import do_capitalize, do_title
from jinja2.runtime import Context, Undefined

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
    raise RenderFailed(f"the result is {_kind(value)}, not text")


def _kind(value: Any) -> str:
    if value is None:
        return "nothing (none)"
    kinds = {str: "text", int: "a number", float: "a number", bool: "true or false", range: "a range", dict: "a table"}
    return kinds.get(type(value), "a list")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(printable(value))


def _number(value: Any) -> int | float:
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = "; make it a number with | int or | float" if isinstance(value, str) else ""
        raise RenderFailed(f"{_kind(value)} cannot be calculated with{hint}")
    return value


def _bounded_text(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise too_long(len(value))
    meter.charge(len(value))
    return value


def too_long(length: int) -> RenderFailed:
    return RenderFailed(f"an expression makes a text of {length:,} characters; {MAX_TEXT:,} are allowed")


def _bounded_number(value: int | float) -> int | float:
    if not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise RenderFailed("an expression makes a number beyond 10 to the 18th")
    return value


# Operators


def add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return _bounded_text(left + right)
    if isinstance(left, str) or isinstance(right, str):
        _text(left), _text(right)
        raise RenderFailed("text and a number cannot be added; join them with ~ or make it a number with | int")
    return _bounded_number(_number(left) + _number(right))


def multiply(left: Any, right: Any) -> Any:
    if isinstance(right, str):
        left, right = right, left
    if not isinstance(left, str):
        return _bounded_number(_number(left) * _number(right))
    if not isinstance(right, int):
        raise RenderFailed("text can only be repeated a whole number of times")
    if len(left) * right > MAX_TEXT:
        raise too_long(len(left) * right)
    return _bounded_text(left * right)


def subtract(left: Any, right: Any) -> Any:
    return _bounded_number(_number(left) - _number(right))


def divide(left: Any, right: Any) -> Any:
    return _number(left) / _nonzero(right)


def floor_divide(left: Any, right: Any) -> Any:
    return _number(left) // _nonzero(right)


def modulo(left: Any, right: Any) -> Any:
    return _number(left) % _nonzero(right)


def _nonzero(value: Any) -> int | float:
    if _number(value) == 0:
        raise RenderFailed("a division by zero")
    return _number(value)


def concatenate(*parts: Any) -> str:
    return _bounded_text("".join([_text(part) for part in parts]))


def item(value: Any, key: Any) -> Any:
    """`value[key]`: a character, an item of a list, or an entry of a table of constants; empty if it is not there."""
    if isinstance(value, Undefined):
        str(value)
    wanted = str if isinstance(value, dict) else int
    if not isinstance(value, (str, list, tuple, range, dict)) or not isinstance(key, (wanted, Empty)):
        raise RenderFailed(f"{_kind(value)} has no item {str(key)[:40]!r}")
    try:
        return value["" if isinstance(key, Empty) else key]  # type: ignore[index]
    except LookupError:
        return Empty(name=f"item {str(key)[:40]!r} of {_kind(value)}")


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
    number = _number(value)
    if number != int(number):
        raise RenderFailed("range() takes whole numbers")
    return int(number)


# Filters. One that is given an empty placeholder hands it on, so that printing it is still an error and a
# default further along still works.


def _of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    def filtered(value: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(value, Undefined):
            return value
        meter.charge(len(text := _text(value)))
        result = function(text, *arguments, **named)
        return _bounded_text(result) if isinstance(result, str) else result

    return filtered


def default(value: Any, instead: Any = "", boolean: bool = False) -> Any:
    """Jinja's own, except that an empty value counts as missing: that is what a default is for here."""
    missing = isinstance(value, Undefined) or value is None or value == "" or (boolean and not value)
    return instead if missing else value


def replace(value: str, old: Any, new: Any, count: int = -1) -> str:
    old, new = _text(old), _text(new)
    times = value.count(old) if count < 0 else min(count, value.count(old))
    if (length := len(value) + times * (len(new) - len(old))) > MAX_TEXT:
        raise too_long(length)
    return value.replace(old, new, count)


def truncate(value: str, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 0) -> str:
    if len(value) <= length + leeway:
        return value
    cut = value[: max(0, length - len(end))]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


def rounded(value: Any, precision: int = 0, method: str = "common") -> Any:
    if isinstance(value, Undefined):
        return value
    if not 0 <= precision <= 10:
        raise RenderFailed("round takes 0 to 10 decimals")
    if method not in ("common", "ceil", "floor"):
        raise RenderFailed("round's method is common, ceil or floor")
    if method == "common":
        return round(float(_number(value)), precision)
    direction = math.ceil if method == "ceil" else math.floor
    return direction(_number(value) * 10**precision) / 10**precision


_NO_DEFAULT = object()


def whole_number(value: Any, instead: Any = _NO_DEFAULT) -> Any:
    return _as_number(value, instead, int)


def decimal_number(value: Any, instead: Any = _NO_DEFAULT) -> Any:
    return _as_number(value, instead, float)


def _as_number(value: Any, instead: Any, kind: type[int] | type[float]) -> Any:
    if isinstance(value, Undefined):
        return value if instead is _NO_DEFAULT else instead
    try:
        number = float(value) if not isinstance(value, str) or len(value) <= 40 else math.nan
        exact = int(value) if kind is int and not isinstance(value, float) else kind(number)
    except (ValueError, TypeError, OverflowError):
        try:
            exact = kind(float(value))
        except (ValueError, TypeError, OverflowError):
            exact = kind(math.nan) if kind is float else None  # type: ignore[assignment]
    if exact is not None and math.isfinite(exact):
        return _bounded_number(exact)
    if instead is _NO_DEFAULT:
        raise RenderFailed(f"{str(value)[:40]!r} is not a number; give a default: | {kind.__name__}(0)")
    return instead


def length(value: Any) -> int:
    if isinstance(value, (str, list, tuple, range, dict, Undefined)):
        return len(value)
    raise RenderFailed(f"{_kind(value)} has no length")


def first(value: Any) -> Any:
    return value if isinstance(value, Undefined) else item(value, 0)


def last(value: Any) -> Any:
    return value if isinstance(value, Undefined) else item(value, -1)


def join(value: Any, separator: Any = "") -> Any:
    if isinstance(value, Undefined):
        return value
    parts = [_text(piece) for piece in items(value)]
    total = sum(map(len, parts)) + len(_text(separator)) * max(0, len(parts) - 1)
    if total > MAX_TEXT:
        raise too_long(total)
    return _text(separator).join(parts)


def items(value: Any) -> list[Any]:
    if isinstance(value, Undefined):
        return []
    if not isinstance(value, (str, list, tuple, range, dict)):
        raise RenderFailed(f"{_kind(value)} cannot be looped over")
    if len(value) > MAX_ITEMS:
        raise RenderFailed(f"a loop over {len(value):,} items; {MAX_ITEMS:,} are allowed")
    meter.charge(WORK_PER_TURN * len(value))
    return list(value)


@pass_context  # or else Jinja would compute a constant one once and for all, uncounted
def turns(_: Context, value: Any) -> list[Any]:
    """What a loop runs over."""
    return items(value)


def absolute(value: Any) -> Any:
    return value if isinstance(value, Undefined) else abs(_number(value))


_A_TAG = re.compile(r"<[^<>]*>")
_SPACES = re.compile(r"\s+")


def strip_tags(value: str) -> str:
    return _SPACES.sub(" ", _A_TAG.sub("", value)).strip()


def split(value: str, separator: Any = None, maxsplit: int = -1) -> list[str]:
    parts = value.split(None if separator is None else _text(separator), maxsplit)
    if len(parts) > MAX_ITEMS:
        raise RenderFailed(f"split() makes {len(parts):,} items; {MAX_ITEMS:,} are allowed")
    return parts


@pass_context
def next_number(_: Context, of_list: str, start: int | None = None) -> int | str:
    """The number of the next item of a list whose items come and go with the recipient; `start` begins it anew."""
    if start is not None:
        meter.numbers[of_list] = start - 1
        return ""
    meter.numbers[of_list] += 1
    return meter.numbers[of_list]


def unchanged(value: str) -> str:
    """`escape`: every value is escaped for where it lands anyway, so there is nothing left to do."""
    return value


FILTERS: Mapping[str, Callable[..., Any]] = {
    "abs": absolute,
    "capitalize": _of_text(do_capitalize),
    "count": length,
    "d": default,
    "default": default,
    "e": _of_text(unchanged),
    "escape": _of_text(unchanged),
    "first": first,
    "float": decimal_number,
    "int": whole_number,
    "join": join,
    "last": last,
    "length": length,
    "lower": _of_text(str.lower),
    "replace": _of_text(replace),
    "round": rounded,
    "striptags": _of_text(strip_tags),
    "title": _of_text(do_title),
    "trim": _of_text(str.strip),
    "truncate": _of_text(truncate),
    "upper": _of_text(str.upper),
}
"""What an author may write after `|`."""


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(value: Any, *arguments: Any) -> Any:
        if isinstance(value, Undefined):
            return str(value)
        if not isinstance(value, str):
            raise RenderFailed(f"{_kind(value)} has no such method; it is for text")
        meter.charge(len(value))
        result = function(value, *arguments)
        return _bounded_text(result) if isinstance(result, str) else result

    return called


METHODS: Mapping[str, Callable[..., Any]] = {
    "capitalize": _method(str.capitalize),
    "count": _method(str.count),
    "endswith": _method(str.endswith),
    "find": _method(str.find),
    "isdigit": _method(str.isdigit),
    "lower": _method(str.lower),
    "lstrip": _method(str.lstrip),
    "replace": _method(replace),
    "rstrip": _method(str.rstrip),
    "split": _method(split),
    "startswith": _method(str.startswith),
    "strip": _method(str.strip),
    "title": _method(str.title),
    "upper": _method(str.upper),
}
"""What an author may call on a text: `customer_name.split()`."""

TESTS = ("defined", "undefined", "none", "string", "number", "odd", "even", "divisibleby", "in", "eq", "ne")
"""What an author may write after `is`; Jinja's own."""
