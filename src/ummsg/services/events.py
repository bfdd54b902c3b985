"""Firing events: store what happened, and queue a delivery for each email that is bound to it."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from ummsg.config import Settings
from ummsg.domain.customer import email_key
from ummsg.domain.delivery import Delivery
from ummsg.domain.email import EmailDraft
from ummsg.domain.event import Event, EventKind, Payload, Standing
from ummsg.errors import InvalidDraft, InvalidInput, Problem
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.services.event_kinds import EventKinds
from ummsg.services.letters import addressed, admins
from ummsg.services.system_email import PreparedSystemEmail, PreparedSystemEmails, Recipient
from ummsg.services.targets import NoTarget, Targets
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import DeliveryStatus, EmailTarget

CHUNK = 250
"""Events stored in one transaction: the write lock stays well below a quarter of a second."""

PROBLEMS_SHOWN = 20
FAILURES_TOLD = 100


@dataclass(slots=True)
class Fired:
    """What a run of `fire` did. `failures` counts the emails that could not be queued, by slug and reason."""

    events: int = 0
    repeated: int = 0
    """Events that carried a dedupe key of before; nothing was stored of them."""
    queued: int = 0
    suppressed: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    event_id: int | None = None
    """The last one, whether it was stored now or before."""
    emails: int = 0
    """Active emails that are bound to the event."""

    def fail(self, email: str, reason: str) -> None:
        """Count a failure; past FAILURES_TOLD different ones only how many, so that memory stays flat."""
        told = (email, reason) in self.failures or len(self.failures) < FAILURES_TOLD
        self.failures[email, reason if told else "for other reasons, which the log tells"] += 1


class Events:
    def __init__(self, store: Store, settings: Settings, kinds: EventKinds, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._kinds = kinds
        self._clock = clock
        self._prepared = PreparedSystemEmails(settings)

    def fire(
        self,
        slug: str,
        payload: Any,
        *,
        key: str | None = None,
        or_key: str | None = None,
        of_any_kind: bool = False,
        not_after: datetime | None = None,
    ) -> Fired:
        """Store one event and queue its emails, in one transaction; if there is one with `key` or `or_key`, nothing.

        `of_any_kind`: `key` must not be that of an event of another kind. Raises InvalidInput if it is, and for a
        payload that is not this event's; NotConfigured when nobody is set as the sender.
        """
        kind = self._kinds.get(slug)
        if problems := list(kind.problems(payload)):
            raise refused(kind, problems)
        not_after = self._checked(not_after)
        fired = Fired()
        with self._store.begin() as tx:
            if of_any_kind and key is not None and (others := tx.events.kinds_with(key) - {slug}):
                raise InvalidInput(f"That is an event {', '.join(sorted(others))} already; nothing was stored")
            before = or_key is not None and tx.events.known_keys(slug, [or_key])
            self._firing(tx, kind, fired, not_after).store([(payload, or_key if before else key)])
        return fired

    def fire_all(
        self,
        slug: str,
        lines: Iterable[tuple[int, Any]],
        *,
        key: str | None = None,
        not_after: datetime | None = None,
        watch: Callable[[Fired], None] = lambda fired: None,
    ) -> Fired:
        """Fire one event a line. `lines` is read twice: nothing is stored unless every payload is this event's.

        Line n of a run with a `key` has the dedupe key `key/n`: a run that was stopped can be repeated.
        """
        kind = self._kinds.get(slug)
        if problems := list(islice(_problems_of(kind, lines), PROBLEMS_SHOWN)):
            raise refused(kind, problems)
        not_after = self._checked(not_after)
        keyed = ((payload, None if key is None else f"{key}/{number}") for number, payload in lines)
        return self._fire(kind, keyed, not_after, watch)

    def log(
        self, *, slug: str | None = None, since: datetime | None = None, failed: bool = False, limit: int | None = None
    ) -> Iterator[Standing]:
        """What fired, the newest first, and what became of it."""
        if slug is not None:
            self._kinds.get(slug)
        with self._store.read() as tx:
            yield from tx.events.log(slug=slug, since=since, failed=failed, limit=limit)

    def bound(self, slug: str) -> list[EmailDraft]:
        """The installed emails on an event, active or not."""
        with self._store.read() as tx:
            return [email.draft for email in tx.emails.all(event=slug)]

    def unknown(self, event_id: int) -> list[Delivery]:
        """The deliveries of an event of which nobody knows whether they arrived. Raises UnknownReference."""
        with self._store.read() as tx:
            tx.events.get(event_id)
            return [d for d in tx.events.deliveries(event_id) if d.status is DeliveryStatus.UNKNOWN]

    def replay(self, event_id: int, *, also_unknown: bool = False) -> Fired:
        """Queue an event's failed deliveries again, with the emails and the directory as they are now; `also_unknown`:
        those, too, that may have arrived.

        What was sent, or waits, is left alone. Raises UnknownReference.
        """
        again = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN) if also_unknown else (DeliveryStatus.FAILED,)
        with self._store.begin() as tx:
            event = tx.events.get(event_id)
            failed = [d for d in tx.events.deliveries(event_id) if d.status in again]
            fired = Fired(event_id=event_id)
            kind = self._kinds.get(event.slug)
            firing = self._firing(tx, kind, fired, event.not_after)
            firing.know([event.payload], directory_first=True)
            for email_id in dict.fromkeys(delivery.email_id for delivery in failed if delivery.email_id is not None):
                firing.repeat(event, email_id, [d for d in failed if d.email_id == email_id])
            return fired

    def _fire(
        self,
        kind: EventKind,
        payloads: Iterable[tuple[Payload, str | None]],
        not_after: datetime | None,
        watch: Callable[[Fired], None] = lambda fired: None,
    ) -> Fired:
        fired = Fired()
        remaining = iter(payloads)
        while chunk := list(islice(remaining, CHUNK)):
            with self._store.begin() as tx:
                self._firing(tx, kind, fired, not_after).store(chunk)
            watch(fired)
        return fired

    def _firing(self, tx: Transaction, kind: EventKind, fired: Fired, not_after: datetime | None) -> "_Firing":
        active = [email for email in tx.emails.all(event=kind.slug) if email.draft.active]
        fired.emails = len(active)
        emails = {email.id: self._prepared.of(tx, email, kind) for email in active}
        return _Firing(tx, kind, self._settings, emails, fired, self._clock(), not_after)

    def _checked(self, not_after: datetime | None) -> datetime | None:
        if not_after is not None and not_after <= self._clock():
            raise InvalidInput("--not-after is over already; nothing was stored")
        return not_after


class _Firing:
    """One transaction's worth of events of one kind."""

    def __init__(
        self,
        tx: Transaction,
        kind: EventKind,
        settings: Settings,
        emails: Mapping[int, PreparedSystemEmail],
        fired: Fired,
        now: datetime,
        not_after: datetime | None,
    ) -> None:
        self._tx = tx
        self._kind = kind
        self._settings = settings
        self._emails = emails
        self._fired = fired
        self._now = now
        self._not_after = not_after
        self._admins = admins(settings)

    def store(self, chunk: Sequence[tuple[Payload, str | None]]) -> None:
        fresh = self._unrepeated(chunk)
        if not fresh:
            return
        self.know([payload for payload, _ in fresh])
        ids = self._tx.events.add([self._event_row(payload, key) for payload, key in fresh])
        stored = zip(ids, (payload for payload, _ in fresh), strict=True)
        rows = [
            row
            for event_id, payload in stored
            for email_id in self._emails
            for row in self._rows(event_id, payload, email_id, self._recipients)
        ]
        self._suppress(rows)
        self._tx.events.queue(rows)
        self._fired.events += len(ids)
        self._fired.event_id = ids[-1]

    def know(self, payloads: Sequence[Payload], *, directory_first: bool = False) -> None:
        """Look up everyone whom these payloads name."""
        self._targets = Targets.of(self._tx, payloads, directory_first=directory_first)

    def repeat(self, event: Event, email_id: int, failed: Sequence[Delivery]) -> None:
        """Give one email's failed deliveries of an event another try, or a new reason why not."""
        if email_id not in self._emails:
            draft = self._tx.emails.by_id(email_id).draft
            elsewhere = f"it follows {draft.event} now" if draft.event != event.slug else "it is switched off"
            self._fired.fail(draft.slug, elsewhere)
            return
        for delivery in failed:
            self._tx.events.drop(delivery.id)
        present = {email_key(d.email) for d in self._tx.events.deliveries(event.id) if d.email_id == email_id}
        found = self._rows(event.id, event.payload, email_id, lambda draft, payload: self._owed(draft, payload, failed))
        rows = [row for row in found if row["email_key"] not in present]
        message_ids = {email_key(delivery.email): delivery.message_id for delivery in failed}
        for row in rows:
            row["message_id"] = message_ids.get(row["email_key"], row["message_id"])
        self._suppress(rows)
        self._tx.events.queue(rows)

    def _unrepeated(self, chunk: Sequence[tuple[Payload, str | None]]) -> list[tuple[Payload, str | None]]:
        keys = [key for _, key in chunk if key is not None]
        known = self._tx.events.known_keys(self._kind.slug, keys) if keys else {}
        for payload, key in chunk:
            if key in known and known[key].payload != payload:
                raise InvalidInput(
                    f"The dedupe key {key!r} was used for event {known[key].id}, which has another payload",
                    details=["it is not stored, nor is what would have come after it"],
                    hint=f"ummsg events log --event {self._kind.slug}, or another --dedupe-key",
                )
        self._fired.repeated += len(known)
        self._fired.event_id = next((event.id for event in known.values()), self._fired.event_id)
        return [(payload, key) for payload, key in chunk if key is None or key not in known]

    def _event_row(self, payload: Payload, key: str | None) -> dict[str, Any]:
        return {
            "slug": self._kind.slug,
            "payload": payload,
            "dedupe_key": key,
            "not_after": self._not_after,
            "fired_at": self._now,
        }

    def _rows(
        self,
        event_id: int,
        payload: Payload,
        email_id: int,
        recipients: Callable[[EmailDraft, Payload], list[Recipient]],
    ) -> Iterator[dict[str, Any]]:
        """The ledger's rows for one event and email: one a recipient, or one that says why there is none."""
        prepared = self._emails[email_id]
        recipient = None
        try:
            for recipient in recipients(prepared.draft, payload):
                self._check(prepared, payload, recipient)
                yield self._row(event_id, email_id, prepared, recipient)
        except (NoTarget, InvalidDraft, EmptyPlaceholder, RenderFailed) as error:
            self._fired.fail(prepared.draft.slug, str(error))
            yield self._failed_row(event_id, email_id, prepared, recipient, f"not sent: {error}")

    def _recipients(self, draft: EmailDraft, payload: Payload) -> list[Recipient]:
        """Each address once: the customer and, if they are to have copies, the admins; or the admins alone."""
        if draft.target is EmailTarget.ADMIN and not self._admins:
            raise NoTarget("UMMSG_ADMIN_EMAILS is not set")
        admins = [admin.email for admin in self._admins]
        if draft.target is EmailTarget.ADMIN:
            return self._addressed(draft, payload, admins)
        return self._addressed(
            draft, payload, [self._targets.address(payload)[0], *(admins if draft.copy_to_admins else ())]
        )

    def _owed(self, draft: EmailDraft, payload: Payload, failed: Sequence[Delivery]) -> list[Recipient]:
        """Those whom these failed deliveries were for, at the addresses that they have now; nobody else."""
        if any(not delivery.email for delivery in failed):  # nobody had been found
            return self._recipients(draft, payload)
        admins = {email_key(admin.email) for admin in self._admins}
        own = email_key(str(payload.get("customer_user_email") or ""))
        addresses = []
        for delivery in failed:
            key = email_key(delivery.email)
            is_admins = draft.target is EmailTarget.ADMIN or (key in admins and key != own)
            addresses.append(delivery.email if is_admins else self._targets.address(payload)[0])
        return self._addressed(draft, payload, addresses)

    def _addressed(self, draft: EmailDraft, payload: Payload, addresses: Sequence[str]) -> list[Recipient]:
        customer = self._targets.customer_if_known(payload)
        unique = {email_key(address): address for address in reversed(addresses)}
        return [addressed(draft, address, payload, customer, self._settings) for address in reversed(unique.values())]

    def _check(self, prepared: PreparedSystemEmail, payload: Payload, recipient: Recipient) -> None:
        prepared.check_rendering(prepared.values(payload, recipient.customer), recipient)

    def _row(self, event_id: int, email_id: int, prepared: PreparedSystemEmail, recipient: Recipient) -> dict[str, Any]:
        return {
            "broadcast_id": None,
            "event_id": event_id,
            "email_id": email_id,
            "customer_id": recipient.customer.id if recipient.customer else None,
            "email": recipient.email,
            "email_key": email_key(recipient.email),
            "status": DeliveryStatus.QUEUED,
            "message_id": f"{secrets.token_hex(16)}@{prepared.domain}",
            "attempts": 0,
            "due_at": self._now + prepared.draft.after,
            "claim_token": None,
            "lease_until": None,
            "reply": "",
            "updated_at": self._now,
        }

    def _failed_row(
        self, event_id: int, email_id: int, prepared: PreparedSystemEmail, recipient: Recipient | None, reason: str
    ) -> dict[str, Any]:
        row = self._row(event_id, email_id, prepared, recipient or Recipient(""))
        return row | {"status": DeliveryStatus.FAILED, "due_at": None, "reply": reason}

    def _suppress(self, rows: Sequence[dict[str, Any]]) -> None:
        """Settle the rows of those who must not be mailed, and count what is queued."""
        queued = [row for row in rows if row["status"] is DeliveryStatus.QUEUED]
        reasons = self._tx.suppressions.reasons({row["email_key"] for row in queued})
        for row in queued:
            if row["email_key"] in reasons:
                row |= {
                    "status": DeliveryStatus.SUPPRESSED,
                    "due_at": None,
                    "reply": reasons[row["email_key"]],
                }
                self._fired.suppressed += 1
            else:
                self._fired.queued += 1


def refused(kind: EventKind, problems: Sequence[Problem]) -> InvalidInput:
    """A payload that is not this event's, with everything that is wrong with it."""
    return InvalidInput(
        f"The payload is not one of {kind.slug}; nothing was stored",
        details=[str(problem) for problem in problems],
        hint=f"ummsg events show {kind.slug}",
    )


def _problems_of(kind: EventKind, lines: Iterable[tuple[int, Any]]) -> Iterator[Problem]:
    for number, payload in lines:
        for problem in kind.problems(payload):
            yield Problem(f"line {number:,}", str(problem))
