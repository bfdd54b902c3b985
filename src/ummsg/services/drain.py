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
from functools import partial
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from ummsg.config import Settings
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import USUAL, Delivery, Fate, Outcome, Retries, Settled, Tally, dropped, settle, unsendable
from ummsg.domain.placeholders import known_placeholders
from ummsg.errors import DiskFull, InvalidDraft, InvalidInput, MailServerRefused, NotConfigured, Overtaken, UmmsgError
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.mail.transports.courier import Letter
from ummsg.services.error_rates import ErrorRates
from ummsg.services.gate import Gate, Reached
from ummsg.services.letters import Letters
from ummsg.services.prepared_email import Parcel, PreparedEmail, prepare_email
from ummsg.services.refusals import Refusals
from ummsg.services.throttle import Throttle, Wait, book
from ummsg.store.engine import Store, Transaction
from ummsg.store.journal import Journal
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus

LARGEST_WINDOW = 1000
SMALLEST_WINDOW = 20
TURN_SECONDS = 0.5
"""How often, at least, results are recorded and it is asked whether a broadcast may still go on."""

LOOK_SECONDS = 0.005
"""How often, at most, it is looked at what goes on besides sending."""


@dataclass
class Run:
    """One run of the outbox, as it goes and as it ended."""

    of_broadcasts: Tally = field(default_factory=Tally)
    of_events: Tally = field(default_factory=Tally)
    stopped_by: UmmsgError | None = None
    """What ended it early: the mail server was lost, or the operator pressed Ctrl-C (then `interrupted`)."""
    interrupted: bool = False
    limited: Reached | None = None
    """The limit that ended it early."""
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


class MakeParcel(Protocol):
    """Makes a message as of `now`."""

    def __call__(self, *, now: datetime) -> Parcel: ...


