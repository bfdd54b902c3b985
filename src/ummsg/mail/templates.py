"""Subject and content compiled once a broadcast, then rendered for one recipient after another."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ummsg.config import LayoutOptions
from ummsg.errors import InvalidDraft, Problem
from ummsg.mail.content import sanitise_email, sanitise_notice, to_html
from ummsg.mail.layout import laid_out, text_footer
from ummsg.mail.places import Places
from ummsg.mail.program import Pieces, Printed, Program
from ummsg.mail.sandbox import CONTROL, Refused, check, weighed
from ummsg.mail.tags import Masked, mask, numbered, plain, restored
from ummsg.mail.text import Writer
from ummsg.mail.tree import TooDeep, parse
from ummsg.mail.values import Empty, EmptyMessage, EmptyPlaceholder, RenderFailed
from ummsg.vocabulary import ContentFormat

__all__ = [
    "EmailTemplate",
    "EmptyMessage",
    "EmptyPlaceholder",
    "RenderFailed",
    "Rendered",
    "clean",
    "compile_email",
    "compile_notice",
    "names_in",
    "placeholder_in_notice",
    "sanitise_notice",
]

_LISTED = 20
_TURNS_TEXT = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Bidirectional overrides (Unicode Annex 9): in a value they would turn the author's own words about."""
_TRIALS = ("Anna Björk-Ek", "42", "https://example.com/anna", "2026-11-23", "sv_SE")
"""What a value may look like. Text that fails with each of these for every placeholder fails for everyone."""


@dataclass(frozen=True)
class Rendered:
    """One recipient's message: the subject on one line, a whole HTML document, and the text part."""

    subject: str
    html: str
    text: str


class EmailTemplate:
    """A compiled email. `variables` are all placeholders that its subject or content refers to, `weighed` those of them
    whose values decide whether it renders, and not only whether there is one.
    """

    def __init__(
        self,
        variables: frozenset[str],
        subject: Program,
        html: Program,
        text: Program,
        footer: str,
        *,
        weighed: frozenset[str],
    ) -> None:
        self.variables = variables
        self.weighed = weighed
        self._subject = subject
        self._html = html
        self._text = text
        self._footer = footer

    @property
    def certain(self) -> bool:
        """Whether it renders for everyone who has a value for each of its variables."""
        return not self.weighed

    @property
    def pieces(self) -> tuple[Pieces, Pieces, Pieces] | None:
        """What subject, HTML and text (with its footer) are made of, if all three do no more than print values that do
        not begin or end with spaces."""
        subject, html, text = self._subject.pieces, self._html.pieces, self._text.pieces
        if subject is None or html is None or text is None or not any(map(_says_something, text)):
            return None
        return subject, html, _with_footer(text, self._footer)

    @property
    def own_html(self) -> frozenset[str]:
        """The stretches of HTML that are the same in every message in which they are."""
        return self._html.own

    def render(self, values: Mapping[str, str]) -> Rendered:
        """The message for one recipient; a value that is missing or "" is empty. Raises as `write` does."""
        subject, html, text = self.write(values)
        return Rendered(subject, "".join(html), text)

    def write(self, values: Mapping[str, str]) -> tuple[str, list[str], str]:
        """Subject, HTML in stretches, and text of the message for one recipient.

        Raises EmptyPlaceholder for an empty value that the text prints without a default, RenderFailed otherwise.
        """
        names = {name: clean(value) if (value := values.get(name)) else Empty(name=name) for name in self.variables}
        subject = " ".join(self._subject.run(names).split())
        if not subject:
            raise EmptyMessage("it is empty", "subject")
        text = self._text.run(names).strip("\n").rstrip()
        html = self._html.stretches(names)
        if not text.strip() and "<img" not in "".join(html):
            raise EmptyMessage("it is empty")
        return subject, html, f"{text}\n\n{self._footer}".rstrip() + "\n"


def _says_something(piece: str | Printed) -> bool:
    return not isinstance(piece, str) or bool(piece.strip())


def _with_footer(text: Pieces, footer: str) -> Pieces:
    """As `render` ends the text: without empty lines around it, then the footer."""
    tail = f"\n\n{footer}".rstrip() + "\n"
    first, last = (piece if isinstance(piece, str) else None for piece in (text[0], text[-1]))
    begun = text if first is None else [first.lstrip("\n"), *text[1:]]
    return [*begun, tail] if last is None else [*begun[:-1], str(begun[-1]).rstrip() + tail]


def clean(value: str) -> str:
    """Without what no message can carry; as text whatever type the directory kept."""
    text = str(value)
    return text if text.isprintable() else _TURNS_TEXT.sub("", CONTROL.sub(" ", text))


