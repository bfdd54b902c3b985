"""What an admin does to deliveries that came to an end."""

from datetime import timedelta

import pytest

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.delivery import Counts, Delivery, Fate, Outcome, Requeue, settle
from ummsg.domain.suppression import Suppression
from ummsg.store.engine import Store
from ummsg.vocabulary import BroadcastStatus, BroadcastType, DeliveryStatus

from .conftest import NOW, Network

LATER = NOW + timedelta(days=1)
EVERYONE = Audience.of([Target.everyone()])
DRAFT = BroadcastDraft(type=BroadcastType.EMAIL, audience=EVERYONE, subject="Hello", content="Good morning.")
FATES = (Fate.ACCEPTED, Fate.REFUSED, Fate.REFUSED, Fate.REFUSED, Fate.IN_DOUBT, Fate.IN_DOUBT, Fate.REFUSED_FOR_NOW)


@pytest.fixture
def broadcast_id(store: Store, network: Network) -> int:
    """One sent, three failed, two unknown, one deferred."""
    network.customers(*(f"C{number}" for number in range(1, 8)))
    with store.begin() as tx:
        broadcast_id = tx.broadcasts.add(DRAFT, BroadcastStatus.FREEZING, NOW).id
        tx.outbox.freeze_chunk(broadcast_id, EVERYONE, "example.com", NOW)
        tx.outbox.finish_freezing(broadcast_id, NOW)
        claimed = tx.outbox.claim(broadcast_id, "mine", NOW, len(FATES))
        settled = {
            delivery.id: settle(Outcome(fate, f"{fate}"), attempts=0, now=NOW)
            for delivery, fate in zip(claimed, FATES, strict=True)
        }
        assert tx.outbox.record(settled, "mine", NOW) == len(FATES)
    return broadcast_id


def ledger(store: Store, broadcast_id: int) -> dict[int | None, Delivery]:
    with store.read() as tx:
        return {delivery.customer_id: delivery for delivery in tx.outbox.deliveries(broadcast_id)}


def test_failed_ones_are_queued_again_with_their_message_id_and_history(store: Store, broadcast_id: int) -> None:
    before = ledger(store, broadcast_id)

    with store.begin() as tx:
        assert tx.settling.requeue(broadcast_id, DeliveryStatus.FAILED, "again", LATER) == 3
        assert tx.outbox.counts(broadcast_id) == Counts(targeted=7, sent=1, queued=3, unknown=2, deferred=1)

    after = ledger(store, broadcast_id)
    again = after[2]
    assert (again.status, again.due_at, again.message_id) == (DeliveryStatus.QUEUED, LATER, before[2].message_id)
    assert (again.attempts, again.attempts_before, again.tried_since) == (1, 1, None)
    with store.read() as tx:
        history = [(attempt.at, attempt.status, attempt.reply) for attempt in tx.attempts.of(again.id)]
    assert history == [(NOW, DeliveryStatus.FAILED, "refused"), (LATER, DeliveryStatus.QUEUED, "again")]
    assert {number: after[number] for number in (1, 5, 6, 7)} == {number: before[number] for number in (1, 5, 6, 7)}


def test_only_the_named_customers_are_touched(store: Store, broadcast_id: int) -> None:
    with store.begin() as tx:
        assert tx.settling.requeue(broadcast_id, DeliveryStatus.FAILED, "again", LATER, [1, 3, 5]) == 1
        assert tx.settling.resolve(broadcast_id, DeliveryStatus.SENT, "arrived", LATER, [1, 3, 5]) == 1

    states = {number: delivery.status.value for number, delivery in ledger(store, broadcast_id).items()}
    assert states == {1: "sent", 2: "failed", 3: "queued", 4: "failed", 5: "sent", 6: "unknown", 7: "deferred"}


def test_the_suppressed_and_the_deleted_are_left_as_they_are(store: Store, broadcast_id: int) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression("C2@example.com", "bounced", NOW))
        tx.customers.delete(3)
    with store.begin() as tx:
        foreseen = tx.settling.requeueable(broadcast_id, DeliveryStatus.FAILED)
        done = tx.settling.requeue(broadcast_id, DeliveryStatus.FAILED, "again", LATER)

    assert foreseen == Requeue(1, suppressed=1, gone=1)
    assert done == 1
    after = ledger(store, broadcast_id)
    assert (after[2].status, after[None].status) == (DeliveryStatus.FAILED, DeliveryStatus.FAILED)
    assert after[4].status is DeliveryStatus.QUEUED


def test_one_who_is_both_suppressed_and_deleted_is_counted_once(store: Store, broadcast_id: int) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression("C2@example.com", "bounced", NOW))
        tx.customers.delete(2)
    with store.begin() as tx:
        assert tx.settling.requeueable(broadcast_id, DeliveryStatus.FAILED) == Requeue(2, suppressed=1, gone=0)


@pytest.mark.parametrize("to", [DeliveryStatus.SENT, DeliveryStatus.FAILED])
def test_unknown_ones_are_settled(store: Store, broadcast_id: int, to: DeliveryStatus) -> None:
    with store.begin() as tx:
        before = tx.outbox.counts(broadcast_id)
        assert tx.settling.resolve(broadcast_id, to, "as the log says", LATER) == 2
        assert tx.settling.resolve(broadcast_id, to, "as the log says", LATER) == 0
        after = tx.outbox.counts(broadcast_id)

    assert (before.unknown, after.unknown) == (2, 0)
    assert getattr(after, to.value) == getattr(before, to.value) + 2
    assert after.targeted == before.targeted


@pytest.mark.parametrize(
    "to", [status for status in DeliveryStatus if status not in (DeliveryStatus.SENT, DeliveryStatus.FAILED, "queued")]
)
def test_no_transition_but_the_allowed_ones_is_performed(store: Store, broadcast_id: int, to: DeliveryStatus) -> None:
    with store.begin() as tx, pytest.raises(ValueError, match="does not go from unknown"):
        tx.settling.resolve(broadcast_id, to, "", LATER)
