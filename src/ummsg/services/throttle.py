"""Keeping rate limits while a drain claims (`domain/limits.py` says why they hold)."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from ummsg.config import PREFIX, Settings
from ummsg.domain.delivery import Delivery, Settled
from ummsg.domain.limits import (
    ALL_MAIL,
    PATIENCE,
    Limits,
    Rates,
    Standing,
    domain_of,
    next_pace,
    pace,
    parse_domain_limits,
    parse_rates,
    standings,
)
from ummsg.errors import InvalidInput, LimitReached, NotConfigured
from ummsg.store.engine import Store, Transaction

SHORTEST_WAIT, LONGEST_WAIT = 0.025, 0.5
"""Seconds between two claims of a drain that is held back: what is not due yet is not asked for without end, and a
broadcast that is paused meanwhile is noticed."""

NOBODY = "-"
"""A token that claims nothing."""

LOOK_AT = 500
"""Deliveries that are looked at in one transaction when some domains have limits."""

LET_GO = 20_000
"""Deliveries that are let go in one transaction."""


def limits_of(settings: Settings, rate: Rates = ()) -> Limits:
    """What the settings say, and a run's own `rate`; all of them hold. Raises NotConfigured for what is no limit."""
    of_all, of_domains = settings["RATE_LIMIT"], settings["DOMAIN_LIMITS"]
    name = "RATE_LIMIT"
    try:
        rates = parse_rates(of_all) if of_all else ()
        name = "DOMAIN_LIMITS"
        by_domain = parse_domain_limits(of_domains) if of_domains else {}
    except InvalidInput as error:
        raise NotConfigured(f"{PREFIX}{name}: {error.what}", hint=error.hint) from None
    return Limits(rates, by_domain).tightened(rate)


def take_up(store: Store, limits: Limits, now: datetime) -> None:
    """From now on, whatever is settled is booked for these limits, by every process; and what waits for the turn of a
    domain that has no limit any more is due."""
    more = True
    while more:
        with store.begin() as tx:
            tx.limits.keep(limits.windows)
            more = tx.limits.let_go(limits.of_domains, now, LET_GO) == LET_GO


def book(tx: Transaction, settled: Mapping[int, Settled], now: datetime) -> None:
    """Count what was attempted, in the transaction that records it: whether it was taken or refused."""
    attempted = [key for key, each in settled.items() if each.attempts]
    if attempted:
        tx.limits.book(tx.outbox.addresses(attempted).values(), now)


@contextmanager
def counted(store: Store, settings: Settings, email: str, clock: Callable[[], datetime]) -> Iterator[None]:
    """One message outside the outbox: it waits for room like any other, and is booked when it is done.

    Raises NotConfigured for what is no limit, and LimitReached if there is no room for long.
    """
    limits = limits_of(settings)
    if not limits:
        yield
        return
    hold = _hold(store, limits, email, clock)
    try:
        yield
    finally:
        with store.begin() as tx:
            tx.limits.release(hold)
            tx.limits.book([email], clock())


def _hold(store: Store, limits: Limits, email: str, clock: Callable[[], datetime]) -> int:
    throttle = Throttle(limits, token=NOBODY)
    while True:
        with store.begin() as tx:
            tx.limits.keep(limits.windows)
            gate = throttle.gate(tx, clock())
            if gate.admits(email):
                return tx.limits.hold(email, gate.now)
        wait = throttle.wait(gate)
        if wait.reached:
            at = wait.reached.room_at
            raise LimitReached(
                f"The limit of {wait.reached.limit} is used up",
                details=[f"there is room again at {at:%Y-%m-%d %H:%M:%S %Z}" if at else "by what is on the way"],
                hint="ummsg outbox limits",
            )
        time.sleep(wait.seconds)


def standings_in(tx: Transaction, limits: Limits, now: datetime, on_the_way: Sequence[str]) -> list[Standing]:
    """Where each limit stands; `on_the_way` are the addresses of what is claimed and not settled."""
    by_scope = Counter(map(domain_of, on_the_way)) if limits.of_domains else Counter[str]()
    by_scope[ALL_MAIL] = len(on_the_way)
    return standings(limits, tx.limits.booked(), by_scope, now)


@dataclass(frozen=True)
class Reached:
    """A limit that lets nothing more go, and when it does again, if that is known."""

    limit: str
    room_at: datetime | None


@dataclass(frozen=True)
class Wait:
    """When a drain claims again, and whether it should."""

    seconds: float = 0
    reached: Reached | None = None
    """Set if that is not worth waiting for."""


class Throttle:
    """A drain's limits; it remembers when it was last given something, and since when it has been given nothing."""

    def __init__(self, limits: Limits, token: str) -> None:
        self._limits = limits
        self._token = token
        self._given_at: dict[str, float] = {}
        self._waiting_since: float | None = None

    def gate(self, tx: Transaction, now: datetime) -> "Gate":
        """What may be claimed at this moment, in this transaction."""
        on_the_way = tx.limits.on_the_way()
        tx.limits.set_right(now)
        found = standings_in(tx, self._limits, now, [email for _, email in on_the_way])
        passages = {scope: _passage(scope, found, self._since(scope), now) for scope in self._limits.scopes}
        return Gate(tx, passages, now, waits=any(token == self._token for token, _ in on_the_way))

    def wait(self, gate: "Gate") -> Wait:
        """What to do next, after claiming through a gate."""
        moment = time.monotonic()
        self._given_at |= dict.fromkeys(gate.given, moment)
        if gate.given or gate.put_in_line or not gate.closed:
            self._waiting_since = None
            return Wait(SHORTEST_WAIT if gate.given and gate.is_narrow else 0)
        if gate.waits or self._waiting_since is None:
            self._waiting_since = moment
        reached = gate.reached
        ahead = reached.room_at - gate.now if reached.room_at else timedelta()
        if ahead > PATIENCE or moment - self._waiting_since > PATIENCE.total_seconds():
            return Wait(reached=reached)
        return Wait(min(max(ahead.total_seconds(), SHORTEST_WAIT), LONGEST_WAIT))

    def _since(self, scope: str) -> timedelta:
        """How long ago something of a scope was given last, by a clock that nobody sets."""
        if scope not in self._given_at:
            return timedelta.max
        return timedelta(seconds=time.monotonic() - self._given_at[scope])


