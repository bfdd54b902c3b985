"""When there is next something to do."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.delivery import LEASE, Fate, Outcome, settle
from ummsg.domain.wall_time import LocalTime
from ummsg.store.engine import Store
from ummsg.vocabulary import BroadcastStatus, BroadcastType

from .conftest import NOW, Network

HOUR = timedelta(hours=1)
EVERYONE = Audience.of([Target.everyone()])

Add = Callable[..., int]


@pytest.fixture
def add(store: Store, network: Network) -> Add:
    network.customers("Anna", "Bo")

    def add(status: BroadcastStatus = BroadcastStatus.FREEZING, **times: datetime | LocalTime) -> int:
        draft = BroadcastDraft(BroadcastType.EMAIL, EVERYONE, "Hello", "Good morning.", **times)  # type: ignore[arg-type]
        with store.begin() as tx:
            return tx.broadcasts.add(draft, status, NOW).id

    return add


def freeze(store: Store, broadcast_id: int, now: datetime = NOW) -> None:
    with store.begin() as tx:
        tx.outbox.freeze_chunk(broadcast_id, EVERYONE, "example.com", now)
        tx.outbox.finish_freezing(broadcast_id, now)


def defer(store: Store, broadcast_id: int) -> datetime:
    """Everything of it; returns when it is due."""
    later = settle(Outcome(Fate.REFUSED_FOR_NOW, "451"), attempts=0, now=NOW)
    with store.begin() as tx:
        tx.outbox.record({one.id: later for one in tx.outbox.claim(broadcast_id, "t", NOW, 9)}, "t", NOW)
    assert later.due_at is not None
    return later.due_at


def moment(store: Store) -> datetime | None:
    with store.read() as tx:
        return tx.agenda.next_moment()


def test_an_empty_outbox_has_none(store: Store) -> None:
    assert moment(store) is None


def test_the_next_of_what_is_scheduled(store: Store, add: Add) -> None:
    add(BroadcastStatus.SCHEDULED, at=NOW + 2 * HOUR)
    add(BroadcastStatus.SCHEDULED, at=NOW + HOUR)
    add(BroadcastStatus.DRAFT)
    assert moment(store) == NOW + HOUR


def test_a_local_time_when_the_first_clock_on_earth_shows_it(store: Store, add: Add) -> None:
    add(BroadcastStatus.SCHEDULED, at=NOW + 2 * HOUR)
    local = LocalTime((NOW + 15 * HOUR).replace(tzinfo=None), "UTC")
    add(BroadcastStatus.SCHEDULED, at_local=local)
    assert moment(store) == NOW + HOUR


def test_what_waits_for_its_domains_turn_is_due(store: Store, add: Add) -> None:
    broadcast_id = add()
    freeze(store, broadcast_id)
    with store.begin() as tx:
        everyone = [(one.id, "example.com") for one in tx.outbox.deliveries(broadcast_id)]
        tx.limits.put_in_line(everyone, NOW)
    assert moment(store) == NOW


def test_what_is_half_frozen_is_due(store: Store, add: Add) -> None:
    add()
    assert moment(store) == NOW


def test_what_waits_of_a_broadcast_untried_or_deferred(store: Store, add: Add) -> None:
    one, other = add(), add()
    freeze(store, one)
    due = defer(store, one)
    freeze(store, other, NOW + HOUR)
    assert moment(store) == due
    with store.begin() as tx:
        tx.broadcasts.set_status(one, BroadcastStatus.PAUSED, NOW)
    assert moment(store) == NOW + HOUR


def test_what_expires_before_it_is_due(store: Store, add: Add) -> None:
    broadcast_id = add(not_after=NOW + timedelta(minutes=1))
    freeze(store, broadcast_id)
    defer(store, broadcast_id)
    assert moment(store) == NOW + timedelta(minutes=1)


def test_when_the_claim_of_another_drain_ends_whatever_became_of_the_broadcast(store: Store, add: Add) -> None:
    broadcast_id = add(not_after=NOW + timedelta(minutes=1))
    freeze(store, broadcast_id)
    with store.begin() as tx:
        tx.outbox.claim(broadcast_id, "t", NOW, 9)
        tx.broadcasts.set_status(broadcast_id, BroadcastStatus.PAUSED, NOW)
    assert moment(store) == NOW + LEASE
