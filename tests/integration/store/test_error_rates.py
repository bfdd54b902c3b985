"""The last results of a broadcast, as several drains, one after the other or at once, write them down."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ummsg.config import Settings
from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.delivery import Fate, Outcome, Settled, settle, unsendable
from ummsg.services.error_rates import ErrorRates
from ummsg.store.engine import Store, open_store
from ummsg.vocabulary import BroadcastStatus, BroadcastType

from .conftest import NOW, Network

EVERYONE = Audience.of([Target.everyone()])
DRAFT = BroadcastDraft(type=BroadcastType.EMAIL, audience=EVERYONE, subject="Hello", content="Good morning.")
REPLIES = {Fate.ACCEPTED: "250 ok", Fate.REFUSED: "550 5.7.1 spam", Fate.REFUSED_FOR_NOW: "451 4.7.1 later"}
RECIPIENTS = 250

Attempt = Callable[[Fate, int], None]


@pytest.fixture
def frozen(store: Store, network: Network) -> None:
    network.customers(*(f"C{number}" for number in range(RECIPIENTS)))
    with store.begin() as tx:
        broadcast_id = tx.broadcasts.add(DRAFT, BroadcastStatus.FREEZING, NOW).id
        tx.outbox.freeze_chunk(broadcast_id, EVERYONE, "example.com", NOW)
        tx.outbox.finish_freezing(broadcast_id, NOW)


def attempt(store: Store, token: str, fate: Fate, number: int, *, hours: int = 0) -> None:
    """What a drain does with the next so many, in two transactions."""
    now = NOW + timedelta(hours=hours)
    with store.begin() as tx:
        claimed = tx.outbox.claim(1, token, now, number)
    results = {one.id: settle(Outcome(fate, REPLIES[fate]), attempts=one.attempts, now=now) for one in claimed}
    assert len(results) == number
    record(store, token, results)


def record(store: Store, token: str, results: dict[int, Settled]) -> None:
    rates = ErrorRates(Settings.load({}, Path("/nonexistent")), lambda: NOW)
    with store.begin() as tx:
        tx.outbox.record(results, token, NOW)
        rates.note(tx, results)


def standing(store: Store) -> tuple[BroadcastStatus, str]:
    with store.read() as tx:
        broadcast = tx.broadcasts.get(1)
        return broadcast.status, broadcast.note


def recent(store: Store) -> str:
    with store.read() as tx:
        return tx.error_rates.recent(1)


@pytest.mark.usefixtures("frozen")
def test_two_processes_count_together(store: Store, database_url: str) -> None:
    attempt(store, "one", Fate.REFUSED, 15)
    attempt(store, "one", Fate.ACCEPTED, 40)
    other = open_store(database_url)
    attempt(other, "two", Fate.ACCEPTED, 39)
    assert standing(store)[0] is BroadcastStatus.QUEUED
    attempt(other, "two", Fate.REFUSED, 6)
    other.close()

    assert standing(store) == (
        BroadcastStatus.PAUSED,
        "21 of the last 100 recipients failed, more than 20%: 550 5.7.1 spam",
    )


@pytest.mark.usefixtures("frozen")
def test_resuming_forgets(store: Store) -> None:
    attempt(store, "one", Fate.REFUSED, 120)
    assert standing(store)[0] is BroadcastStatus.PAUSED
    with store.begin() as tx:
        tx.broadcasts.set_status(1, BroadcastStatus.QUEUED, NOW)

    attempt(store, "one", Fate.REFUSED, 99)
    assert standing(store)[0] is BroadcastStatus.QUEUED
    attempt(store, "one", Fate.REFUSED, 1)
    assert standing(store)[0] is BroadcastStatus.PAUSED


@pytest.mark.usefixtures("frozen")
def test_only_the_first_attempt_that_reached_the_server_counts(store: Store) -> None:
    attempt(store, "one", Fate.REFUSED_FOR_NOW, 3)
    with store.begin() as tx:
        claimed = tx.outbox.claim(1, "one", NOW, 2)
    record(store, "one", {one.id: unsendable("not sent: no name", attempts=0) for one in claimed})
    attempt(store, "one", Fate.ACCEPTED, RECIPIENTS - 5)
    attempt(store, "one", Fate.REFUSED, 3, hours=1)

    assert recent(store) == "." * 200
    with store.begin() as tx:
        tx.settling.requeue(1, tx.outbox.to_customer(1, 1).status, "again", NOW)  # type: ignore[union-attr]
    attempt(store, "one", Fate.REFUSED, 3)
    assert recent(store).endswith("xxx")


@pytest.mark.usefixtures("frozen")
def test_what_somebody_has_stopped_meanwhile_stays_as_it_is(store: Store) -> None:
    with store.begin() as tx:
        claimed = tx.outbox.claim(1, "one", NOW, 150)
        tx.broadcasts.set_status(1, BroadcastStatus.PAUSED, NOW, "paused by an admin")
    refused = settle(Outcome(Fate.REFUSED, "550 no"), attempts=0, now=NOW)
    record(store, "one", {one.id: refused for one in claimed})

    assert standing(store) == (BroadcastStatus.PAUSED, "paused by an admin")


@pytest.mark.usefixtures("frozen")
def test_what_has_nothing_left_to_send_is_finished(store: Store) -> None:
    attempt(store, "one", Fate.ACCEPTED, 50)
    attempt(store, "one", Fate.REFUSED, 200)
    assert standing(store) == (BroadcastStatus.FINISHED, "")
