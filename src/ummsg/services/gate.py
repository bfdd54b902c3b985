"""What limits leave of the outbox, in one transaction."""

import sys
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ummsg.domain.delivery import Delivery
from ummsg.domain.limits import ALL_MAIL, Standing, domain_of, next_pace, pace
from ummsg.store.engine import Transaction

LOOK_AT = 500
"""Deliveries that are looked at in one transaction when some domains have limits."""


@dataclass(frozen=True)
class Reached:
    """A limit that lets nothing more go, and when it does again, if that is known."""

    limit: str
    room_at: datetime | None


@dataclass
class Passage:
    """What the limits of one scope let through."""

    room: int = sys.maxsize
    limit: str = ""
    """Which one is in the way, once there is no room."""
    opens_at: datetime | None = None


def passage_of(scope: str, found: Collection[Standing], since: timedelta, now: datetime) -> Passage:
    mine = [each for each in found if each.scope == scope]
    passage = Passage()
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


class Gate:
    """The outbox as limits leave it, for one transaction: it claims as `store/outbox.py` does, and no more than may be.

    What is due to a domain without room is put in a line of its own, so that the next claim does not come upon it
    again, and is claimed from there, first come, first served, when there is room.
    """

    def __init__(self, tx: Transaction, passages: Mapping[str, Passage], now: datetime, *, waits: bool) -> None:
        self._tx = tx
        self._passages = passages
        self._domains = [scope for scope in passages if scope != ALL_MAIL]
        self.now = now
        self.waits = waits
        """Whether something of this drain is on the way, so that room may come at any moment."""
        self.given: set[str] = set()
        """All mail, and the domains, with or without limits, that something was claimed for."""
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
        """Whether a claim just after this one would find little or nothing."""
        if not self._passages[ALL_MAIL].room or not self._domains:
            return not self._passages[ALL_MAIL].room
        return all(scope in self._passages and not self._passages[scope].room for scope in self.given - {ALL_MAIL})

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
        given = Counter(domain_of(delivery.email) for delivery in claimed) if self._domains else Counter[str]()
        given[ALL_MAIL] = len(claimed)
        for scope, number in given.items():
            if scope in self._passages:
                self._passages[scope].room -= number
        self.given |= {scope for scope, number in given.items() if number}
        return claimed
