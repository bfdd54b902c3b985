"""Draining: claim, render, send, record, one delivery at a time, each recorded before the next.

One transaction records a delivery and claims the next one: if the process dies, exactly the one message on the wire
is in doubt, and every other delivery is in the state that the ledger says.
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.broadcast import Broadcast
from ummsg.domain.customer import Customer, email_key
from ummsg.domain.delivery import Counts, Delivery, Fate, Outcome, Settled, Tally, dropped, settle, unsendable
from ummsg.domain.email import SystemEmail
from ummsg.domain.placeholders import known_placeholders
from ummsg.errors import (
    InvalidDraft,
    InvalidInput,
    MailServerRefused,
    MailServerUnreachable,
    NotConfigured,
    UmmsgError,
)
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.mail.transports.base import Connection, Transport
from ummsg.services.event_kinds import EventKinds
from ummsg.services.letters import Letters
from ummsg.services.prepared_email import Parcel, PreparedEmail, prepare_email
from ummsg.services.refusals import Refusals
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus


@dataclass
class Run:
    """One run of the outbox, as it goes and as it ended."""

    of_broadcasts: Tally = field(default_factory=Tally)
    of_events: Tally = field(default_factory=Tally)
    stopped_by: UmmsgError | None = None
    """What ended it early: the mail server was lost, or the operator pressed Ctrl-C (then `interrupted`)."""
    interrupted: bool = False
    lost: int = 0
    """Deliveries of an earlier run that did not come back, which are unknown from now on."""

    @property
    def tally(self) -> Tally:
        return self.of_broadcasts + self.of_events

    def count(self, delivery: Delivery, settled: Settled) -> None:
        (self.of_broadcasts if delivery.event_id is None else self.of_events).count(settled)


Watch = Callable[[Tally], None]


class Outbox:
    def __init__(
        self,
        store: Store,
        settings: Settings,
        kinds: Callable[[], EventKinds],
        transport: Callable[[], Transport],
        clock: Callable[[], datetime],
        chance: Callable[[], float],
    ) -> None:
        """`chance` (0 to 1) spreads second attempts over time."""
        self._store = store
        self._settings = settings
        self._kinds = kinds
        self._transport = transport
        self._clock = clock
        self._chance = chance

    def check_transport(self) -> str:
        """Reach the mail server, secure and log in, without sending; returns where mail goes.

        Raises MailServerUnreachable, MailServerRefused or NotConfigured.
        """
        self._refuse_rate_limit()
        transport = self._transport()
        with transport.connect():
            return transport.description

    def drain(
        self,
        broadcast_ids: Sequence[int] | None = None,
        *,
        watch: Watch = lambda tally: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Work down what is due: system emails first, then these broadcasts, or all; end when nothing is due.

        `stopping` is asked between messages. Raises MailServerRefused and NotConfigured; a server that is lost on
        the way ends the run instead (`stopped_by`). In every case what was not sent is still queued.
        """
        run = Run()
        run.lost = self._settle_the_lost()
        ids = self._active() if broadcast_ids is None else broadcast_ids
        run.of_broadcasts.remaining = sum(self.counts(broadcast_id).open for broadcast_id in ids)
        run.of_events.remaining = self._waiting_of_events()
        if not run.tally.remaining:
            self._finish(ids)
            return run
        self._refuse_rate_limit()
        letters = Letters(self._settings, self._kinds)
        try:
            with self._transport().connect() as connection:
                rest = (run, watch, stopping, deque(ids), letters, Refusals(self._settings, self._clock))
                _Drain(self._store, self._settings, self._clock, connection, *rest, chance=self._chance).work()
        except MailServerUnreachable as error:
            run.stopped_by = error
        self._finish(ids)
        return run

    def send_test(self, prepared: PreparedEmail, customer: Customer, to: str) -> Outcome:
        """Send one customer's message, marked as a test, to any address; the ledger knows nothing of it."""
        message_id = f"test.{secrets.token_hex(16)}@{prepared.domain}"
        parcel = prepared.parcel(customer, to=to, message_id=message_id, now=self._clock(), test=True)
        with self._transport().connect() as connection:
            return connection.send(parcel.envelope, parcel.message)

    def counts(self, broadcast_id: int) -> Counts:
        with self._store.read() as tx:
            return tx.outbox.counts(broadcast_id)

    def status(self) -> list[tuple[Broadcast, Counts, datetime | None]]:
        """Every broadcast with open deliveries or a time to come: its balance, and when it goes on."""
        with self._store.read() as tx:
            waiting = [
                BroadcastStatus.SCHEDULED,
                BroadcastStatus.FREEZING,
                BroadcastStatus.QUEUED,
                BroadcastStatus.PAUSED,
            ]
            return [self._standing(tx, broadcast_id) for broadcast_id in tx.broadcasts.in_status(waiting)]

    def open_deliveries(self, status: DeliveryStatus | None = None, limit: int | None = None) -> Iterator[Delivery]:
        with self._store.read() as tx:
            yield from tx.outbox.deliveries(None, status, limit)

    def status_of_emails(self) -> list[tuple[SystemEmail, Counts, datetime | None]]:
        """Every system email with open deliveries: their balance, and when the next one is due."""
        with self._store.read() as tx:
            return [(tx.emails.by_id(email_id), counts, due) for email_id, counts, due in tx.outbox.open_of_emails()]

    def _refuse_rate_limit(self) -> None:
        """Better no mail than mail that breaks a limit which somebody was given."""
        if self._settings["RATE_LIMIT"]:
            raise NotConfigured(
                "UMMSG_RATE_LIMIT is set, and this version cannot keep rate limits",
                hint="unset UMMSG_RATE_LIMIT, or wait for the version that keeps it",
            )

    def _standing(self, tx: Transaction, broadcast_id: int) -> tuple[Broadcast, Counts, datetime | None]:
        broadcast = tx.broadcasts.get(broadcast_id)
        if broadcast.status in (BroadcastStatus.SCHEDULED, BroadcastStatus.FREEZING):
            return broadcast, Counts(), broadcast.draft.at
        return broadcast, tx.outbox.counts(broadcast_id), tx.outbox.next_due(broadcast_id)

    def _active(self) -> list[int]:
        with self._store.read() as tx:
            return tx.broadcasts.in_status([BroadcastStatus.QUEUED])

    def _waiting_of_events(self) -> int:
        with self._store.read() as tx:
            return tx.outbox.waiting_of_events(self._clock())

    def _settle_the_lost(self) -> int:
        with self._store.begin() as tx:
            return tx.outbox.expire_leases(self._clock())

    def _finish(self, ids: Sequence[int]) -> None:
        with self._store.begin() as tx:
            for broadcast_id in ids:
                tx.outbox.finish(broadcast_id, self._clock())


