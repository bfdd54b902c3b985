"""Emails between installations: taken out as a bundle, and taken in from one, or from what another network tells."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ummsg import __version__
from ummsg.config import Settings
from ummsg.domain.email import EmailDraft, SystemEmail
from ummsg.domain.network import checked_url
from ummsg.errors import InvalidDraft, InvalidInput, Problem
from ummsg.mail.bundle import MEND, read_bundle, write_bundle
from ummsg.mail.defaults import Defaults
from ummsg.mail.foreign import Imported, harmless
from ummsg.mail.templates import names_in
from ummsg.network.ultimate_multisite import UltimateMultisite
from ummsg.services.email_checks import problems_anywhere
from ummsg.services.event_kinds import EventKinds
from ummsg.services.system_email import placeholders_of
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import OnConflict


class Standing(StrEnum):
    """How an email of a bundle compares with what is installed."""

    NEW = "new"
    SAME = "same"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Step:
    """What becomes of one email of a bundle. `draft` is what will be stored, under its slug here."""

    standing: Standing
    draft: EmailDraft
    present: SystemEmail | None = None
    action: OnConflict | None = None
    """For a different one; None while that has not been decided."""
    notes: tuple[str, ...] = ()
    unsendable: tuple[Problem, ...] = ()
    """Why it cannot be active here as it is: placeholders or an event that are not known."""

    @property
    def stores(self) -> bool:
        """Whether something is stored of it."""
        return self.standing is Standing.NEW or self.activates or self.action in (OnConflict.OVERWRITE, OnConflict.COPY)

    @property
    def activates(self) -> bool:
        """Whether nothing is stored of it but that it goes out from now on."""
        return self.standing is Standing.SAME and self.present is not None and self.draft != self.present.draft

    @property
    def overwrites(self) -> bool:
        return self.action is OnConflict.OVERWRITE


@dataclass(frozen=True)
class Plan:
    """What an import would do, an email a step."""

    steps: Sequence[Step]

    @property
    def undecided(self) -> list[Step]:
        return [step for step in self.steps if step.standing is Standing.DIFFERENT and step.action is None]


class EmailBundles:
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

    def export(self, slugs: Sequence[str] | None = None) -> dict[str, Any]:
        """These emails, or all, as JSON takes them. Raises UnknownReference."""
        with self._store.read() as tx:
            emails = tx.emails.all() if slugs is None else [tx.emails.get(slug) for slug in dict.fromkeys(slugs)]
        origin = {
            "network": self._settings["NETWORK_NAME"],
            "url": self._settings["NETWORK_URL"],
            "ummsg": __version__,
            "exported_at": self._clock().isoformat(timespec="seconds"),
        }
        return write_bundle((email.draft for email in emails), origin)

    def of_network(self, url: str, key: str, secret: str) -> list[dict[str, Any]]:
        """What the network at `url` tells of its system emails, for `plan`.

        Raises InvalidInput for an address without HTTPS, and NetworkUnreachable, NetworkRefused and NotANetwork.
        """
        with closing(UltimateMultisite(checked_url(url, "ummsg emails import --from"), key, secret)) as network:
            return network.emails()

    def plan(self, bundle: Any, *, on_conflict: OnConflict | None = None, activate: bool = False) -> Plan:
        """What importing a bundle, as it was read from JSON, would do; nothing is stored.

        Without `activate` everything arrives inactive; with it, what was active there is active here. Raises
        InvalidInput, with everything that is wrong with the bundle.
        """
        arrived = [self._at_home(imported) for imported in read_bundle(bundle)]
        with self._store.read() as tx:
            taken = {*tx.emails.slugs(), *(imported.draft.slug for imported in arrived)}
            steps = [self._step(tx, imported, on_conflict, taken, activate=activate) for imported in arrived]
        self._check(steps)
        return Plan(steps)

    def store(self, plan: Plan) -> list[SystemEmail]:
        """Carry a decided plan out: all of it, or nothing. Raises InvalidInput if an email was changed meanwhile."""
        if plan.undecided:
            raise InvalidInput("It is not decided what becomes of emails that are different here")
        with self._store.begin() as tx:
            return [self._store_step(tx, step) for step in plan.steps if step.stores]

    # Steps

    def _at_home(self, imported: Imported) -> Imported:
        """Some versions of the network do not tell the event of an email: that of its default is meant."""
        default = self._defaults.find(imported.draft.slug)
        if imported.draft.event or default is None:
            return imported
        event = default.draft.event
        note = f"its event is not told; as its default it follows {event}"
        return replace(imported, draft=replace(imported.draft, event=event), notes=(*imported.notes, note))

    def _step(
        self, tx: Transaction, imported: Imported, on_conflict: OnConflict | None, taken: set[str], *, activate: bool
    ) -> Step:
        draft = replace(imported.draft, active=imported.draft.active and activate)
        present = tx.emails.find(draft.slug)
        unsendable = tuple(self._unsendable(tx, draft))
        if present is None:
            return Step(Standing.NEW, draft, None, None, imported.notes, unsendable)
        alike = [present, *(_copies(tx, draft.slug) if on_conflict is OnConflict.COPY else ())]
        if same := next((email for email in alike if _is_same(email.draft, draft)), None):
            active = same.draft.active or draft.active
            return Step(Standing.SAME, replace(same.draft, active=active), same, None, (), unsendable)
        if on_conflict is OnConflict.COPY:
            draft = replace(draft, slug=_free_slug(draft.slug, taken))
            taken.add(draft.slug)
        return Step(Standing.DIFFERENT, draft, present, on_conflict, imported.notes, unsendable)

    def _unsendable(self, tx: Transaction, draft: EmailDraft) -> Iterator[Problem]:
        kind = self._kinds.find(draft.event)
        if kind is None:
            yield Problem("event", f"{draft.event!r} is not registered here" if draft.event else "is not told")
            return
        known = placeholders_of(kind, tx.customers.attribute_names())
        for locale, text in draft.texts.items():
            unknown = sorted(names_in(text.subject, text.content) - set(known))
            if unknown:
                yield Problem(f"placeholders ({locale})", f"{', '.join(unknown)}: not known of {draft.event}")

    def _check(self, steps: Sequence[Step]) -> None:
        """Raises InvalidDraft with everything wrong with what would be stored."""
        problems = []
        for step in steps:
            if not step.stores and step.action is not None:
                continue
            found = problems_anywhere(step.draft, self._settings)
            if step.draft.active:
                found += step.unsendable
            problems += [Problem(f"{step.draft.slug}: {problem.field}", problem.message) for problem in found]
        if problems:
            raise InvalidDraft(problems, what="The file cannot be imported as it is", hint=MEND)

    def _store_step(self, tx: Transaction, step: Step) -> SystemEmail:
        replaced = step.present if step.overwrites or step.activates else None
        if tx.emails.find(step.draft.slug) != replaced:
            raise InvalidInput(
                f"The email {step.draft.slug} was changed by somebody else meanwhile; nothing was stored",
                hint="the same command again",
            )
        default = self._defaults.find(step.draft.slug)
        as_default = default is not None and dict(default.draft.texts) == dict(step.draft.texts)
        base = step.draft.texts if as_default else None
        if replaced is None:
            return tx.emails.add(step.draft, self._clock(), base=base)
        if base is not None:
            tx.emails.set_base(replaced.id, base)
        return tx.emails.change(replaced, step.draft, self._clock(), why="edited" if step.activates else "imported")


def _copies(tx: Transaction, slug: str) -> list[SystemEmail]:
    """Those that an earlier import may have installed beside an email of that slug."""
    copy = re.compile(rf"{re.escape(slug[:75])}-\d+")
    return [email for email in tx.emails.all() if copy.fullmatch(email.slug)]


def _is_same(installed: EmailDraft, arrived: EmailDraft) -> bool:
    """Whatever they are called, and whether or not they are active; HTML as it is once it has been cleaned."""
    return replace(harmless(installed).draft, slug=arrived.slug, active=arrived.active) == arrived


def _free_slug(slug: str, taken: set[str]) -> str:
    number = 2
    while (candidate := f"{slug[:75]}-{number}") in taken:
        number += 1
    return candidate