class _Claimed(NamedTuple):
    """A delivery that is ours until its lease ends, and how its message is made at the moment it is sent."""

    delivery: Delivery
    parcel: MakeParcel
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
    gate: Gate | None = None
    """What limits let through, if there are any."""
    held_back: list[int] = field(default_factory=list)
    """Broadcasts of which they let nothing through."""
    wait: Wait = field(default_factory=Wait)


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
        throttle: Throttle | None,
        *,
        counts: bool,
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
        self._throttle = throttle
        self._counts = counts
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
        self._look_at = self._turned_at
        self._second = clock().replace(microsecond=0)
        """The date of messages: it has no fractions."""
        self._claims_at = self._turned_at
        """When limits let us claim again."""
        self._waiting: deque[_Claimed] = deque()
        self._on_the_way: dict[int, _Claimed] = {}
        self._unwritten: dict[int, Settled] = {}
        """What the journal has to say before anything more is begun."""
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
        now = time.monotonic()
        if now >= self._look_at or not self._waiting:
            self._look_around(now)
        if self._turn is not None and now - self._known_at > 2 * TURN_SECONDS:
            return None  # it may have been paused while the server kept us waiting
        while self._waiting:
            claimed = self._waiting.popleft()
            self._on_the_way[claimed.delivery.id] = claimed
            if (letter := self._letter(claimed)) is not None:
                return letter
        return None

    def _look_around(self, now: float) -> None:
        self._look_at = now + LOOK_SECONDS
        self._second = self._clock().replace(microsecond=0)
        self._see_turn()
        if self._stopping():
            self._run.interrupted = True
            self._end()
        self._turn_if_due()
        self._watch(self._run.tally)

    @property
    def finished(self) -> bool:
        return (self._ended or self._exhausted) and not self._waiting

    def wait(self, seconds: float) -> None:
        if self._turn is not None:
            wait([self._turn], timeout=seconds)
        else:
            time.sleep(max(0, min(seconds, self._claims_at - time.monotonic())))

    def commit(self, keys: Sequence[int]) -> bool:
        if not (keys or self._unwritten):
            return True
        unwritten, self._unwritten = self._unwritten, {}
        now = self._clock()
        held = all(self._is_held(key, now) for key in keys)
        if self._journal.write(unwritten, keys if held else []) and held:
            return True
        self._end()
        self._refused = self._refused or Overtaken(
            "This process was stopped for so long that what it was sending is another's now",
            details=["nobody was mailed twice; what was on the wire meanwhile may be unknown"],
            hint="ummsg outbox run",
        )
        return False

    def _is_held(self, key: int, now: datetime) -> bool:
        lease = self._on_the_way[key].delivery.lease_until
        return lease is None or now < lease

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
        self._unwritten[key] = settled

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
        self._watch(self._run.tally)
        with suppress(DiskFull):  # then the ledger alone says it
            self.commit([])
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
            parcel = claimed.parcel(now=self._second)
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

    # Turns of the ledger

    def _turn_if_due(self) -> None:
        if self._turn is not None or self._ended:
            return
        since = time.monotonic() - self._turned_at
        if not self._exhausted and len(self._waiting) < self._window // 2 and time.monotonic() >= self._claims_at:
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
        self._claims_at = self._turned_at + found.wait.seconds
        self._run.limited = self._run.limited or found.wait.reached
        self._say_what_it_waits_for(found.wait.limit)
        self._exhausted = self._exhausted or found.exhausted or bool(found.refused or found.wait.reached)

    def _say_what_it_waits_for(self, limit: str) -> None:
        if limit or self._run.of_broadcasts.waits_for:
            self._run.of_broadcasts.waits_for = limit
            self._watch(self._run.tally)

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
        if self._counts:
            book(tx, settled, self._clock())
        self._error_rates.note(tx, settled)
        failed = {key: each.reply for key, each in settled.items() if each.status is DeliveryStatus.FAILED}
        if failed:
            self._refusals.note(tx, [(email, failed[key]) for key, email in tx.outbox.addresses(failed).items()])

    def _may_go_on(self, tx: Transaction, broadcast_id: int) -> bool:
        return tx.broadcasts.standing(broadcast_id)[0] is BroadcastStatus.QUEUED

    def _claim(self, tx: Transaction, number: int, turn: _Turn) -> None:
        """Up to so many: of events before any of a broadcast. What became pointless while it waited is recorded."""
        token, now = self._journal.token, self._clock()
        turn.gate = self._throttle.gate(tx, now) if self._throttle else None
        for delivery in (turn.gate or tx.outbox).claim_of_event(token, now, number):
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
        self._broadcast_ids.extendleft(reversed(turn.held_back))
        turn.exhausted = not self._broadcast_ids and not turn.claimed and not turn.dropped
        if self._throttle and turn.gate:
            of_events = not turn.claimed and turn.gate.holds_back(None)
            turn.exhausted = turn.exhausted and not of_events
            turn.wait = self._throttle.wait(turn.gate)

    def _claim_of_broadcast(self, tx: Transaction, broadcast_id: int, number: int, turn: _Turn) -> bool:
        """False when it was paused, cancelled or has become too late meanwhile, as when nothing of it is due."""
        status, not_after = tx.broadcasts.standing(broadcast_id)
        now = self._clock()
        if status is not BroadcastStatus.QUEUED:
            return False
        if not_after is not None and not_after <= now:
            tx.outbox.cancel_open(broadcast_id, "too late: --not-after has passed", now)
            return False
        claimed = (turn.gate or tx.outbox).claim(broadcast_id, self._journal.token, now, number)
        if not claimed:
            if turn.gate and turn.gate.holds_back(broadcast_id):
                turn.held_back.append(broadcast_id)
            return False
        prepared = self._prepared_for(tx, broadcast_id)
        reasons = tx.outbox.suppressed([delivery.id for delivery in claimed])
        customers = tx.customers.addressees([delivery.customer_id or 0 for delivery in claimed])
        for delivery in claimed:
            if reason := reasons.get(delivery.id):
                settled = dropped(DeliveryStatus.SUPPRESSED, reason, attempts=delivery.attempts)
                self._drop(tx, delivery, settled, turn)
            else:
                customer = customers.get(delivery.customer_id or 0)
                making = _making(prepared, delivery, customer)
                turn.claimed.append(_Claimed(delivery, making, prepared.retries))
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


def _making(prepared: PreparedEmail, delivery: Delivery, customer: Customer | None) -> MakeParcel:
    if customer is None:
        return _for_nobody
    return partial(prepared.parcel, customer, to=delivery.email, message_id=delivery.message_id, delivery=delivery)


def _for_nobody(*, now: datetime) -> Parcel:
    raise RenderFailed("the customer is no longer in the directory")
