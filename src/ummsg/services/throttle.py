"""Keeping rate limits while a drain claims (`domain/limits.py` says why they hold)."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from ummsg.config import PREFIX, Settings
from ummsg.domain.delivery import Settled
from ummsg.domain.limits import (
    ALL_MAIL,
    PATIENCE,
    Limits,
    Rates,
    Standing,
    domain_of,
    parse_domain_limits,
    parse_rates,
    standings,
)
from ummsg.errors import InvalidInput, LimitReached, NotConfigured
from ummsg.services.gate import Gate, Reached, passage_of
from ummsg.store.engine import Store, Transaction

SHORTEST_WAIT, LONGEST_WAIT = 0.025, 0.5
"""Seconds between two claims of a drain that is held back: it does not ask without end while nobody knows when there is
room, and notices if a broadcast is paused meanwhile."""

NOBODY = "-"
"""A token that claims nothing."""

LET_GO = 10_000
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


def take_up(store: Store, limits: Limits, now: datetime) -> bool:
    """From now on, whatever is settled is booked for these limits, by every process; and what waits for the turn of a
    domain that has no limit any more is due. Returns whether there is any limit to book for, whoever keeps it."""
    more = True
    while more:
        with store.begin() as tx:
            tx.limits.keep(limits.windows)
            more = tx.limits.let_go(limits.of_domains, now, LET_GO) == LET_GO
            counts = tx.limits.are_kept
    return counts


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
            when = f"there is room again at {at:%Y-%m-%d %H:%M:%S %Z}" if at else "all of it is on the way"
            raise LimitReached(
                f"The limit of {wait.reached.limit} is used up", details=[when], hint="ummsg outbox limits"
            )
        time.sleep(wait.seconds)


def standings_in(tx: Transaction, limits: Limits, now: datetime, on_the_way: Sequence[str]) -> list[Standing]:
    """Where each limit stands; `on_the_way` are the addresses of what is claimed and not settled."""
    by_scope = Counter(map(domain_of, on_the_way)) if limits.of_domains else Counter[str]()
    by_scope[ALL_MAIL] = len(on_the_way)
    return standings(limits, tx.limits.booked(), by_scope, now)


@dataclass(frozen=True)
class Wait:
    """When a drain claims again, and whether it should."""

    seconds: float = 0
    reached: Reached | None = None
    """Set if that is not worth waiting for."""
    limit: str = ""
    """What is waited for, if that takes longer than LONGEST_WAIT."""


class Throttle:
    """A drain's limits; it remembers when it was last given something, and since when it has been given nothing."""

    def __init__(self, limits: Limits, token: str) -> None:
        self._limits = limits
        self._token = token
        self._given_at: dict[str, float] = {}
        self._waiting_since: float | None = None

    def gate(self, tx: Transaction, now: datetime) -> Gate:
        """What may be claimed at this moment, in this transaction."""
        on_the_way = tx.limits.on_the_way()
        tx.limits.set_right(now)
        found = standings_in(tx, self._limits, now, [email for _, email in on_the_way])
        passages = {scope: passage_of(scope, found, self._since(scope), now) for scope in self._limits.scopes}
        return Gate(tx, passages, now, waits=any(token == self._token for token, _ in on_the_way))

    def wait(self, gate: Gate) -> Wait:
        """What to do next, after claiming through a gate."""
        moment = time.monotonic()
        self._given_at |= dict.fromkeys(gate.given, moment)
        if gate.given or gate.put_in_line or not gate.closed:
            self._waiting_since = None
            return Wait(SHORTEST_WAIT if gate.given and gate.is_narrow else 0)
        if gate.waits or self._waiting_since is None:
            self._waiting_since = moment
        reached = gate.reached
        ahead = max(reached.room_at - gate.now, timedelta()) if reached.room_at else timedelta()
        if ahead > PATIENCE or moment - self._waiting_since > PATIENCE.total_seconds():
            return Wait(reached=reached)
        seconds = ahead.total_seconds() or SHORTEST_WAIT
        return Wait(min(seconds, LONGEST_WAIT), limit=reached.limit if seconds > LONGEST_WAIT else "")

    def _since(self, scope: str) -> timedelta:
        """How long ago something of a scope was given last, by a clock that nobody sets."""
        if scope not in self._given_at:
            return timedelta.max
        return timedelta(seconds=time.monotonic() - self._given_at[scope])
