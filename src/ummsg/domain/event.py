"""Events: the kinds that are registered, what their payloads must hold, and those that happened."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ummsg.domain.address import checked_address
from ummsg.errors import InvalidInput, Problem
from ummsg.vocabulary import FieldType

Scalar = str | int | float | bool | None
Payload = Mapping[str, Scalar]
"""Flat: a name and one value, as the network sent it."""

PAYLOAD_MAXIMUM = 256 * 1024
"""Characters of all names and values together. More is not an event but a mistake."""

_LONGEST_SHOWN = 60
_BOOLEANS = ("", "0", "1", "true", "false", "yes", "no", "on", "off")


@dataclass(frozen=True, slots=True)
class PayloadField:
    """One field of a payload. A field that is `required` must be there and not be empty."""

    name: str
    type: FieldType = FieldType.TEXT
    example: Scalar = ""
    required: bool = False
    description: str = ""


@dataclass(frozen=True)
class EventKind:
    """A registered event: what its payload holds. `source` says who registered it."""

    slug: str
    description: str
    fields: tuple[PayloadField, ...]
    source: str = "ummsg"

    @property
    def names(self) -> tuple[str, ...]:
        """What an email on this event may refer to by the event alone."""
        return tuple(field.name for field in self.fields)

    def example(self) -> dict[str, Scalar]:
        return {field.name: field.example for field in self.fields}

    def problems(self, payload: Any) -> Iterator[Problem]:
        """Everything that keeps a payload from being this event's; fields that are not known are none."""
        if not isinstance(payload, dict):
            yield Problem("payload", f"must be one JSON object, and is {_kind_of(payload)}")
            return
        size = sum(len(str(name)) + len(str(value)) for name, value in payload.items())
        if size > PAYLOAD_MAXIMUM:
            yield Problem("payload", f"has {size:,} characters; {PAYLOAD_MAXIMUM:,} fit")
            return
        for name, value in payload.items():
            if isinstance(value, (dict, list)):
                yield Problem(name, f"holds {_kind_of(value)}; a payload is flat")
        for wanted in self.fields:
            value = payload.get(wanted.name)
            if isinstance(value, (dict, list)):
                continue
            if is_blank(value):
                if wanted.required:
                    yield Problem(wanted.name, f"is required ({wanted.type}, for example {wanted.example!r})")
            elif value is not None and not _fits(wanted.type, value):
                shown = repr(value) if len(repr(value)) <= _LONGEST_SHOWN else f"{repr(value)[:_LONGEST_SHOWN]}…"
                yield Problem(wanted.name, f"is {shown}, which is no {wanted.type}")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on the network, as it was stored."""

    id: int
    slug: str
    payload: Payload
    fired_at: datetime
    dedupe_key: str | None = None
    not_after: datetime | None = None
    """When its emails are too late."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of an event: how many of its deliveries are in which state, and why they are not all sent."""

    event: Event
    counts: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def outcome(self) -> str:
        """In one word, the worst first; `no email` if none was bound to it."""
        worst = ("failed", "unknown", "sending", "deferred", "queued", "suppressed", "cancelled", "sent")
        found = next((status for status in worst if self.counts.get(status)), "no email")
        return "queued" if found == "sending" else found


def is_blank(value: Scalar) -> bool:
    """Whether there is nothing in it that anybody could read: spaces, and characters without a width, are nothing."""
    return value is None or not any(c.isprintable() and not c.isspace() for c in str(value))


def _kind_of(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number"
    )


def _fits(type: FieldType, value: str | int | float | bool) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    text = str(value).strip()
    match type:
        case FieldType.TEXT:
            return True
        case FieldType.INTEGER:
            return not isinstance(value, bool) and _is_integer(text)
        case FieldType.NUMBER:
            return not isinstance(value, bool) and _is_number(text)
        case FieldType.BOOLEAN:
            return text.lower() in _BOOLEANS
        case FieldType.DATETIME:
            return isinstance(value, str) and _is_moment(text)
        case FieldType.URL:
            return _is_url(text)
        case FieldType.EMAIL:
            return _is_address(text)


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_moment(text: str) -> bool:
    """ISO 8601, with or without a zone, also as WordPress writes it (`2026-11-24 08:00:00`)."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(c.isspace() for c in text)


def _is_address(text: str) -> bool:
    try:
        checked_address(text)
    except InvalidInput:
        return False
    return True