def compile_email(
    subject: str, content: str, content_format: ContentFormat, layout: LayoutOptions, known: Collection[str]
) -> EmailTemplate:
    """Make an email ready to be rendered. `known` are the placeholders that exist.

    Raises InvalidDraft with everything that is wrong: syntax, what the sandbox refuses, names that are not known,
    content that cannot be sent, and what fails whatever the values are.
    """
    subject, content = plain(subject), plain(content)
    problems: list[Problem] = []
    variables = frozenset[str]()
    body = None
    for field, source in (("subject", subject), ("content", content)):
        try:
            names, lines = check(source)
            problems += [_unknown(name, lines, field, known) for name in sorted(names - set(known))]
            variables |= names
            if field == "content":
                body = _Body.of(mask(source), content_format)
                problems += body.problems
        except Refused as error:
            problems.append(Problem(field, str(error)))
    if problems or body is None:
        raise InvalidDraft(problems)
    decisive = (weighed(subject) | weighed(content) | body.in_addresses) & variables
    template = _compiled(variables, mask(subject), body, layout, weighed=decisive)
    _try(template)
    return template


def names_in(*sources: str) -> frozenset[str]:
    """The placeholders that these texts refer to; of what cannot be read, none."""
    names: frozenset[str] = frozenset()
    for source in sources:
        try:
            names |= check(plain(source))[0]
        except Refused:
            continue
    return names


def _unknown(name: str, lines: Mapping[str, int], field: str, known: Collection[str]) -> Problem:
    close = get_close_matches(name, known, n=1)
    instead = f"; did you mean {close[0]}?" if close else f"; there are {_listed(sorted(known))}" if known else ""
    return Problem(field, f"{name} is not known (line {lines.get(name, 1)}){instead}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


@dataclass(frozen=True)
class _Body:
    """The content with markers still in it: sanitised HTML, text, and where each marker stands in an address."""

    masked: Masked
    html: str
    text: str
    around: Mapping[int, str]
    problems: list[Problem]
    prose: bool = False
    """Whether the author left its look to the layout."""

    @property
    def in_addresses(self) -> frozenset[str]:
        """The placeholders in links and pictures' addresses, which not every value can be part of."""
        return names_in(*(f"{{{{ {self.masked.tags[index].code} }}}}" for index in self.around))

    @classmethod
    def of(cls, masked: Masked, content_format: ContentFormat) -> "_Body":
        html, problems = to_html(masked, content_format)
        if problems:
            return cls(masked, "", "", {}, problems)
        html = sanitise_email(html, masked)
        try:
            tree = parse(html)
        except TooDeep as error:
            return cls(masked, "", "", {}, [Problem("content", str(error))])
        places = Places.of(tree, masked)
        if content_format is ContentFormat.TEXT:
            text = masked.without_statement_lines()
        else:
            text = Writer(masked.width, numbered, masked.readable).write(tree)
        return cls(masked, html, text, places.around, places.problems, content_format is not ContentFormat.HTML)


def _compiled(
    variables: frozenset[str], subject: Masked, body: _Body, layout: LayoutOptions, *, weighed: frozenset[str]
) -> EmailTemplate:
    """Raises InvalidDraft for what is nested too deeply to be compiled."""
    document = laid_out(body.html, layout, prose=body.prose)
    try:
        return EmailTemplate(
            variables,
            Program(*restored(subject, subject.text, {}), autoescape=False, field="subject"),
            Program(*restored(body.masked, document, body.around), autoescape=True, field="content"),
            Program(*restored(body.masked, body.text, body.around), autoescape=False, field="content"),
            text_footer(layout),
            weighed=weighed,
        )
    except (RecursionError, MemoryError, SyntaxError):
        raise InvalidDraft([Problem("content", "an expression is nested too deeply")]) from None


def _try(template: EmailTemplate) -> None:
    """Raises InvalidDraft for a text that fails with every trial value."""
    failed: RenderFailed | EmptyPlaceholder | None = None
    for trial in _TRIALS if template.variables else _TRIALS[:1]:
        try:
            template.render(dict.fromkeys(template.variables, trial))
        except (RenderFailed, EmptyPlaceholder) as error:
            if isinstance(error, EmptyMessage) and template.variables:
                return  # there may be more to say with other values
            failed = failed or error
        else:
            return
    if failed is not None:
        raise InvalidDraft([Problem(getattr(failed, "field", "content"), str(failed))])


def placeholder_in_notice(field: str, text: str) -> Problem | None:
    """The problem that a notice's subject or content has if it holds a placeholder."""
    if not (tag := re.search(r"\{[{%#]", text)):
        return None
    line = text.count("\n", 0, tag.start()) + 1
    return Problem(field, f"line {line}: {tag[0]} a notice is the same for everyone; placeholders are for emails")


def compile_notice(content: str, content_format: ContentFormat) -> str:
    """A notice's content as sanitised HTML.

    Raises InvalidDraft for what is refused in emails too, and for placeholders.
    """
    content = plain(content)
    if problem := placeholder_in_notice("content", content):
        raise InvalidDraft([problem])
    html, problems = to_html(Masked.of_plain(content), content_format, whole_addresses=False)
    if problems:
        raise InvalidDraft(problems)
    html = sanitise_notice(html)
    try:
        parse(html)
    except TooDeep as error:
        raise InvalidDraft([Problem("content", str(error))]) from None
    return html