@dataclass
class _Passage:
    """What the limits of one scope let through."""

    room: int = sys.maxsize
    limit: str = ""
    """Which one is in the way, once there is no room."""
    opens_at: datetime | None = None


class Gate:
    """The outbox as limits leave it, for one transaction: it claims as `store/outbox.py` does, and no more than may be.

    What is due to a domain without room is put in a line of its own, so that the next claim does not come upon it
    again, and is claimed from there, first come, first served, when there is room.
    """

    def __init__(self, tx: Transaction, passages: Mapping[str, _Passage], now: datetime, *, waits: bool) -> None:
        self._tx = tx
        self._passages = passages
        self._domains = [scope for scope in passages if scope != ALL_MAIL]
        self.now = now
        self.waits = waits
        """Whether something of this drain is on the way, so that room may come at any moment."""
        self.given: set[str] = set()
        self.put_in_line = 0
        self.closed: set[str] = set()
        """The scopes that hold something back."""

    def claim(self, broadcast_id: int, token: str, now: datetime, number: int) -> list[Delivery]:
        number = min(number, self._passages[ALL_MAIL].room)
        if number and not self._domains:
            return self._counted(self._tx.outbox.claim(broadcast_id, token, now, number))
        return self._by_domain(broadcast_id, token, now, number)

    def claim_of_event(self, token: str, now: datetime, number: int) -> list[Delivery]:
        number = min(number, self._passages[ALL_MAIL].room)
        if number and not self._domains:
            return self._counted(self._tx.outbox.claim_of_event(token, now, number))
        return self._by_domain(None, token, now, number)

    def holds_back(self, broadcast_id: int | None) -> bool:
        """Whether there is something of it that could be claimed if no limit were in the way."""
        in_line = {domain for domain in self._domains if self._tx.limits.in_line(broadcast_id, domain, 1)}
        if not self._passages[ALL_MAIL].room and (in_line or self._tx.limits.due(broadcast_id, self.now, 1)):
            self.closed.add(ALL_MAIL)
            return True
        self.closed |= in_line
        return bool(in_line)

    def admits(self, email: str) -> bool:
        """Whether there is room for one message to this address."""
        scopes = [scope for scope in (ALL_MAIL, domain_of(email)) if scope in self._passages]
        self.closed |= {scope for scope in scopes if not self._passages[scope].room}
        return not self.closed

    @property
    def is_narrow(self) -> bool:
        return any(not passage.room for passage in self._passages.values())

    @property
    def reached(self) -> Reached:
        """The limit that will let something go first, of those that hold everything back."""
        closed = [self._passages[scope] for scope in ({ALL_MAIL} & self.closed or self.closed)]
        first = min(closed, key=lambda passage: passage.opens_at or self.now)
        return Reached(first.limit, first.opens_at)

    def _by_domain(self, broadcast_id: int | None, token: str, now: datetime, number: int) -> list[Delivery]:
        """From the lines of domains that have room, then of the others what is due."""
        if not number:
            return []
        left = {domain: self._passages[domain].room for domain in self._domains}
        chosen: list[int] = []
        for domain in self._domains:
            if wanted := min(left[domain], number - len(chosen)):
                first = self._tx.limits.in_line(broadcast_id, domain, wanted)
                left[domain] -= len(first)
                chosen += first
        chosen += self._of_due(broadcast_id, number - len(chosen), left)
        return self._counted(self._tx.limits.claim(chosen, token, now))

    def _of_due(self, broadcast_id: int | None, number: int, left: dict[str, int]) -> list[int]:
        chosen: list[int] = []
        held: list[tuple[int, str]] = []
        for delivery_id, email in self._tx.limits.due(broadcast_id, self.now, LOOK_AT) if number else ():
            domain = domain_of(email)
            if not left.get(domain, 1):
                held.append((delivery_id, domain))
                continue
            if domain in left:
                left[domain] -= 1
            chosen.append(delivery_id)
            if len(chosen) == number:
                break
        self._tx.limits.put_in_line(held, self.now)
        self.put_in_line += len(held)
        return chosen

    def _counted(self, claimed: list[Delivery]) -> list[Delivery]:
        if claimed:
            self._let_through(ALL_MAIL, len(claimed))
        if self._domains:
            for domain, number in Counter(domain_of(delivery.email) for delivery in claimed).items():
                if domain in self._passages:
                    self._let_through(domain, number)
        return claimed

    def _let_through(self, scope: str, number: int) -> None:
        self._passages[scope].room -= number
        self.given.add(scope)


def _passage(scope: str, found: Collection[Standing], since: timedelta, now: datetime) -> _Passage:
    mine = [each for each in found if each.scope == scope]
    passage = _Passage()
    for each in mine:
        passage.room = min(passage.room, each.room, pace(each.limit, since))
    closed = [each for each in mine if not each.room]
    if closed:
        last = max(closed, key=lambda each: each.room_at or now)
        passage.limit, passage.opens_at = last.name, last.room_at
    elif not passage.room:
        slowest = max(mine, key=lambda each: next_pace(each.limit))
        passage.limit, passage.opens_at = slowest.name, now + next_pace(slowest.limit) - since
    return passage
