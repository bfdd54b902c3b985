"""The keys of an email as it is written down, in the head of a file or in a bundle: what each takes, and back."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from ummsg.domain.duration import parse_duration, shown_duration
from ummsg.domain.email import EmailDraft
from ummsg.errors import InvalidInput, Problem
from ummsg.vocabulary import ContentFormat, EmailStyle, EmailTarget

SETTINGS = (
    *("slug", "event", "target", "title", "description", "style"),
    *("active", "after", "sender", "copy_to_admins"),
)
"""What an installed email has besides its texts."""


def settings_of(draft: EmailDraft) -> dict[str, Any]:
    """The values of SETTINGS as they are written."""
    return {
        "slug": draft.slug,
        "event": draft.event,
        "target": draft.target.value,
        "title": draft.title,
        "description": draft.description,
        "style": draft.style.value,
        "active": draft.active,
        "after": shown_duration(draft.after),
        "sender": draft.sender,
        "copy_to_admins": draft.copy_to_admins,
    }


def checked_keys(values: Mapping[Any, Any], known: list[str]) -> tuple[dict[str, Any], list[Problem]]:
    """The values as EmailDraft and EmailText take them, and what is wrong: keys that are not `known`, and values."""
    read: dict[str, Any] = {}
    problems = []
    for name, value in values.items():
        if name not in known:
            problems.append(Problem(str(name)[:80], _unknown(str(name), known)))
            continue
        try:
            read[name] = _KEYS[name](value)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    return read, problems


def kind_of(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", type(None): "empty", list: "a list"}
    return names.get(type(value), "something else")


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"is not known; did you mean {close[0]}?" if close else f"is not known; there are {', '.join(known)}"


# What each key takes: a function from the value as it was read, which raises ValueError with what it takes.


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, and is {kind_of(value)}: put it in quotes")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, and is {kind_of(value)}")
    return value


def _version(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("must be a number from 1 on")
    return value


def _delay(value: Any) -> timedelta:
    try:
        return parse_duration(str(value))
    except InvalidInput as error:
        raise ValueError(f"{error.what}; {error.hint}") from None


def _one_of(words: type[StrEnum]) -> Callable[[Any], StrEnum]:
    def read(value: Any) -> StrEnum:
        if value not in list(words):
            raise ValueError(f"must be {' or '.join(words)}")
        return words(value)

    return read


_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "slug": _text,
    "event": _text,
    "target": _one_of(EmailTarget),
    "title": _text,
    "subject": _text,
    "description": _text,
    "style": _one_of(EmailStyle),
    "format": _one_of(ContentFormat),
    "after": _delay,
    "version": _version,
    "essential": _flag,
    "active": _flag,
    "sender": _text,
    "copy_to_admins": _flag,
}
