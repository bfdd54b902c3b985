"""Settling what drains left behind that were killed, or stopped for too long: what is known, and what is not."""

from datetime import datetime

from ummsg.domain.delivery import GONE, Settled
from ummsg.services.throttle import book
from ummsg.store.engine import Store
from ummsg.store.journal import Left, journals, take_over
from ummsg.vocabulary import DeliveryStatus


def recover(store: Store, now: datetime) -> int:
    """Of every delivery that such a drain had claimed: record its result, give it back, or call it unknown.

    Returns how many are unknown now.
    """
    unknown = 0
    for token, path in journals(store.path):
        with store.read() as tx:
            held = tx.outbox.claimed_by(token)
        expired = any(lease <= now for _, lease in held.values())
        if left := take_over(token, path, expired=expired):
            unknown += _settle(store, left, now)
    with store.begin() as tx:
        tx.limits.book([*tx.limits.lost(now), *tx.limits.release_lost(now)], now)
        return unknown + tx.outbox.expire_leases(now)


def _settle(store: Store, left: Left, now: datetime) -> int:
    with store.begin() as tx:
        held = tx.outbox.claimed_by(left.token)
        settled = {number: each for number, each in left.settled.items() if _is_of_this_claim(each, held.get(number))}
        for number, (attempts, _) in held.items():
            if number not in settled and (number in left.begun or not left.complete):
                settled[number] = Settled(DeliveryStatus.UNKNOWN, attempts + 1, None, GONE)
        tx.outbox.record(settled, left.token, now)
        book(tx, settled, now)
        tx.outbox.give_back(held.keys() - settled.keys(), left.token, now)
    if left.dead:
        left.path.unlink(missing_ok=True)
    return sum(each.status is DeliveryStatus.UNKNOWN for each in settled.values())


def _is_of_this_claim(settled: Settled, held: tuple[int, datetime] | None) -> bool:
    """A drain may claim a delivery again that it recorded as deferred, and die before it begins with it."""
    return held is not None and settled.attempts == held[0] + 1
