"""Defaults and the copies that were made of them: import, reset, update, history, and how the two compare."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.email import (
    Comparison,
    Default,
    EmailDraft,
    EmailText,
    EmailVersion,
    Metrics,
    SystemEmail,
    Texts,
)
from ummsg.domain.merge import has_markers, merge
from ummsg.errors import InvalidDraft, InvalidInput, NotConfigured, UmmsgError, UnknownReference
from ummsg.mail.defaults import Defaults
from ummsg.services.event_kinds import EventKinds
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import ContentFormat, EmailTarget


@dataclass(frozen=True)
class Change:
    """What a reset, an update or a restore would make of an email."""

    email: SystemEmail
    draft: EmailDraft

    @property
    def is_one(self) -> bool:
        return self.draft != self.email.draft


@dataclass(frozen=True)
class Update:
    """A default's changes put into a copy. `conflicts` holds, by language, a text that the operator has to mend."""

    change: Change
    base: Texts
    conflicts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One thing that `status --check` complains of, and what to type."""

    what: str
    hint: str


class EmailDefaults:
    def __init__(
        self,
        store: Store,
        settings: Settings,
        defaults: Defaults,
        kinds: EventKinds,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._settings = settings
        self._defaults = defaults
        self._kinds = kinds
        self._clock = clock

    # Comparing

    def compare(self) -> list[Comparison]:
        """Every installed email and every default, by slug."""
        with self._store.read() as tx:
            installed = {email.slug: email for email in tx.emails.all()}
            metrics = tx.emails.metrics()
        slugs = sorted({*installed, *(default.slug for default in self._defaults.all())})
        return [
            Comparison(
                email := installed.get(slug),
                self._defaults.find(slug),
                metrics.get(email.id, Metrics()) if email else Metrics(),
            )
            for slug in slugs
        ]

    def available(self) -> list[Default]:
        """The defaults that are not installed."""
        return [pair.default for pair in self.compare() if pair.email is None and pair.default is not None]

    def findings(self) -> list[Finding]:
        """What is wrong with the emails of this network as they stand."""
        compared = self.compare()
        steps = (self._missing, self._broken, self._silent, self._unaddressed)
        return [finding for step in steps for finding in step(compared)]

    # Installing

    def install(self, slugs: Sequence[str]) -> list[SystemEmail]:
        """Make a copy of each of these defaults: all of them, or none.

        Raises InvalidInput if some are installed already, UnknownReference, and InvalidDraft for a default that
        cannot be sent.
        """
        chosen = [self._defaults.get(slug) for slug in dict.fromkeys(slugs)]
        with self._store.begin() as tx:
            if installed := [default.slug for default in chosen if tx.emails.find(default.slug) is not None]:
                raise InvalidInput(
                    f"{_listed(installed)} {'is' if len(installed) == 1 else 'are'} installed already",
                    details=["nothing was imported"],
                    hint=f"ummsg emails reset {' '.join(installed)}",
                )
            return [self._install(tx, default) for default in chosen]

    def install_essential(self) -> list[SystemEmail]:
        """Make a copy of each default that something cannot work without, never over one that is there."""
        essential = [default for default in self._defaults.all() if default.essential]
        with self._store.begin() as tx:
            return [self._install(tx, default) for default in essential if tx.emails.find(default.slug) is None]

    # Going back

    def reset_plan(self, slug: str, *, settings: bool = False) -> Change:
        """What a reset would change. Raises InvalidInput for an email that has no default."""
        with self._store.read() as tx:
            email = tx.emails.get(slug)
        default = self._default_of(email)
        draft = default.draft if settings else replace(email.draft, texts=default.draft.texts)
        return Change(email, draft)

    def reset_plans(self, *, settings: bool = False) -> list[Change]:
        """Of every email that a reset would change."""
        with_default = [pair for pair in self.compare() if pair.email is not None and pair.default is not None]
        plans = [self.reset_plan(pair.slug, settings=settings) for pair in with_default]
        return [plan for plan in plans if plan.is_one]

    def reset(self, changes: Sequence[Change]) -> list[SystemEmail]:
        """Put the defaults' texts (and settings, if planned so) in place, all or none; what was there is a version."""
        with self._store.begin() as tx:
            return [self._store_change(tx, change, "reset", self._default_of(change.email)) for change in changes]

    def history(self, slug: str) -> list[EmailVersion]:
        """What an email was before, the newest first."""
        with self._store.read() as tx:
            return tx.emails.versions(tx.emails.get(slug).id)

    def restore_plan(self, slug: str, number: int, *, settings: bool = False) -> Change:
        """Bring a version's texts back, and its `settings`. Raises UnknownReference for a version that there is not."""
        with self._store.read() as tx:
            email = tx.emails.get(slug)
            versions = {version.number: version for version in tx.emails.versions(email.id)}
        if number not in versions:
            known = f"there are {', '.join(map(str, versions))}" if versions else "it was never changed"
            raise UnknownReference(
                f"{slug} has no version {number}", details=[known], hint=f"ummsg emails history {slug}"
            )
        before = versions[number].draft
        return Change(email, before if settings else replace(email.draft, texts=before.texts))

    def restore(self, change: Change) -> SystemEmail:
        with self._store.begin() as tx:
            return self._store_change(tx, change, "restored")

    # Going forward

    def update_plan(self, slug: str) -> Update:
        """Put what changed in the default since into the copy. Raises InvalidInput for an email without a default."""
        with self._store.read() as tx:
            email = tx.emails.get(slug)
        theirs, base = self._default_of(email).draft.texts, email.base or {}
        texts: dict[str, EmailText] = {}
        conflicts: dict[str, str] = {}
        for locale in dict.fromkeys((*email.texts, *theirs)):
            text, conflict = _merged(base.get(locale), email.texts.get(locale), theirs.get(locale))
            if text is not None:
                texts[locale] = text
            if conflict:
                conflicts[locale] = conflict
        return Update(Change(email, replace(email.draft, texts=texts)), theirs, conflicts)

    def resolved(self, update: Update, locale: str, edited: str) -> Update:
        """An update with the operator's text for one language. Raises InvalidInput if it cannot stand."""
        if has_markers(edited):
            raise InvalidInput(f"There are still conflict markers in the text ({locale})")
        text = text_of_file(edited, update.change.draft.texts[locale].content_format)
        draft = update.change.draft.with_text(locale, text)
        self._check(draft)
        rest = {other: conflict for other, conflict in update.conflicts.items() if other != locale}
        return Update(Change(update.change.email, draft), update.base, rest)

    def update(self, update: Update) -> SystemEmail:
        """Store an update without conflicts; what was there is a version."""
        if update.conflicts:
            raise InvalidInput(f"{update.change.email.slug} has conflicts; nothing was stored")
        default = self._defaults.get(update.change.email.slug)
        with self._store.begin() as tx:
            if update.change.is_one:
                return self._store_change(tx, update.change, "updated", default)
            tx.emails.set_base(update.change.email.id, default.draft.texts)
            return tx.emails.get(update.change.email.slug)

    # Steps

    def _install(self, tx: Transaction, default: Default) -> SystemEmail:
        try:
            self._check(default.draft, tx)
        except UmmsgError as error:
            error.details.insert(0, f"the default {default.slug}, from {default.source}")
            raise
        return tx.emails.add(default.draft, self._clock(), base=default.draft.texts)

    def _store_change(self, tx: Transaction, change: Change, why: str, default: Default | None = None) -> SystemEmail:
        present = tx.emails.get(change.email.slug)
        if present != change.email:
            raise InvalidInput(
                f"The email {present.slug} was changed by somebody else meanwhile; nothing was stored",
                hint=f"ummsg emails show {present.slug}",
            )
        self._check(change.draft, tx)
        if default is not None:
            tx.emails.set_base(present.id, default.draft.texts)
        return tx.emails.change(present, change.draft, self._clock(), why=why)

    def _default_of(self, email: SystemEmail) -> Default:
        default = self._defaults.find(email.slug)
        if default is None:
            raise InvalidInput(
                f"{email.slug} has no default", details=self._defaults.problems, hint="ummsg emails status"
            )
        return default

    def _check(self, draft: EmailDraft, tx: Transaction | None = None) -> None:
        """Raises InvalidDraft with everything that is wrong with it."""
        # Compiling takes the template engine, which listing must not wait for.
        from ummsg.services.email_checks import check

        if tx is None:
            with self._store.read() as reading:
                names = reading.customers.attribute_names()
        else:
            names = tx.customers.attribute_names()
        check(draft, self._kinds, self._settings, names)

    def _missing(self, compared: Sequence[Comparison]) -> Iterator[Finding]:
        for pair in compared:
            if pair.default is None or not pair.default.essential:
                continue
            if pair.email is None:
                yield Finding(f"{pair.slug} is essential, and not installed", f"ummsg emails import {pair.slug}")
            elif not pair.email.draft.active:
                yield Finding(f"{pair.slug} is essential, and switched off", f"ummsg emails enable {pair.slug}")
            elif pair.email.draft.event != pair.default.draft.event:
                what = f"{pair.slug} is essential for {pair.default.draft.event}, and follows {pair.email.draft.event}"
                yield Finding(what, f"ummsg emails reset {pair.slug} --settings")

    def _broken(self, compared: Sequence[Comparison]) -> Iterator[Finding]:
        for pair in compared:
            if pair.email is None or not pair.email.draft.active:
                continue
            try:
                self._check(pair.email.draft)
            except InvalidDraft as error:
                what = "; ".join(map(str, error.problems))
                yield Finding(f"{pair.slug} cannot be sent: {what}", f"ummsg emails edit {pair.slug}")

    def _silent(self, compared: Sequence[Comparison]) -> Iterator[Finding]:
        """Events that happen here, or that somebody made an email for, of which nobody is told."""
        installed = [pair.email for pair in compared if pair.email is not None]
        inactive = [email for email in installed if not email.draft.active and self._kinds.find(email.draft.event)]
        off = {email.draft.event: email.slug for email in inactive}
        silent = {*off, *self._fired()} - {email.draft.event for email in installed if email.draft.active}
        for event in sorted(silent):
            if event in off:
                yield Finding(f"no email on {event} is active", f"ummsg emails enable {off[event]}")
            else:
                yield Finding(f"{event} has fired, and no email is bound to it", "ummsg emails import")

    def _unaddressed(self, compared: Sequence[Comparison]) -> Iterator[Finding]:
        """What no email can be sent without, whatever it says."""
        from ummsg.services.letters import admins

        active = [pair.email.draft for pair in compared if pair.email is not None and pair.email.draft.active]
        if any(not draft.sender for draft in active) and not self._settings["FROM"]:
            yield Finding("nobody is set as the sender", 'UMMSG_FROM="Your Network <hello@example.com>" in .env')
        try:
            to_admins = [draft.slug for draft in active if draft.target is EmailTarget.ADMIN or draft.copy_to_admins]
            if to_admins and not admins(self._settings):
                what = f"UMMSG_ADMIN_EMAILS is not set, and the admins are to get {_listed(to_admins)}"
                yield Finding(what, "UMMSG_ADMIN_EMAILS=ada@example.com in .env")
        except NotConfigured as error:
            yield Finding(error.what, error.hint)

    def _fired(self) -> list[str]:
        with self._store.read() as tx:
            return [kind.slug for kind in self._kinds.all() if tx.events.has_fired(kind.slug)]


