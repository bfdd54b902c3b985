"""Draining: claim, render, send, record, a window at a time.

A turn at the ledger (`turns.py`) records what was settled and claims the next deliveries, in a thread of its own, while
mail goes out. If the process dies, the journal says which messages were on the wire at that moment; they alone are in
doubt.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

from ummsg.domain.delivery import Delivery, Fate, Outcome, Settled, Tally, settle, unsendable
from ummsg.errors import DiskFull, InvalidDraft, MailServerRefused, NotConfigured, Overtaken, UmmsgError
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.mail.transports.courier import Letter
from ummsg.services.gate import Reached
from ummsg.services.making import Making
from ummsg.services.turns import Claimed, Turn, Turns
from ummsg.store.journal import Journal

LARGEST_WINDOW = 2000
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
    cut_short: dict[int, int] = field(default_factory=dict)
    """Broadcasts that came to an end meanwhile, as they were too late or somebody cancelled them, and how many
    deliveries of each nobody gets."""
    lost: int = 0
    """Deliveries of an earlier run that did not come back, which are unknown from now on."""

    @property
    def tally(self) -> Tally:
        return self.of_broadcasts + self.of_events

    def count(self, delivery: Delivery, settled: Settled) -> None:
        (self.of_broadcasts if delivery.event_id is None else self.of_events).count(settled)

    def expire(self, too_late: Mapping[int, int]) -> None:
        """So many deliveries of each of these broadcasts were cancelled."""
        for broadcast_id, number in too_late.items():
            self.cut_short[broadcast_id] = self.cut_short.get(broadcast_id, 0) + number
            self.of_broadcasts.cancelled += number
            self.of_broadcasts.remaining = max(0, self.of_broadcasts.remaining - number)


Watch = Callable[[Tally], None]


class Drain:
    """The sack (`mail/transports/courier.py`) of one run: system emails that are due, then the broadcasts in turn."""

    def __init__(
        self,
        turns: Turns,
        journal: Journal,
        clock: Callable[[], datetime],
        run: Run,
        *,
        chance: Callable[[], float],
        watch: Watch,
        stopping: Callable[[], bool],
    ) -> None:
        self._turns = turns
        self._journal = journal
        self._clock = clock
        self._run = run
        self._chance = chance
        self._watch = watch
        self._stopping = stopping
        self._making = Making()
        self._ledger = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._turn: Future[Turn] | None = None
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
        self._waiting: deque[Claimed] = deque()
        self._on_the_way: dict[int, Claimed] = {}
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

    def _letter(self, claimed: Claimed) -> Letter | None:
        """None for a message that cannot be made; that is settled."""
        key = claimed.delivery.id
        try:
            parcel = self._making.parcel(claimed, self._waiting, self._second)
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
        self._turn = self._ledger.submit(self._turns.take, settled, returned, held, number)

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
        self._run.expire(found.too_late)
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