@dataclass
class _Claimed:
    """A delivery that is ours until its lease ends, and how its message is made at the moment it is sent."""

    delivery: Delivery
    parcel: Callable[[datetime], Parcel]
    has_own_sender: bool = False
    """Whether a sender that the server refuses is this message's fault, and not every message's."""


@dataclass
class _Drain:
    """One run's work, over one open connection: system emails that are due, then the broadcasts in turn."""

    store: Store
    settings: Settings
    clock: Callable[[], datetime]
    connection: Connection
    run: Run
    watch: Watch
    stopping: Callable[[], bool]
    broadcast_ids: deque[int]
    letters: Letters
    refusals: Refusals
    chance: Callable[[], float]
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    prepared: dict[int, PreparedEmail] = field(default_factory=dict)
    refused: UmmsgError | None = None
    """Why the next message cannot be made; raised once what was sent before it is recorded."""

    def work(self) -> None:
        with self.store.begin() as tx:
            claimed = self._claim(tx)
        while claimed is not None:
            if self._must_stop(claimed.delivery):
                return
            settled = self._attempt(claimed)
            if settled is None:
                return
            following = self._record_and_claim(claimed.delivery, settled)
            self.run.count(claimed.delivery, settled)
            self.watch(self.run.tally)
            claimed = following
        if self.refused is not None:
            raise self.refused

    def _claim(self, tx: Transaction) -> _Claimed | None:
        try:
            with tx.provisional():
                return self._next(tx)
        except (NotConfigured, InvalidInput) as error:
            self.refused = error
            return None

    def _next(self, tx: Transaction) -> _Claimed | None:
        """The next delivery: of an event before any of a broadcast."""
        if claimed := self._claim_of_event(tx):
            return claimed
        while self.broadcast_ids:
            if claimed := self._claim_of_broadcast(tx, self.broadcast_ids[0]):
                return claimed
            self.broadcast_ids.popleft()
        return None

    def _claim_of_event(self, tx: Transaction) -> _Claimed | None:
        """What became pointless while it waited is recorded, and the next one taken."""
        while delivery := tx.outbox.claim_of_event(self.token, self.clock()):
            letter = self.letters.open(tx, delivery)
            if settled := letter.dropped(tx, self.clock()):
                tx.outbox.record(delivery.id, self.token, settled, self.clock())
                self.run.count(delivery, settled)
                continue
            return _Claimed(delivery, letter.parcel, has_own_sender=letter.has_own_sender)
        return None

    def _claim_of_broadcast(self, tx: Transaction, broadcast_id: int) -> _Claimed | None:
        """None when it was paused, cancelled or has become too late meanwhile, as when nothing of it is due."""
        status, not_after = tx.broadcasts.standing(broadcast_id)
        now = self.clock()
        if status is not BroadcastStatus.QUEUED:
            return None
        if not_after is not None and not_after <= now:
            tx.outbox.cancel_open(broadcast_id, "too late: --not-after has passed", now)
            return None
        delivery = self._claim_unsuppressed(tx, broadcast_id)
        if delivery is None:
            return None
        prepared = self._prepared(tx, broadcast_id)
        customer = None if delivery.customer_id is None else tx.customers.get(delivery.customer_id)
        return _Claimed(delivery, lambda now: _parcel_for(prepared, delivery, customer, now))

    def _claim_unsuppressed(self, tx: Transaction, broadcast_id: int) -> Delivery | None:
        """The next one whose address may still be mailed; what was suppressed since it was frozen is settled."""
        while delivery := tx.outbox.claim(broadcast_id, self.token, self.clock()):
            key = email_key(delivery.email)
            if (reason := tx.suppressions.reasons([key]).get(key)) is None:
                return delivery
            settled = dropped(DeliveryStatus.SUPPRESSED, reason, attempts=delivery.attempts)
            tx.outbox.record(delivery.id, self.token, settled, self.clock())
            self.run.count(delivery, settled)
        return None

    def _prepared(self, tx: Transaction, broadcast_id: int) -> PreparedEmail:
        if broadcast_id not in self.prepared:
            known = known_placeholders(tx.customers.attribute_names())
            draft = tx.broadcasts.get(broadcast_id).draft
            self.prepared = {broadcast_id: prepare_email(draft, self.settings, known)}
        return self.prepared[broadcast_id]

    def _must_stop(self, delivery: Delivery) -> bool:
        if self.stopping():
            self.run.interrupted = True
            self._give_back(delivery)
        return self.run.interrupted

    def _attempt(self, claimed: _Claimed) -> Settled | None:
        """None if the claim ran out before the message was on the wire: it is another process's now."""
        delivery = claimed.delivery
        try:
            parcel = claimed.parcel(self.clock())
            if delivery.lease_until is not None and self.clock() >= delivery.lease_until:
                return None
            outcome = self._send(parcel, claimed)
        except (EmptyPlaceholder, RenderFailed, InvalidDraft) as error:
            return unsendable(f"not sent: {error}", attempts=delivery.attempts)
        except (MailServerRefused, MailServerUnreachable, NotConfigured):
            self._give_back(delivery)
            raise
        return settle(
            outcome,
            attempts=delivery.attempts,
            now=self.clock(),
            attempts_before=delivery.attempts_before,
            tried_since=delivery.tried_since,
            chance=self.chance(),
        )

    def _send(self, parcel: Parcel, claimed: _Claimed) -> Outcome:
        try:
            return self.connection.send(parcel.envelope, parcel.message)
        except MailServerRefused as error:
            if not claimed.has_own_sender:
                raise
            return Outcome(Fate.REFUSED, ": ".join([error.what, *error.details]))

    def _record_and_claim(self, delivery: Delivery, settled: Settled) -> _Claimed | None:
        try:
            with self.store.begin() as tx:
                tx.outbox.record(delivery.id, self.token, settled, self.clock())
                if settled.status is DeliveryStatus.FAILED:
                    self.refusals.note(tx, [(delivery.email, settled.reply)])
                return self._claim(tx)
        except UmmsgError as error:
            error.details.append(
                f"the message to {delivery.email} was {settled.status} ({settled.reply}) and could not be recorded:"
                " it will be shown as unknown and not be sent again"
            )
            raise

    def _give_back(self, delivery: Delivery) -> None:
        with self.store.begin() as tx:
            tx.outbox.give_back(delivery.id, self.token, self.clock())


def _parcel_for(prepared: PreparedEmail, delivery: Delivery, customer: Customer | None, now: datetime) -> Parcel:
    if customer is None:
        raise RenderFailed("the customer is no longer in the directory")
    return prepared.parcel(customer, to=delivery.email, message_id=delivery.message_id, now=now, delivery=delivery)
