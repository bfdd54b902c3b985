"""The outbox: what is waiting, when it goes on, and working it down."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.broadcast import TOO_LATE, Broadcast
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import Counts, Delivery, Outcome
from ummsg.domain.email import SystemEmail
from ummsg.domain.limits import Rates, Standing
from ummsg.errors import MailServerRefused, MailServerUnreachable
from ummsg.mail.transports.base import Transport
from ummsg.mail.transports.courier import carry
from ummsg.services.collecting import collected_seldom
from ummsg.services.drain import Drain, Run, Watch
from ummsg.services.error_rates import ErrorRates
from ummsg.services.event_kinds import EventKinds
from ummsg.services.letters import Letters
from ummsg.services.prepared_email import PreparedEmail
from ummsg.services.recovery import recover
from ummsg.services.refusals import Refusals
from ummsg.services.refused_server import pause_refused
from ummsg.services.throttle import Throttle, counted, limits_of, standings_in, take_up
from ummsg.services.turns import Turns
from ummsg.store.engine import Store, Transaction
from ummsg.store.journal import Journal
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus


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
        limits_of(self._settings)
        transport = self._transport()
        with transport.connect():
            return transport.description

    def drain(
        self,
        broadcast_ids: Sequence[int] | None = None,
        *,
        rate: Rates = (),
        watch: Watch = lambda tally: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Work down what is due: system emails first, then these broadcasts, or all; end when nothing is due.

        `rate` holds besides the limits of the settings. `stopping` is asked between messages. Raises MailServerRefused,
        after pausing what it is about, and NotConfigured; a server that is lost on the way ends the run instead
        (`stopped_by`), as does a limit that leaves no room for long (`limited`). In every case what was not sent is
        still queued.
        """
        limits = limits_of(self._settings, rate)
        run = Run()
        counts = take_up(self._store, limits, self._clock())
        run.lost = recover(self._store, self._clock())
        ids = self._active() if broadcast_ids is None else broadcast_ids
        run.of_broadcasts.remaining = self._waiting(ids)
        run.of_events.remaining = self._waiting_of_events()
        if not run.tally.remaining:
            self._conclude(run, ids)
            return run
        journal = Journal(self._store.path, secrets.token_hex(16))
        turns = Turns(
            self._store,
            self._settings,
            self._clock,
            journal.token,
            Letters(self._settings, self._kinds),
            Refusals(self._settings, self._clock),
            ErrorRates(self._settings, self._clock),
            Throttle(limits, journal.token) if limits else None,
            counts=counts,
            broadcast_ids=ids,
        )
        drain = Drain(turns, journal, self._clock, run, chance=self._chance, watch=watch, stopping=stopping)
        try:
            with collected_seldom(), drain:
                carry(self._transport(), drain, connections=self._settings.mail_connections)
        except MailServerUnreachable as error:
            run.stopped_by = error
        except MailServerRefused as error:
            pause_refused(self._store, ids, run.sender_refused, error, self._clock())
            raise
        self._conclude(run, ids)
        return run

    @contextmanager
    def attended(self) -> Iterator[None]:
        """For as long as it lasts, others see that somebody is there to send what comes due."""
        journal = Journal(self._store.path, secrets.token_hex(16))
        try:
            yield
        finally:
            journal.close(keep=False)

    def next_moment(self) -> datetime | None:
        """When there is next something to do; it may have passed."""
        with self._store.read() as tx:
            return tx.agenda.next_moment()

    def recover(self) -> int:
        """Settle what killed runs left behind; returns of how many deliveries nobody knows whether they arrived."""
        return recover(self._store, self._clock())

    def send_test(self, prepared: PreparedEmail, customer: Customer, to: str) -> Outcome:
        """Send one customer's message, marked as a test, to any address; the ledger knows nothing of it.

        Limits hold for it, and count it. Raises LimitReached.
        """
        message_id = f"test.{secrets.token_hex(16)}@{prepared.domain}"
        parcel = prepared.parcel(customer, to=to, message_id=message_id, now=self._clock(), test=True)
        with self._transport().connect() as connection, counted(self._store, self._settings, to, self._clock):
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

    def limits(self) -> list[tuple[Standing, int]]:
        """Where each limit of the settings stands, and how many deliveries wait for its domain's turn.

        Raises NotConfigured for what is no limit.
        """
        limits = limits_of(self._settings)
        with self._store.read() as tx:
            on_the_way = [email for _, email in tx.limits.on_the_way()]
            lines = tx.limits.length_of_lines()
            found = standings_in(tx, limits, self._clock(), on_the_way)
            return [(standing, lines.get(standing.scope, 0)) for standing in found]

    def _standing(self, tx: Transaction, broadcast_id: int) -> tuple[Broadcast, Counts, datetime | None]:
        broadcast = tx.broadcasts.get(broadcast_id)
        if broadcast.status in (BroadcastStatus.SCHEDULED, BroadcastStatus.FREEZING):
            return broadcast, Counts(), broadcast.draft.released_at
        return broadcast, tx.outbox.counts(broadcast_id), tx.outbox.next_due(broadcast_id)

    def _active(self) -> list[int]:
        with self._store.read() as tx:
            return tx.broadcasts.in_status([BroadcastStatus.QUEUED])

    def _waiting(self, ids: Sequence[int]) -> int:
        with self._store.read() as tx:
            return sum(tx.outbox.waiting(broadcast_id, self._clock()) for broadcast_id in ids)

    def _waiting_of_events(self) -> int:
        with self._store.read() as tx:
            return tx.outbox.waiting_of_events(self._clock())

    def _conclude(self, run: Run, ids: Sequence[int]) -> None:
        """Close what is through, and see what is left: others may have sent, cancelled or paused some of it."""
        now = self._clock()
        with self._store.begin() as tx:
            for broadcast_id in ids:
                broadcast = tx.broadcasts.get(broadcast_id)
                if broadcast.status is BroadcastStatus.QUEUED and broadcast.is_too_late(now):
                    run.expire({broadcast_id: tx.outbox.cancel_open(broadcast_id, TOO_LATE, now)})
                elif broadcast.status is BroadcastStatus.CANCELLED:
                    run.cut_short[broadcast_id] = tx.outbox.counts(broadcast_id).cancelled
                tx.outbox.finish(broadcast_id, now)
        for tally, waiting in ((run.of_broadcasts, self._waiting(ids)), (run.of_events, self._waiting_of_events())):
            tally.remaining = min(tally.remaining, max(0, waiting - tally.deferred))
