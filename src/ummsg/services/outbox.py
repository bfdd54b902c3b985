"""Draining: claim, render, send, record, one delivery at a time, each recorded before the next.

One transaction records a delivery and claims the next one: if the process dies, exactly the one message on the wire
is in doubt, and every other delivery is in the state that the ledger says.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.broadcast import Broadcast
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import Counts, Delivery, Outcome, Settled, Tally, settle, unsendable
from ummsg.domain.placeholders import known_placeholders
from ummsg.errors import MailServerRefused, MailServerUnreachable, NotConfigured, UmmsgError
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.mail.transports.base import Connection, Transport
from ummsg.services.prepared_email import Parcel, PreparedEmail, prepare_email
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus


@dataclass
class Run:
    """One run of the outbox, as it goes and as it ended."""

    tally: Tally = field(default_factory=Tally)
    stopped_by: UmmsgError | None = None
    """What ended it early: the mail server was lost, or the operator pressed Ctrl-C (then `interrupted`)."""
    interrupted: bool = False


Watch = Callable[[Tally], None]


class Outbox:
    def __init__(
        self, store: Store, settings: Settings, transport: Callable[[], Transport], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._settings = settings
        self._transport = transport
        self._clock = clock

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
        """Work down what is due of these broadcasts, or of all; end when nothing is due.

        `stopping` is asked between messages. Raises MailServerRefused and NotConfigured; a server that is lost on
        the way ends the run instead (`stopped_by`). In every case what was not sent is still queued.
        """
        run = Run()
        self._settle_the_lost()
        ids = self._active() if broadcast_ids is None else broadcast_ids
        run.tally.remaining = sum(self.counts(broadcast_id).open for broadcast_id in ids)
        if not run.tally.remaining:
            self._finish(ids)
            return run
        self._refuse_rate_limit()
        try:
            with self._transport().connect() as connection:
                drain = _Drain(self._store, self._settings, self._clock, connection, run, watch, stopping)
                for broadcast_id in ids:
                    drain.work(broadcast_id)
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

    def _settle_the_lost(self) -> None:
        with self._store.begin() as tx:
            tx.outbox.expire_leases(self._clock())

    def _finish(self, ids: Sequence[int]) -> None:
        with self._store.begin() as tx:
            for broadcast_id in ids:
                status, _ = tx.broadcasts.standing(broadcast_id)
                if status is BroadcastStatus.QUEUED and not tx.outbox.counts(broadcast_id).open:
                    tx.broadcasts.set_status(broadcast_id, BroadcastStatus.FINISHED, self._clock())


@dataclass
class _Drain:
    """One run's work, over one open connection."""

    store: Store
    settings: Settings
    clock: Callable[[], datetime]
    connection: Connection
    run: Run
    watch: Watch
    stopping: Callable[[], bool]
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def work(self, broadcast_id: int) -> None:
        if self.run.interrupted:
            return
        prepared, claimed = self._begin(broadcast_id)
        while claimed is not None:
            delivery, customer = claimed
            if self._must_stop(delivery):
                return
            settled = self._attempt(prepared, delivery, customer)
            if settled is None:
                return
            claimed = self._record_and_claim(delivery, settled)
            self.run.tally.count(settled)
            self.watch(self.run.tally)

    def _begin(self, broadcast_id: int) -> tuple[PreparedEmail, tuple[Delivery, Customer | None] | None]:
        with self.store.begin() as tx:
            broadcast = tx.broadcasts.get(broadcast_id)
            known = known_placeholders(tx.customers.attribute_names())
            prepared = prepare_email(broadcast.draft, self.settings, known)
            return prepared, self._claim(tx, broadcast_id)

    def _claim(self, tx: Transaction, broadcast_id: int) -> tuple[Delivery, Customer | None] | None:
        """The next delivery, unless the broadcast was paused, cancelled or has become too late meanwhile."""
        status, not_after = tx.broadcasts.standing(broadcast_id)
        now = self.clock()
        if status is not BroadcastStatus.QUEUED:
            return None
        if not_after is not None and not_after <= now:
            tx.outbox.cancel_open(broadcast_id, "too late: --not-after has passed", now)
            return None
        delivery = tx.outbox.claim(broadcast_id, self.token, now)
        if delivery is None:
            return None
        return delivery, None if delivery.customer_id is None else tx.customers.get(delivery.customer_id)

    def _must_stop(self, delivery: Delivery) -> bool:
        if self.stopping():
            self.run.interrupted = True
            self._give_back(delivery)
        return self.run.interrupted

    def _attempt(self, prepared: PreparedEmail, delivery: Delivery, customer: Customer | None) -> Settled | None:
        """None if the claim ran out before the message was on the wire: it is another process's now."""
        try:
            parcel = _parcel_for(prepared, delivery, customer, self.clock())
        except (EmptyPlaceholder, RenderFailed) as error:
            return unsendable(f"not sent: {error}", attempts=delivery.attempts)
        if delivery.lease_until is not None and self.clock() >= delivery.lease_until:
            return None
        try:
            outcome = self.connection.send(parcel.envelope, parcel.message)
        except (MailServerRefused, MailServerUnreachable, NotConfigured):
            self._give_back(delivery)
            raise
        return settle(outcome, attempts=delivery.attempts, now=self.clock())

    def _record_and_claim(self, delivery: Delivery, settled: Settled) -> tuple[Delivery, Customer | None] | None:
        try:
            with self.store.begin() as tx:
                tx.outbox.record(delivery.id, self.token, settled, self.clock())
                return self._claim(tx, delivery.broadcast_id)
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
    return prepared.parcel(customer, to=delivery.email, message_id=delivery.message_id, now=now)
