"""Draining: claim, render, send, record, a window at a time.

One transaction records what was settled and claims the next deliveries, in a thread of its own, while the courier sends.
If the process dies, the journal says which messages were on the wire at that moment; they alone are in doubt.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.customer import Customer, email_key
from ummsg.domain.delivery import Delivery, Fate, Outcome, Settled, Tally, dropped, settle, unsendable
from ummsg.domain.placeholders import known_placeholders
from ummsg.errors import InvalidDraft, InvalidInput, MailServerRefused, NotConfigured, UmmsgError
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.mail.transports.courier import Letter
from ummsg.services.letters import Letters
from ummsg.services.prepared_email import Parcel, PreparedEmail, prepare_email
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
    has_own_sender: bool = False
    """Whether a sender that the server refuses is this message's fault, and not every message's."""


@dataclass
class _Turn:
    """What a transaction found."""

    claimed: list[_Claimed]
    exhausted: bool
    """Nothing more is due."""
    stopped: Collection[int]
    """Broadcasts of which we hold claims and that may not go on."""
    refused: UmmsgError | None = None
    """Why the next message cannot be made."""
    dropped: Sequence[tuple[Delivery, Settled]] = ()


class Drain:
    """The sack of one run: system emails that are due, then the broadcasts in turn (see `mail/transports/courier.py`)."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], datetime],
        run: Run,
        letters: Letters,
        journal: Journal,
        *,
        broadcast_ids: Sequence[int],
        watch: Watch,
        stopping: Callable[[], bool],
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._run = run
        self._letters = letters
        self._journal = journal
        self._broadcast_ids = deque(broadcast_ids)
        self._watch = watch
        self._stopping = stopping
        self._prepared: dict[int, PreparedEmail] = {}
        self._ledger = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._turn: Future[_Turn] | None = None
        self._turned_at = time.monotonic()
        self._waiting: deque[_Claimed] = deque()
        self._on_the_way: dict[int, _Claimed] = {}
        self._settled: dict[int, Settled] = {}
        self._returned: list[int] = []
        self._window = SMALLEST_WINDOW
        self._ending = False
        self._refused: UmmsgError | None = None

    # What a courier asks and tells

    def next(self) -> Letter | None:
        self._see_turn()
        if self._stopping() and not self._ending:
            self._run.interrupted = True
            self._end()
        self._turn_if_due()
        while self._waiting:
            claimed = self._waiting.popleft()
            self._on_the_way[claimed.delivery.id] = claimed
            if (letter := self._letter(claimed)) is not None:
                return letter
        return None

    @property
    def finished(self) -> bool:
        return self._ending and not self._waiting

    def wait(self, seconds: float) -> None:
        if self._turn is not None:
            wait([self._turn], timeout=seconds)

    def commit(self, key: int) -> bool:
        lease = self._on_the_way[key].delivery.lease_until
        if (lease is not None and self._clock() >= lease) or not self._journal.begin(key):
            self._end()  # what we held belongs to another process now
            return False
        return True

    def settle(self, key: int, outcome: Outcome | MailServerRefused) -> None:
        claimed = self._on_the_way[key]
        if isinstance(outcome, MailServerRefused):
            if not claimed.has_own_sender:
                self.take_back(key)
                raise outcome
            outcome = Outcome(Fate.REFUSED, ": ".join([outcome.what, *outcome.details]))
        self._settle(key, settle(outcome, attempts=claimed.delivery.attempts, now=self._clock()))

    def take_back(self, key: int) -> None:
        del self._on_the_way[key]
        self._returned.append(key)

    # The end

    def close(self) -> None:
        """Record what is left to be recorded, and give back what was not begun. Raises what kept the next message from
        being made, once what was sent before it is recorded."""
        self._end()
        try:
            if self._turn is not None:
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
        if self._refused is not None:
            raise self._refused

    def _end(self) -> None:
        """Begin nothing more."""
        self._ending = True
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
        self._journal.settle(key, settled)
        self._settled[key] = settled
        self._run.count(claimed.delivery, settled)
        self._watch(self._run.tally)

    # Turns of the ledger

    def _turn_if_due(self) -> None:
        if self._turn is not None or self._ending:
            return
        since = time.monotonic() - self._turned_at
        if len(self._waiting) < self._window // 2:
            self._window = min(LARGEST_WINDOW, max(SMALLEST_WINDOW, 2 * len(self._settled)))
            self._turn_now(self._window)
        elif since > TURN_SECONDS:
            self._turn_now(0)

    def _turn_now(self, number: int) -> None:
        """Record, and claim so many."""
        settled, self._settled = self._settled, {}
        returned, self._returned = self._returned, []
        held = {claimed.delivery.broadcast_id for claimed in self._waiting}
        self._turned_at = time.monotonic()
        self._turn = self._ledger.submit(self._transact, settled, returned, held, number)

    def _see_turn(self, *, patiently: bool = False) -> None:
        """Take in what the last turn found, once it is done. Raises what it raised."""
        if self._turn is None or not (patiently or self._turn.done()):
            return
        turn, self._turn = self._turn, None
        found = turn.result()
        for delivery, settled in found.dropped:
            self._run.count(delivery, settled)
        self._refused = self._refused or found.refused
        self._waiting.extend(found.claimed)
        if self._ending:
            self._end()
            return
        stopped = [claimed for claimed in self._waiting if claimed.delivery.broadcast_id in found.stopped]
        if stopped:
            self._returned += [claimed.delivery.id for claimed in stopped]
            self._waiting = deque(claimed for claimed in self._waiting if claimed not in stopped)
        self._ending = found.exhausted or found.refused is not None

    # In the ledger's thread

    def _transact(
        self, settled: dict[int, Settled], returned: list[int], held: Collection[int | None], number: int
    ) -> _Turn:
        token = self._journal.token
        with self._store.begin() as tx:
            tx.outbox.record(settled, token, self._clock())
            tx.outbox.give_back(returned, token, self._clock())
            stopped = [one for one in held if one is not None and not self._may_go_on(tx, one)]
            if not number:
                return _Turn([], exhausted=False, stopped=stopped)
            turn = _Turn([], exhausted=False, stopped=stopped, dropped=[])
            try:
                with tx.provisional():
                    self._claim(tx, number, turn)
            except (NotConfigured, InvalidInput) as error:
                turn.refused = error
            return turn

    def _may_go_on(self, tx: Transaction, broadcast_id: int) -> bool:
        return tx.broadcasts.standing(broadcast_id)[0] is BroadcastStatus.QUEUED