def as_file(text: EmailText) -> str:
    """A text as it is merged and mended. Empty lines keep apart what one side and what the other changed."""
    return f"Subject: {text.subject}\n\nFormat: {text.content_format}\n\n{text.content}"


def text_of_file(file: str, otherwise: ContentFormat) -> EmailText:
    """The reverse of `as_file`; without the line that tells the format it is `otherwise`. Raises InvalidInput."""
    found = _FILE.fullmatch(file)
    if found is None:
        raise InvalidInput("The first line must be the subject, as in: Subject: Your receipt")
    return EmailText(found["subject"].strip(), found["content"], ContentFormat(found["format"] or otherwise))


_FILE = re.compile(
    rf"Subject:(?P<subject>[^\n]*)\n\n?(?:Format: *(?P<format>{'|'.join(ContentFormat)}) *\n\n?)?(?P<content>.*)",
    re.DOTALL,
)


def _merged(base: EmailText | None, ours: EmailText | None, theirs: EmailText | None) -> tuple[EmailText | None, str]:
    """The text of one language, None if it goes; and the same with conflict markers, if both changed it."""
    if ours in (base, theirs):
        return theirs, ""
    if theirs == base or theirs is None or ours is None:
        return ours, ""
    merged = merge(as_file(base) if base else "", as_file(ours), as_file(theirs))
    return (ours, merged.text) if merged.conflicts else (text_of_file(merged.text, ours.content_format), "")


def _listed(slugs: Sequence[str]) -> str:
    *most, last = slugs
    return f"{', '.join(most)} and {last}" if most else last
