"""Email files: a head of YAML between two lines `---`, then the content.

Three forms share it: a default (`slug.md`), its translation (`slug.sv.md`), and an installed email in an editor.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import yaml

from ummsg.domain.email import FALLBACK_LOCALE, EmailDraft, EmailText
from ummsg.domain.message_text import text_problems
from ummsg.errors import InvalidDraft, Problem
from ummsg.mail.email_keys import SETTINGS, checked_keys, settings_of
from ummsg.vocabulary import ContentFormat, EmailStyle

HEAD_MAXIMUM = 16 * 1024
"""In characters. A head holds a dozen short lines."""

_HEAD = re.compile(r"---[ \t]*\n(?P<head>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


_OF_TRANSLATION = ("slug", "title", "subject", "format")
_OF_DEFAULT = (*_OF_TRANSLATION, "event", "target", "description", "style", "after", "version", "essential")
_OF_EMAIL = (*SETTINGS, "subject", "format")


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
    translated = _text_of(file)
    if problems := list(text_problems(translated.subject, translated.content)):
        raise _wrong(problems, where)
    return file.values["slug"], translated


def write_email(draft: EmailDraft, locale: str) -> str:
    """An installed email with its text in one language, as a file to edit; `read_email` reads it back."""
    text = draft.texts[locale]
    values = {**settings_of(draft), "subject": text.subject, "format": text.content_format.value}
    head = yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=1_000_000)
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
    head = _parsed(found["head"], where)
    values, problems = checked_keys(head, list(known))
    if tuple(known) == _OF_TRANSLATION:
        problems = [_of_the_default(problem) for problem in problems]
    problems += [Problem(name, "is missing") for name in required if name not in values and not _named(problems, name)]
    if problems:
        raise _wrong(problems, where)
    return _File(values, found.string[found.end() :])


def _parsed(head: str, where: str) -> dict[str, Any]:
    if len(head) > HEAD_MAXIMUM:
        raise _wrong([Problem("", f"the head has {len(head):,} characters; {HEAD_MAXIMUM:,} fit")], where)
    try:
        _refuse_references(head)
        values = yaml.load(head, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a number of thousands of digits, a date that is none
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 2}" if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        advice = "; a value that begins with { has to be in quotes" if _UNQUOTED.search(head) else ""
        raise _wrong([Problem("", f"the head cannot be read{line}: {what}{advice}")], where) from None
    if not isinstance(values, dict):
        raise _wrong([Problem("", "the head must hold lines such as title: Your receipt")], where)
    return values


def _of_the_default(problem: Problem) -> Problem:
    if problem.field not in _OF_DEFAULT or problem.field in _OF_TRANSLATION:
        return problem
    return Problem(problem.field, "belongs in the file of the default, and not in its translation")


def _named(problems: list[Problem], name: str) -> bool:
    return any(problem.field == name for problem in problems)


def _wrong(problems: list[Problem], where: str) -> InvalidDraft:
    return InvalidDraft([Problem(f"{where}: {p.field}" if p.field else where, p.message) for p in problems])


_UNQUOTED = re.compile(r"^\w+:[ \t]*\{", re.MULTILINE)

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Five hundred defaults are read in a tenth of the time where libyaml is there, as it is in PyYAML's wheels."""

_DEEPEST = 8
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def _refuse_references(head: str) -> None:
    """Raises YAMLError for what can be made to grow without end, to overflow what reads it, or to be another type."""
    depth = 0
    event: Any
    for event in yaml.parse(head, Loader=_SafeLoader):
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        if isinstance(event, yaml.AliasEvent):
            raise _misread("references (*name) are not used here", event)
        if getattr(event, "tag", None) is not None:
            raise _misread(f"types ({event.tag}) are not used here", event)
        if depth > _DEEPEST:
            raise _misread("it nests too deeply", event)


def _misread(problem: str, at: Any) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Plain YAML: no key twice, and dates stay text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if names.count(key.value) > 1:
                raise _misread(f"{key.value!r} is there twice", key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
