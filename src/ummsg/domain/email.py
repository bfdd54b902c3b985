"""System emails: editable templates bound to an event, the defaults they came from, and how the two compare."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ummsg.domain.broadcast import CONTENT_MAXIMUM, CONTENT_MINIMUM, SUBJECT_MAXIMUM, SUBJECT_MINIMUM
from ummsg.domain.delivery import Counts
from ummsg.errors import Problem
from ummsg.vocabulary import ContentFormat, EmailState, EmailStyle, EmailTarget

FALLBACK_LOCALE = "en"
LONGEST_DELAY = timedelta(days=365)
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_LOCALE = re.compile(r"[a-z]{2,3}(?:_[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class EmailText:
    """What one language's readers get: a template of a subject and of a content."""

    subject: str
    content: str
    content_format: ContentFormat = ContentFormat.MARKDOWN


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
        if not self.title.strip() or len(self.title) > SUBJECT_MAXIMUM or not self.title.isprintable():
            yield Problem("title", f"needs 1 to {SUBJECT_MAXIMUM} characters, on one line")
        if not timedelta() <= self.after <= LONGEST_DELAY:
            yield Problem("after", f"must be between 0 and {LONGEST_DELAY.days} days")
        if not self.texts:
            yield Problem("content", "is missing")
        for locale, text in self.texts.items():
            if not is_locale(locale):
                yield Problem("locale", f"{locale!r} is no language; write en, sv or pt_BR")
            yield from _text_problems(text, locale if len(self.texts) > 1 else "")


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
    """Texts that an email once had; `why` is what replaced them (edited, reset, restored, updated, imported)."""

    number: int
    texts: Texts
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


def is_slug(text: str) -> bool:
    return bool(_SLUG.fullmatch(text))


def is_locale(text: str) -> bool:
    return bool(_LOCALE.fullmatch(text))


def normalised_locale(text: str) -> str:
    """`sv-se`, `sv_SE.UTF-8` and `SV_SE` as `sv_SE`; empty for what is none."""
    language, *rest = text.strip().partition(".")[0].replace("-", "_").split("_")
    region = [part.upper() if len(part) == 2 else part for part in rest]
    found = "_".join([language.lower(), *region])
    return found if is_locale(found) else ""


def chosen_locale(available: Iterable[str], wanted: Iterable[str]) -> str:
    """The first of `wanted` (best first) that there is a text for, also by language alone; else English, else any."""
    available = list(available)
    for locale in [*map(normalised_locale, wanted), FALLBACK_LOCALE]:
        language = locale.partition("_")[0]
        for candidate in (locale, language):
            if candidate and candidate in available:
                return candidate
    return sorted(available)[0]


def _text_problems(text: EmailText, locale: str) -> Iterator[Problem]:
    place = f" ({locale})" if locale else ""
    subject, content = text.subject.strip(), text.content.strip()
    if len(subject) < SUBJECT_MINIMUM:
        yield Problem("subject" + place, f"needs at least {SUBJECT_MINIMUM} characters")
    if len(subject) > SUBJECT_MAXIMUM:
        yield Problem("subject" + place, f"has {len(subject)} characters; {SUBJECT_MAXIMUM} fit")
    if "\n" in subject or "\r" in subject:
        yield Problem("subject" + place, "must be one line")
    if len(content) < CONTENT_MINIMUM:
        yield Problem("content" + place, f"needs at least {CONTENT_MINIMUM} characters")
    if len(content) > CONTENT_MAXIMUM:
        yield Problem("content" + place, f"has {len(content):,} characters; {CONTENT_MAXIMUM:,} fit")
