"""System emails: editable templates bound to an event, the defaults they came from, and how the two compare."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ummsg.domain.delivery import Counts
from ummsg.domain.message_text import SUBJECT_MAXIMUM, text_problems
from ummsg.errors import Problem
from ummsg.vocabulary import ContentFormat, EmailState, EmailStyle, EmailTarget

FALLBACK_LOCALE = "en"
LONGEST_DELAY = timedelta(days=365)
DESCRIPTION_MAXIMUM = 1_000
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_LOCALE = re.compile(r"[a-z]{2,3}(?:_[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class EmailText:
    """What one language's readers get: a template of a subject and of a content, which ends its last line."""

    subject: str
    content: str
    content_format: ContentFormat = ContentFormat.MARKDOWN

    def __post_init__(self) -> None:
        # Whether a text was typed, read from a file or merged: two that say the same are the same.
        content = self.content.replace("\r\n", "\n").rstrip("\n")
        object.__setattr__(self, "content", f"{content}\n" if self.content else "")


Texts = Mapping[str, EmailText]
"""By locale, such as `en`, `sv` or `pt_BR`; at least one."""


@dataclass(frozen=True, slots=True)
class EmailDraft:
    """Everything of a system email that its author decides.

    `after` is how long after its event it goes out. `sender` is `Name <address>`, or empty for the settings'.
    """

    slug: str
    event: str
    target: EmailTarget
    title: str
    texts: Texts
    description: str = ""
    style: EmailStyle = EmailStyle.DEFAULT
    active: bool = True
    after: timedelta = timedelta()
    sender: str = ""
    copy_to_admins: bool = False

    def with_text(self, locale: str, text: EmailText) -> "EmailDraft":
        return replace(self, texts={**self.texts, locale: text})

    def problems(self) -> Iterator[Problem]:
        """Everything wrong with it that can be told without the events that there are or a template engine."""
        if not is_slug(self.slug):
            yield Problem("slug", f"{self.slug!r} is no slug: small letters, digits, - and _, at most 80")
        if self.event and not is_slug(self.event):
            yield Problem("event", f"{self.event[:80]!r} is no slug of an event")
        if not self.title.strip() or not _is_line(self.title, SUBJECT_MAXIMUM):
            yield Problem("title", f"needs 1 to {SUBJECT_MAXIMUM} characters, on one line")
        if not _is_line(self.description, DESCRIPTION_MAXIMUM):
            yield Problem("description", f"must be one line of at most {DESCRIPTION_MAXIMUM:,} characters")
        if not timedelta() <= self.after <= LONGEST_DELAY:
            yield Problem("after", f"must be between 0 and {LONGEST_DELAY.days} days")
        if not self.texts:
            yield Problem("content", "is missing")
        for locale, text in self.texts.items():
            if not is_locale(locale):
                yield Problem("locale", f"{locale!r} is no language; write en, sv or pt_BR")
            place = f" ({locale})" if len(self.texts) > 1 else ""
            for problem in text_problems(text.subject, text.content):
                yield Problem(problem.field + place, problem.message)


@dataclass(frozen=True, slots=True)
class SystemEmail:
    """A system email as it is installed. `base` are the default's texts that it was last brought level with."""

    id: int
    draft: EmailDraft
    created_at: datetime
    updated_at: datetime
    base: Texts | None = None

    @property
    def slug(self) -> str:
        return self.draft.slug

    @property
    def texts(self) -> Texts:
        return self.draft.texts

    @property
    def edited(self) -> bool:
        """Whether its texts are not the default's that it was made from."""
        return self.base is not None and dict(self.texts) != dict(self.base)


@dataclass(frozen=True, slots=True)
class Default:
    """A default template: shipped, or from an add-on or a folder; `source` says which, for people."""

    draft: EmailDraft
    version: int = 1
    essential: bool = False
    """Some feature cannot work without it: it is installed by `init`."""
    source: str = "ummsg"

    @property
    def slug(self) -> str:
        return self.draft.slug


@dataclass(frozen=True, slots=True)
class EmailVersion:
    """What an email once was; `why` is what replaced it (edited, reset, restored, updated, imported)."""

    number: int
    draft: EmailDraft
    why: str
    replaced_at: datetime


@dataclass(frozen=True, slots=True)
class Metrics:
    """What became of an email's messages, counted from its deliveries."""

    counts: Counts = field(default_factory=Counts)
    last_sent: datetime | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """An email beside its default; one of the two may not be there."""

    email: SystemEmail | None
    default: Default | None
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def slug(self) -> str:
        return self.draft.slug

    @property
    def draft(self) -> EmailDraft:
        """What there is to show of it: the installed one's, else the default's."""
        if self.email is not None:
            return self.email.draft
        if self.default is None:
            raise ValueError("there is neither an email nor a default")
        return self.default.draft

    @property
    def default_changed(self) -> bool:
        """Whether the default has other texts now than when the copy was last brought level with it."""
        if self.email is None or self.email.base is None or self.default is None:
            return False
        now = dict(self.default.draft.texts)
        return now not in (dict(self.email.base), dict(self.email.texts))

    @property
    def differs(self) -> bool:
        """Whether it is installed with other texts than its default has now."""
        if self.email is None or self.default is None:
            return False
        return dict(self.email.texts) != dict(self.default.draft.texts)

    @property
    def state(self) -> EmailState:
        if self.email is None:
            return EmailState.MISSING
        if not self.email.draft.active:
            return EmailState.INACTIVE
        if self.default is None:
            return EmailState.NO_DEFAULT
        if self.default_changed:
            return EmailState.DEFAULT_CHANGED
        return EmailState.EDITED if self.differs else EmailState.AS_DEFAULT


def _is_line(text: str, maximum: int) -> bool:
    """Emoji and Persian need the two joiners, which Python does not count as printable."""
    return len(text) <= maximum and all(c.isprintable() or c in "\u200c\u200d" for c in text)


def is_slug(text: str) -> bool:
    return bool(_SLUG.fullmatch(text))


def is_locale(text: str) -> bool:
    return bool(_LOCALE.fullmatch(text))


def normalised_locale(text: str) -> str:
    """`sv-se`, `sv_SE.UTF-8`, `sv_SE@euro` and `SV_SE` as `sv_SE`; empty for what is none."""
    language, *rest = re.split(r"[-_]", re.split(r"[.@]", text.strip())[0])
    region = [part.upper() if len(part) == 2 else part for part in rest]
    found = "_".join([language.lower(), *region])
    return found if is_locale(found) else ""


def chosen_locale(available: Iterable[str], wanted: Iterable[str]) -> str:
    """The first of `wanted` (best first) that there is a text for, be it in another form of the language; else English,
    else any."""
    available = sorted(available)
    for locale in [*map(normalised_locale, wanted), FALLBACK_LOCALE]:
        language = locale.partition("_")[0]
        alike = [candidate for candidate in available if candidate.partition("_")[0] == language]
        for candidate in (locale, language, *alike):
            if candidate and candidate in available:
                return candidate
    return available[0]
