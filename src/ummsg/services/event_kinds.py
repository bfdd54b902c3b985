"""The events that are registered: the network's, and those of add-ons and folders."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ummsg.add_ons import AddOn, registered, said
from ummsg.domain.email import is_slug
from ummsg.domain.event import EventKind, PayloadField
from ummsg.domain.network_events import NETWORK_EVENTS
from ummsg.errors import InvalidInput, NotConfigured, UnknownReference
from ummsg.strict_json import parse_json
from ummsg.vocabulary import FieldType

ENTRY_POINTS = "ummsg.events"
FILE = "events.json"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
_KIND_KEYS = {"slug", "description", "fields"}
_FIELD_KEYS = {"name", "type", "example", "required", "description"}


class EventKinds:
    """`problems` are the add-ons that could not be used, for people; everything else works without them."""

    def __init__(self, kinds: Iterable[EventKind], problems: Sequence[str] = ()) -> None:
        self._kinds = {kind.slug: kind for kind in kinds}
        self.problems = list(problems)

    def all(self) -> list[EventKind]:
        return sorted(self._kinds.values(), key=lambda kind: kind.slug)

    def find(self, slug: str) -> EventKind | None:
        return self._kinds.get(slug)

    def get(self, slug: str) -> EventKind:
        """Raises UnknownReference, which names the closest one."""
        if slug in self._kinds:
            return self._kinds[slug]
        close = get_close_matches(slug, self._kinds, n=1)
        raise UnknownReference(
            f"There is no event {slug!r}",
            details=[f"did you mean {close[0]}?"] if close else [*self.problems],
            hint=f"ummsg events show {close[0]}" if close else "ummsg events list",
        )


def load_event_kinds(folders: Sequence[Path] = ()) -> EventKinds:
    """Ours, those of installed packages, and those in `events.json` of each folder.

    Raises NotConfigured, naming both, if two sources register one event.
    """
    kinds = {kind.slug: kind for kind in NETWORK_EVENTS}
    problems = []
    for add_on in [*registered(ENTRY_POINTS), *_in_folders(folders)]:
        try:
            for kind in _kinds_of(add_on):
                if kind.slug in kinds:
                    raise _twice(kind, kinds[kind.slug])
                kinds[kind.slug] = kind
        except NotConfigured:
            raise
        except (Exception, SystemExit) as error:
            problems.append(f"{add_on.source}: {error if isinstance(error, InvalidInput) else said(error)}")
        if add_on.problem:
            problems.append(add_on.problem)
    return EventKinds(kinds.values(), problems)


def _twice(kind: EventKind, other: EventKind) -> NotConfigured:
    return NotConfigured(
        f"The event {kind.slug} is registered twice",
        details=[f"by {other.source}", f"by {kind.source}"],
        hint="take one of the two away, or give one of the events another slug",
    )


def _in_folders(folders: Sequence[Path]) -> Iterator[AddOn]:
    for folder in folders:
        path = folder / FILE
        if path.is_file():
            yield AddOn(str(path), found=_reading(path))


def _reading(path: Path) -> Callable[[], Any]:
    return lambda: parse_json(path.read_bytes(), "the file")


def _kinds_of(add_on: AddOn) -> list[EventKind]:
    """All of an add-on's, or none: its mistakes are raised before any is registered."""
    found = add_on.found() if callable(add_on.found) else add_on.found
    many = [found] if isinstance(found, (EventKind, Mapping)) else [] if found is None else list(found)
    return [_checked(kind, add_on.source) for kind in many]


def _checked(found: Any, source: str) -> EventKind:
    kind = found if isinstance(found, EventKind) else _of_mapping(found)
    if not is_slug(kind.slug):
        raise InvalidInput(f"{kind.slug!r} is no slug: small letters, digits, - and _, at most 80")
    names = [field.name for field in kind.fields]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            raise InvalidInput(f"{kind.slug}: {name!r} is no name of a field, or is there twice")
    if problem := next(kind.problems(kind.example()), None):
        raise InvalidInput(f"{kind.slug}: its own example is not one: {problem}")
    return EventKind(kind.slug, kind.description, kind.fields, source)


def _of_mapping(found: Any) -> EventKind:
    if not isinstance(found, Mapping):
        raise InvalidInput(
            f"an event is an object with {', '.join(sorted(_KIND_KEYS))}, and not {type(found).__name__}"
        )
    slug = _text(found, "slug")
    fields = found.get("fields", ())
    try:
        _refuse_other_keys(found, _KIND_KEYS, "an event")
        if not isinstance(fields, (list, tuple)):
            raise InvalidInput("fields: must be a list")
        return EventKind(slug, _text(found, "description"), tuple(map(_field_of, fields)))
    except InvalidInput as error:
        raise InvalidInput(f"{slug}: {error.what}") from None


def _field_of(found: Any) -> PayloadField:
    if not isinstance(found, Mapping):
        raise InvalidInput(f"a field is an object with {', '.join(sorted(_FIELD_KEYS))}")
    name = _text(found, "name")
    _refuse_other_keys(found, _FIELD_KEYS, f"a field ({name})")
    type_name = found.get("type", "text")
    if type_name not in list(FieldType):
        raise InvalidInput(f"{name}: {type_name!r} is no type of a field; there are {', '.join(FieldType)}")
    if not isinstance(found.get("required", False), bool):
        raise InvalidInput(f"{name}: required: must be true or false")
    return PayloadField(
        name=name,
        type=FieldType(type_name),
        example=found.get("example", ""),
        required=found.get("required", False),
        description=_text(found, "description") if "description" in found else "",
    )


def _refuse_other_keys(found: Mapping[str, Any], known: set[str], noun: str) -> None:
    for key in found:
        if key not in known:
            raise InvalidInput(f"{key!r} is no key of {noun}; there are {', '.join(sorted(known))}")


def _text(found: Mapping[str, Any], key: str) -> str:
    if not isinstance(found.get(key), str):
        raise InvalidInput(f"{key}: must be text")
    return str(found[key])
