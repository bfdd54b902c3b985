"""Email files: a head of YAML between two lines `---`, then the content.

Three forms share it: a default (`slug.md`), its translation (`slug.sv.md`), and an installed email in an editor.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

import yaml

from ummsg.domain.duration import parse_duration, shown_duration
from ummsg.domain.email import FALLBACK_LOCALE, EmailDraft, EmailText
from ummsg.errors import InvalidDraft, InvalidInput, Problem
from ummsg.vocabulary import ContentFormat, EmailStyle, EmailTarget

HEAD_MAXIMUM = 16 * 1024
"""In characters. A head holds a dozen short lines."""

_HEAD = re.compile(r"---[ \t]*\n(?P<head>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


# What each key takes: a function from YAML's value to ours, which raises ValueError with what it takes.


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, and is {_kind_of(value)}: put it in quotes")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, and is {_kind_of(value)}")
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


def _one_of(words: Iterable[str]) -> Callable[[Any], Any]:
    enum = type(next(iter(words)))

    def read(value: Any) -> Any:
        if value not in list(words):
            raise ValueError(f"must be {' or '.join(words)}")
        return enum(value)

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
_OF_TRANSLATION = ("slug", "title", "subject", "format")
_OF_DEFAULT = (*_OF_TRANSLATION, "event", "target", "description", "style", "after", "version", "essential")
_OF_EMAIL = (
    *("slug", "event", "target", "title", "subject", "description", "style", "format"),
    *("active", "after", "sender", "copy_to_admins"),
)


@dataclass(frozen=True)
class _File:
    values: dict[str, Any]
    content: str


def read_default(text: str, where: str) -> tuple[EmailDraft, int, bool]:
    """A default with its English text, its version, and whether it is essential. `where` names the file in errors.

    Raises InvalidDraft with everything that is wrong with it.
    """
    file = _read(text, where, _OF_DEFAULT, required=("slug", "event", "target", "title"))
    values = file.values
    draft = EmailDraft(
        slug=values["slug"],
        event=values["event"],
        target=values["target"],
        title=values["title"],
        texts={FALLBACK_LOCALE: _text_of(file)},
        description=values.get("description", ""),
        style=values.get("style", EmailStyle.DEFAULT),
        after=values.get("after", timedelta()),
    )
    if problems := list(draft.problems()):
        raise _wrong(problems, where)
    return draft, values.get("version", 1), values.get("essential", False)


def read_translation(text: str, where: str) -> tuple[str, EmailText]:
    """The slug of the default that it translates, and the text. Raises InvalidDraft."""
    file = _read(text, where, _OF_TRANSLATION, required=("slug", "title"))
    return file.values["slug"], _text_of(file)


def write_email(draft: EmailDraft, locale: str) -> str:
    """An installed email with its text in one language, as a file to edit; `read_email` reads it back."""
    text = draft.texts[locale]
    values = {
        "slug": draft.slug,
        "event": draft.event,
        "target": draft.target.value,
        "title": draft.title,
        "subject": text.subject,
        "description": draft.description,
        "style": draft.style.value,
        "format": text.content_format.value,
        "active": draft.active,
        "after": shown_duration(draft.after),
        "sender": draft.sender,
        "copy_to_admins": draft.copy_to_admins,
    }
    head = yaml.dump(values, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000_000)
    return f"---\n{head}---\n{text.content}"


def read_email(text: str, draft: EmailDraft, locale: str) -> EmailDraft:
    """What the operator made of `write_email`'s file; a key that is gone leaves its value as it was.

    Raises InvalidDraft. Whether it can be sent is for others to say.
    """
    file = _read(text, "the file", _OF_EMAIL)
    values = dict(file.values)
    if values.pop("slug", draft.slug) != draft.slug:
        raise _wrong([Problem("slug", f"stays {draft.slug}; make another email with ummsg emails new")], "the file")
    before = draft.texts.get(locale, EmailText("", ""))
    written = EmailText(
        values.pop("subject", before.subject), file.content, values.pop("format", before.content_format)
    )
    return replace(draft, **values).with_text(locale, written)


def _text_of(file: _File) -> EmailText:
    subject = file.values.get("subject", file.values["title"])
    return EmailText(subject, file.content.strip("\n") + "\n", file.values.get("format", ContentFormat.MARKDOWN))


def _read(text: str, where: str, known: Iterable[str], required: Iterable[str] = ()) -> _File:
    found = _HEAD.match(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if found is None:
        raise _wrong([Problem("", "the head is missing: it begins with a line --- and ends with another")], where)
    values, problems = _checked(_parsed(found["head"], where), list(known), where)
    problems += [Problem(name, "is missing") for name in required if name not in values and not _named(problems, name)]
    if problems:
        raise _wrong(problems, where)
    return _File(values, found.string[found.end() :])


def _parsed(head: str, where: str) -> dict[str, Any]:
    if len(head) > HEAD_MAXIMUM:
        raise _wrong([Problem("", f"the head has {len(head):,} characters; {HEAD_MAXIMUM:,} fit")], where)
    try:
        values = yaml.load(head, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 2}" if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _wrong([Problem("", f"the head cannot be read{line}: {what}")], where) from None
    if not isinstance(values, dict):
        raise _wrong([Problem("", "the head must hold lines such as title: Your receipt")], where)
    return values


def _checked(values: dict[Any, Any], known: list[str], where: str) -> tuple[dict[str, Any], list[Problem]]:
    read: dict[str, Any] = {}
    problems = []
    for name, value in values.items():
        if name not in known:
            problems.append(Problem(str(name), _unknown(str(name), known)))
            continue
        try:
            read[name] = _KEYS[name](value)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    return read, problems


def _unknown(name: str, known: list[str]) -> str:
    if name in _OF_DEFAULT and known == list(_OF_TRANSLATION):
        return "belongs in the file of the default, and not in its translation"
    close = get_close_matches(name, known, n=1)
    return f"is not known; did you mean {close[0]}?" if close else f"is not known; there are {', '.join(known)}"


def _named(problems: list[Problem], name: str) -> bool:
    return any(problem.field == name for problem in problems)


def _wrong(problems: list[Problem], where: str) -> InvalidDraft:
    return InvalidDraft([Problem(f"{where}: {p.field}" if p.field else where, p.message) for p in problems])


def _kind_of(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", type(None): "empty", list: "a list"}
    return names.get(type(value), "something else")


class _Loader(yaml.SafeLoader):
    """Plain YAML: no references, which can be made to grow without end, no key twice, and dates stay text."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "references (*name) are not used here", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if names.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """As a person would write it: text that could be taken for something else is in quotes."""
