"""Draining: claim, render, send, record, a window at a time.

One transaction records what was settled and claims the next deliveries, in a thread of its own, while mail goes out.
If the process dies, the journal says which messages were on the wire at that moment; they alone are in doubt.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

from ummsg.config import Settings
from ummsg.domain.customer import Customer, email_key
from ummsg.domain.delivery import USUAL, Delivery, Fate, Outcome, Retries, Settled, Tally, dropped, settle, unsendable
from ummsg.domain.placeholders import known_placeholders
from ummsg.errors import InvalidDraft, InvalidInput, MailServerRefused, NotConfigured, Overtaken, UmmsgError
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.mail.transports.courier import Letter
from ummsg.services.error_rates import ErrorRates
from ummsg.services.letters import Letters
from ummsg.services.prepared_email import Parcel, PreparedEmail, prepare_email
from ummsg.services.refusals import Refusals
from ummsg.store.engine import Store, Transaction
from ummsg.store.journal import Journal
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus

LARGEST_WINDOW = 500
SMALLEST_WINDOW = 20
TURN_SECONDS = 0.5
"""How often, at least, results are recorded and it is asked whether a broadcast may still go on."""


@dataclass
class Run:
    """One run of the outbox, as it goes and as it ended."""

    of_broadcasts: Tally = field(default_factory=Tally)
    of_events: Tally = field(default_factory=Tally)
    stopped_by: UmmsgError | None = None
    """What ended it early: the mail server was lost, or the operator pressed Ctrl-C (then `interrupted`)."""
    interrupted: bool = False
    sender_refused: int | None = None
    """The broadcast whose sender the server refused."""
    lost: int = 0
    """Deliveries of an earlier run that did not come back, which are unknown from now on."""

    @property
    def tally(self) -> Tally:
        return self.of_broadcasts + self.of_events

    def count(self, delivery: Delivery, settled: Settled) -> None:
        (self.of_broadcasts if delivery.event_id is None else self.of_events).count(settled)


Watch = Callable[[Tally], None]


@dataclass(slots=True)
class _Claimed:
    """A delivery that is ours until its lease ends, and how its message is made at the moment it is sent."""

    delivery: Delivery
    parcel: Callable[[datetime], Parcel]
    retries: Retries = USUAL
    has_own_sender: bool = False
    """Whether a sender that the server refuses is this message's fault, and not every message's."""


@dataclass
class _Turn:
    """What a transaction found."""

    stopped: Collection[int]
    """Broadcasts of which we hold claims and that may not go on."""
    claimed: list[_Claimed] = field(default_factory=list)
    dropped: list[tuple[Delivery, Settled]] = field(default_factory=list)
    exhausted: bool = False
    """Nothing more is due."""
    refused: UmmsgError | None = None
    """Why the next message cannot be made."""


class Drain:
    """The sack (`mail/transports/courier.py`) of one run: system emails that are due, then the broadcasts in turn."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], datetime],
        run: Run,
        letters: Letters,
        refusals: Refusals,
        error_rates: ErrorRates,
        journal: Journal,
        *,
        chance: Callable[[], float],
        broadcast_ids: Sequence[int],
        watch: Watch,
        stopping: Callable[[], bool],
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._run = run
        self._letters = letters
        self._refusals = refusals
        self._error_rates = error_rates
        self._chance = chance
        self._journal = journal
        self._broadcast_ids = deque(broadcast_ids)
        self._watch = watch
        self._stopping = stopping
        self._prepared: dict[int, PreparedEmail] = {}
        self._ledger = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._turn: Future[_Turn] | None = None
        self._recording: tuple[dict[int, Settled], list[int]] = {}, []
        """What the turn is about to write down."""
        self._turned_at = time.monotonic()
        self._known_at = self._turned_at
        """From when we know that broadcasts may go on."""
        self._waiting: deque[_Claimed] = deque()
        self._on_the_way: dict[int, _Claimed] = {}
        self._settled: dict[int, Settled] = {}
        self._returned: list[int] = []
        self._window = SMALLEST_WINDOW
        self._exhausted = False
        """There is nothing more to claim."""
        self._ended = False
        """Nothing more is begun, claimed or not."""
        self._refused: UmmsgError | None = None

    # What a courier asks and tells

    def next(self) -> Letter | None:
        self._see_turn()
        if self._stopping():
            self._run.interrupted = True
            self._end()
        self._turn_if_due()
        if self._turn is not None and time.monotonic() - self._known_at > 2 * TURN_SECONDS:
            return None  # it may have been paused while the server kept us waiting
        while self._waiting:
            claimed = self._waiting.popleft()
            self._on_the_way[claimed.delivery.id] = claimed
            if (letter := self._letter(claimed)) is not None:
                return letter
        return None

    @property
    def finished(self) -> bool:
        return (self._ended or self._exhausted) and not self._waiting

    def wait(self, seconds: float) -> None:
        if self._turn is not None:
            wait([self._turn], timeout=seconds)

    def commit(self, key: int) -> bool:
        lease = self._on_the_way[key].delivery.lease_until
        if (lease is None or self._clock() < lease) and self._journal.begin(key):
            return True
        self._end()
        self._refused = self._refused or Overtaken(
            "This process was stopped for so long that what it was sending is another's now",
            details=["nobody was mailed twice; what was on the wire meanwhile may be unknown"],
            hint="ummsg outbox run",
        )
        return False

    def settle(self, key: int, outcome: Outcome | MailServerRefused) -> None:
        claimed = self._on_the_way[key]
        if isinstance(outcome, MailServerRefused):
            if not claimed.has_own_sender:
                self.take_back(key)
                self._run.sender_refused = claimed.delivery.broadcast_id
                raise outcome
            outcome = Outcome(Fate.REFUSED, ": ".join([outcome.what, *outcome.details]))
        delivery = claimed.delivery
        settled = settle(
            outcome,
            attempts=delivery.attempts,
            now=self._clock(),
            attempts_before=delivery.attempts_before,
            tried_since=delivery.tried_since,
            retries=claimed.retries,
            chance=self._chance(),
        )
        self._settle(key, settled)
        self._journal.settle(key, settled)

    def take_back(self, key: int) -> None:
        del self._on_the_way[key]
        self._returned.append(key)

    # The end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if error is None and self._refused is not None:
            raise self._refused

    def _close(self) -> None:
        """Record what is left to be recorded, and give back what was not begun."""
        self._end()
        try:
            with suppress(UmmsgError):  # its results are tried again here
                self._see_turn(patiently=True)
            self._turn_now(0)
            self._see_turn(patiently=True)
        except UmmsgError as error:
            error.details.append("what was sent is not forgotten: it is recorded when there is a way to")
            self._journal.close(keep=True)
            raise
        finally:
            self._ledger.shutdown()
        self._journal.close(keep=bool(self._on_the_way))

    def _end(self) -> None:
        """Begin nothing more."""
        self._ended = True
        self._returned += [claimed.delivery.id for claimed in self._waiting]
        self._waiting.clear()

    # Messages

    def _letter(self, claimed: _Claimed) -> Letter | None:
        """None for a message that cannot be made; that is settled."""
        key = claimed.delivery.id
        try:
            parcel = claimed.parcel(self._clock())
        except (EmptyPlaceholder, RenderFailed, InvalidDraft) as error:
            self._settle(key, unsendable(f"not sent: {error}", attempts=claimed.delivery.attempts))
            return None
        except NotConfigured:
            self.take_back(key)
            raise
        return Letter(key, parcel.envelope, parcel.message)

    def _settle(self, key: int, settled: Settled) -> None:
        claimed = self._on_the_way.pop(key)
        self._settled[key] = settled
        self._run.count(claimed.delivery, settled)
        self._watch(self._run.tally)

    # Turns of the ledger

    def _turn_if_due(self) -> None:
        if self._turn is not None or self._ended:
            return
        since = time.monotonic() - self._turned_at
        if not self._exhausted and len(self._waiting) < self._window // 2:
            self._window = min(LARGEST_WINDOW, max(SMALLEST_WINDOW, 2 * len(self._settled)))
            self._turn_now(self._window)
        elif since > TURN_SECONDS:
            self._turn_now(0)

    def _turn_now(self, number: int) -> None:
        """Record, and claim so many."""
        settled, returned = self._recording = self._settled, self._returned
        self._settled, self._returned = {}, []
        held = {claimed.delivery.broadcast_id for claimed in self._waiting}
        self._turned_at = time.monotonic()
        self._turn = self._ledger.submit(self._transact, settled, returned, held, number)

    def _see_turn(self, *, patiently: bool = False) -> None:
        """Take in what the last turn found, once it is done. Raises what it raised."""
        if self._turn is None or not (patiently or self._turn.done()):
            return
        turn, self._turn = self._turn, None
        try:
            found = turn.result()
        except BaseException:
            unrecorded, not_returned = self._recording
            self._settled, self._returned = unrecorded | self._settled, not_returned + self._returned
            raise
        self._known_at = self._turned_at
        for delivery, settled in found.dropped:
            self._run.count(delivery, settled)
        self._refused = self._refused or found.refused
        self._waiting.extend(found.claimed)
        if self._ended:
            self._end()
            return
        stopped = [claimed for claimed in self._waiting if claimed.delivery.broadcast_id in found.stopped]
        if stopped:
            self._returned += [claimed.delivery.id for claimed in stopped]
            self._waiting = deque(claimed for claimed in self._waiting if claimed not in stopped)
        self._exhausted = self._exhausted or found.exhausted or found.refused is not None

    # In the ledger's thread

    def _transact(
        self, settled: dict[int, Settled], returned: list[int], held: Collection[int | None], number: int
    ) -> _Turn:
        token = self._journal.token
        with self._store.begin() as tx:
            self._record(tx, settled, token)
            tx.outbox.give_back(returned, token, self._clock())
            turn = _Turn(stopped=[one for one in held if one is not None and not self._may_go_on(tx, one)])
            if number:
                self._claim(tx, number, turn)
        return turn

    def _record(self, tx: Transaction, settled: Mapping[int, Settled], token: str) -> None:
        tx.outbox.record(settled, token, self._clock())
        self._error_rates.note(tx, settled)
        failed = {key: each.reply for key, each in settled.items() if each.status is DeliveryStatus.FAILED}
        if failed:
            self._refusals.note(tx, [(email, failed[key]) for key, email in tx.outbox.addresses(failed).items()])

    def _may_go_on(self, tx: Transaction, broadcast_id: int) -> bool:
        return tx.broadcasts.standing(broadcast_id)[0] is BroadcastStatus.QUEUED

    def _claim(self, tx: Transaction, number: int, turn: _Turn) -> None:
        """Up to so many: of events before any of a broadcast. What became pointless while it waited is recorded."""
        token = self._journal.token
        for delivery in tx.outbox.claim_of_event(token, self._clock(), number):
            letter = self._letters.open(tx, delivery)
            if settled := letter.dropped(tx, self._clock()):
                self._drop(tx, delivery, settled, turn)
            else:
                turn.claimed.append(_Claimed(delivery, letter.parcel, has_own_sender=letter.has_own_sender))
        while self._broadcast_ids and len(turn.claimed) < number:
            try:
                with tx.provisional():
                    goes_on = self._claim_of_broadcast(tx, self._broadcast_ids[0], number - len(turn.claimed), turn)
            except (NotConfigured, InvalidInput) as error:
                turn.refused = error
                return
            if not goes_on:
                self._broadcast_ids.popleft()
        turn.exhausted = not self._broadcast_ids and not turn.claimed and not turn.dropped

    def _claim_of_broadcast(self, tx: Transaction, broadcast_id: int, number: int, turn: _Turn) -> bool:
        """False when it was paused, cancelled or has become too late meanwhile, as when nothing of it is due."""
        status, not_after = tx.broadcasts.standing(broadcast_id)
        now = self._clock()
        if status is not BroadcastStatus.QUEUED:
            return False
        if not_after is not None and not_after <= now:
            tx.outbox.cancel_open(broadcast_id, "too late: --not-after has passed", now)
            return False
        claimed = tx.outbox.claim(broadcast_id, self._journal.token, now, number)
        if not claimed:
            return False
        prepared = self._prepared_for(tx, broadcast_id)
        reasons = tx.suppressions.reasons({email_key(delivery.email) for delivery in claimed})
        ids = {delivery.customer_id for delivery in claimed if delivery.customer_id is not None}
        customers = {customer.id: customer for customer in tx.customers.by_ids(ids)}
        for delivery in claimed:
            if reason := reasons.get(email_key(delivery.email)):
                settled = dropped(DeliveryStatus.SUPPRESSED, reason, attempts=delivery.attempts)
                self._drop(tx, delivery, settled, turn)
            else:
                turn.claimed.append(_Claimed(delivery, _parcel_of(prepared, delivery, customers), prepared.retries))
        return True

    def _drop(self, tx: Transaction, delivery: Delivery, settled: Settled, turn: _Turn) -> None:
        tx.outbox.record({delivery.id: settled}, self._journal.token, self._clock())
        turn.dropped.append((delivery, settled))

    def _prepared_for(self, tx: Transaction, broadcast_id: int) -> PreparedEmail:
        if broadcast_id not in self._prepared:
            known = known_placeholders(tx.customers.attribute_names())
            draft = tx.broadcasts.get(broadcast_id).draft
            self._prepared = {broadcast_id: prepare_email(draft, self._settings, known)}
        return self._prepared[broadcast_id]


def _parcel_of(
    prepared: PreparedEmail, delivery: Delivery, customers: Mapping[int, Customer]
) -> Callable[[datetime], Parcel]:
    def parcel(now: datetime) -> Parcel:
        customer = customers.get(delivery.customer_id or 0)
        if customer is None:
            raise RenderFailed("the customer is no longer in the directory")
        return prepared.parcel(customer, to=delivery.email, message_id=delivery.message_id, now=now, delivery=delivery)

    return parcel
