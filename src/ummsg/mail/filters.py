"""What an author may write after `|`, `.` and `is`: filters, methods of texts, tests.

A filter that is given an empty placeholder hands it on, so that printing it is still an error and a default further
along still works.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.filters import do_capitalize, do_title
from jinja2.runtime import Context, Undefined

from ummsg.mail.values import (
    MAX_ITEMS,
    MAX_TEXT,
    WORK_PER_TURN,
    RenderFailed,
    bounded_number,
    bounded_text,
    item,
    kind_of,
    meter,
    number_of,
    text_of,
    too_long,
)


def _of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    def filtered(value: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(value, Undefined):
            return value
        meter.charge(len(text := text_of(value)))
        result = function(text, *arguments, **named)
        return bounded_text(result) if isinstance(result, str) else result

    return filtered


def default(value: Any, instead: Any = "", boolean: bool = False) -> Any:
    """Jinja's own, except that an empty value counts as missing: that is what a default is for here."""
    missing = isinstance(value, Undefined) or value is None or value == "" or (boolean and not value)
    return instead if missing else value


def replace(value: str, old: Any, new: Any, count: int = -1) -> str:
    old, new = text_of(old), text_of(new)
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
        return round(float(number_of(value)), precision)
    direction = math.ceil if method == "ceil" else math.floor
    return direction(number_of(value) * 10**precision) / 10**precision


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
        return bounded_number(exact)
    if instead is _NO_DEFAULT:
        raise RenderFailed(f"{str(value)[:40]!r} is not a number; give a default: | {kind.__name__}(0)")
    return instead


def length(value: Any) -> int:
    if isinstance(value, (str, list, tuple, range, dict, Undefined)):
        return len(value)
    raise RenderFailed(f"{kind_of(value)} has no length")


def first(value: Any) -> Any:
    return value if isinstance(value, Undefined) else item(value, 0)


def last(value: Any) -> Any:
    return value if isinstance(value, Undefined) else item(value, -1)


def join(value: Any, separator: Any = "") -> Any:
    if isinstance(value, Undefined):
        return value
    parts = [text_of(piece) for piece in items(value)]
    total = sum(map(len, parts)) + len(text_of(separator)) * max(0, len(parts) - 1)
    if total > MAX_TEXT:
        raise too_long(total)
    return text_of(separator).join(parts)


def items(value: Any) -> list[Any]:
    if isinstance(value, Undefined):
        return []
    if not isinstance(value, (str, list, tuple, range, dict)):
        raise RenderFailed(f"{kind_of(value)} cannot be looped over")
    if len(value) > MAX_ITEMS:
        raise RenderFailed(f"a loop over {len(value):,} items; {MAX_ITEMS:,} are allowed")
    meter.charge(WORK_PER_TURN * len(value))
    return list(value)


@pass_context  # or else Jinja would compute a constant one once and for all, uncounted
def turns(_: Context, value: Any) -> list[Any]:
    """What a loop runs over."""
    return items(value)


def absolute(value: Any) -> Any:
    return value if isinstance(value, Undefined) else abs(number_of(value))


_A_TAG = re.compile(r"<[^<>]*>")
_SPACES = re.compile(r"\s+")


def strip_tags(value: str) -> str:
    return _SPACES.sub(" ", _A_TAG.sub("", value)).strip()


def split(value: str, separator: Any = None, maxsplit: int = -1) -> list[str]:
    parts = value.split(None if separator is None else text_of(separator), maxsplit)
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
            raise RenderFailed(f"{kind_of(value)} has no such method; it is for text")
        meter.charge(len(value))
        result = function(value, *arguments)
        return bounded_text(result) if isinstance(result, str) else result

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
