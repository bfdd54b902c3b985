"""Values that come from files: each is checked for what it is meant to be, and brought into the form we keep.

Every function takes the text of one cell and raises InvalidInput with a reason that follows the column's name.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from ummsg.domain.address import shown
from ummsg.errors import InvalidInput
from ummsg.zones import closest_zone, zone_names

LINE_LIMIT = 255
"""Characters in a name, an id or a slug."""

TEXT_LIMIT = 10_000
"""Characters in an attribute."""

_BIDI_OVERRIDES = "\u202a-\u202e\u2066-\u2069"
"""They turn the text around them about, in other people's mail and on our screen."""
_NOT_IN_A_LINE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_BIDI_OVERRIDES}\ud800-\udfff]")
_NOT_IN_A_TEXT = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_BIDI_OVERRIDES}\ud800-\udfff]")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8}){0,3}")
_SLUG = re.compile(r"[^\W_](?:[\w.-]*\w)?")

E_ = TypeVar("E_", bound=StrEnum)


def line(text: str, limit: int = LINE_LIMIT) -> str:
    """One line: it may land in a header, so neither line breaks nor other control characters."""
    text = text.strip()
    if not text.isprintable():
        _refuse(_NOT_IN_A_LINE.search(text))
        text = text.replace("\xa0", " ")
    if len(text) > limit:
        raise InvalidInput(f"has {len(text):,} characters; {limit} fit")
    return text


def text(text: str) -> str:
    """Any text; line breaks are kept, as `\\n`."""
    if not text.isprintable():
        _refuse(_NOT_IN_A_TEXT.search(text))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > TEXT_LIMIT:
        raise InvalidInput(f"has {len(text):,} characters; {TEXT_LIMIT:,} fit")
    return text


def _refuse(found: re.Match[str] | None) -> None:
    if found is None:
        return
    code = ord(found.group())
    if 0xDC80 <= code <= 0xDCFF:
        raise InvalidInput(f"is not UTF-8 text (byte 0x{code - 0xDC00:02X})")
    if code == 0:
        raise InvalidInput("has a NUL byte")
    raise InvalidInput("has a line break" if chr(code) in "\r\n\u2028\u2029" else f"has the character U+{code:04X}")


@lru_cache(maxsize=4096)
def locale(text: str) -> str:
    """A language and perhaps a country or variant: `de`, `de_DE`, `de-DE`, `de_DE_formal`."""
    text = text.strip()
    if text and not _LOCALE.fullmatch(text):
        raise InvalidInput(f"{shown(text)} is not a locale such as de_DE")
    return text.replace("-", "_")


@lru_cache(maxsize=4096)
def timezone(text: str) -> str:
    """A time zone by its name in the tz database, as it is written there."""
    text = text.strip()
    name = zone_names().get(text.casefold(), "")
    if text and not name:
        close = closest_zone(text)
        raise InvalidInput(
            f"{shown(text)} is not a time zone such as Europe/Berlin" + (f"; is it {close}?" if close else "")
        )
    return name


def moment(text: str) -> datetime | None:
    """An ISO 8601 date or time, in UTC; one without a zone is taken to be UTC."""
    text = text.strip()
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{shown(text)} is not a date such as 2026-11-30 or 2026-11-30T09:00:00Z") from None


def boolean(text: str) -> bool:
    value = {"yes": True, "1": True, "true": True, "no": False, "0": False, "false": False}.get(text.strip().lower())
    if value is None:
        raise InvalidInput(f"{shown(text)} is neither yes nor no")
    return value


def choice(text: str, among: type[E_]) -> E_:
    """A member of an enum, in any case."""
    value = text.strip().lower()
    try:
        return among(value)
    except ValueError:
        raise InvalidInput(f"{shown(text)} is none of {', '.join(among)}") from None


def slug(text: str) -> str:
    """A product's name in references: letters, digits, `-`, `_` and `.`; kept in lower case."""
    text = line(text, 100).lower()
    if not _SLUG.fullmatch(text):
        raise InvalidInput(f"{shown(text)} is not a slug: letters, digits, -, _ and . only" if text else "is empty")
    return text


def external_id(text: str) -> str | None:
    return line(text) or None


HIGHEST_WANTED_ID = 10_000_000


def wanted_id(external_id: str | None) -> int | None:
    """The id a row should have here, so that its number in the network and ours are one: None if it has no say."""
    if external_id is None or not external_id.isdecimal() or not external_id.isascii() or external_id[0] == "0":
        return None
    return number if len(external_id) < 9 and (number := int(external_id)) <= HIGHEST_WANTED_ID else None


def moment_text(text: str) -> str:
    """A date or time as the database keeps it; empty for an empty text."""
    parsed = moment(text)
    return "" if parsed is None else parsed.replace(tzinfo=None).isoformat(" ", "microseconds")
