"""The ledger: every recipient once, in one state, whoever dies when."""

from datetime import datetime, timedelta

import pytest

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.delivery import LEASE, Attempt, Counts, Fate, Outcome, settle
from ummsg.domain.suppression import Suppression
from ummsg.store.engine import Store
from ummsg.vocabulary import BroadcastStatus, BroadcastType, DeliveryStatus

from .conftest import NOW, Network

EVERYONE = Audience.of([Target.everyone()])
DRAFT = BroadcastDraft(type=BroadcastType.EMAIL, audience=EVERYONE, subject="Hello", content="Good morning.")


@pytest.fixture
def broadcast_id(store: Store, network: Network) -> int:
    network.customers(*(f"C{number}" for number in range(1, 8)))
    with store.begin() as tx:
        return tx.broadcasts.add(DRAFT, BroadcastStatus.FREEZING, NOW).id


def freeze(store: Store, broadcast_id: int, size: int = 3) -> int:
    done = False
    chunks = 0
    while not done:
        with store.begin() as tx:
            done = tx.outbox.freeze_chunk(broadcast_id, EVERYONE, "example.com", NOW, size)
            chunks += 1
    with store.begin() as tx:
        tx.outbox.finish_freezing(broadcast_id, NOW)
    return chunks


def counts(store: Store, broadcast_id: int) -> Counts:
    with store.read() as tx:
        return tx.outbox.counts(broadcast_id)


def test_freezing_writes_each_recipient_down_once(store: Store, broadcast_id: int) -> None:
    assert freeze(store, broadcast_id) == 3

    with store.read() as tx:
        deliveries = list(tx.outbox.deliveries(broadcast_id))
        stored = tx.broadcasts.get(broadcast_id)
    assert [d.email for d in deliveries] == [f"c{number}@example.com" for number in range(1, 8)]
    assert len({d.message_id for d in deliveries}) == 7
    assert all(d.message_id.endswith("@example.com") for d in deliveries)
    assert (stored.status, stored.targeted) == (BroadcastStatus.QUEUED, 7)


def test_freezing_that_was_interrupted_goes_on_where_it_stopped(store: Store, broadcast_id: int) -> None:
    with store.begin() as tx:
        tx.outbox.freeze_chunk(broadcast_id, EVERYONE, "example.com", NOW, 3)
    with store.read() as tx:
        first = [d.message_id for d in tx.outbox.deliveries(broadcast_id)]

    freeze(store, broadcast_id)

    with store.read() as tx:
        assert [d.message_id for d in tx.outbox.deliveries(broadcast_id)][:3] == first
    assert counts(store, broadcast_id).targeted == 7


def test_a_suppressed_recipient_is_counted_and_not_queued(store: Store, broadcast_id: int) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression("C3@example.com", "complained", NOW))

    freeze(store, broadcast_id)

    assert counts(store, broadcast_id) == Counts(targeted=7, queued=6, suppressed=1)
    with store.read() as tx:
        (left_out,) = tx.outbox.deliveries(broadcast_id, DeliveryStatus.SUPPRESSED)
    assert left_out.reply == "complained"


def test_no_delivery_is_claimed_twice(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    claimed = []
    for token in ["one", "two"] * 4:
        with store.begin() as tx:
            claimed.append(tx.outbox.claim(broadcast_id, token, NOW))

    ids = [delivery.id for delivery in claimed if delivery is not None]
    assert len(ids) == len(set(ids)) == 7
    assert claimed[-1] is None
    assert counts(store, broadcast_id) == Counts(targeted=7, queued=7)


def test_only_the_claimant_records(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    settled = settle(Outcome(Fate.ACCEPTED, "250 ok"), attempts=0, now=NOW)
    with store.begin() as tx:
        delivery = tx.outbox.claim(broadcast_id, "mine", NOW)
        assert delivery is not None
        assert not tx.outbox.record(delivery.id, "not mine", settled, NOW)
        assert tx.outbox.record(delivery.id, "mine", settled, NOW)
        assert not tx.outbox.record(delivery.id, "mine", settled, NOW)

    assert counts(store, broadcast_id) == Counts(targeted=7, sent=1, queued=6)


def test_what_is_given_back_has_no_attempt_counted(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        delivery = tx.outbox.claim(broadcast_id, "mine", NOW)
        assert delivery is not None
        tx.outbox.give_back(delivery.id, "mine", NOW)
        again = tx.outbox.claim(broadcast_id, "mine", NOW)

    assert again is not None
    assert (again.id, again.attempts) == (delivery.id, 0)


def test_a_deferred_delivery_waits_for_its_time(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    settled = settle(Outcome(Fate.REFUSED_FOR_NOW, "451 later"), attempts=0, now=NOW)
    assert settled.due_at is not None
    with store.begin() as tx:
        deferred = tx.outbox.claim(broadcast_id, "mine", NOW)
        assert deferred is not None
        tx.outbox.record(deferred.id, "mine", settled, NOW)
        claimed = [tx.outbox.claim(broadcast_id, "mine", NOW) for _ in range(7)]
        assert claimed[-1] is None
        assert deferred.id not in {delivery.id for delivery in claimed if delivery is not None}
        assert tx.outbox.next_due(broadcast_id) == settled.due_at
        again = tx.outbox.claim(broadcast_id, "mine", settled.due_at)

    assert again is not None
    assert (again.id, again.attempts) == (deferred.id, 1)


def test_a_claim_whose_process_died_becomes_unknown_and_is_not_sent_again(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        lost = tx.outbox.claim(broadcast_id, "dead", NOW)
        assert lost is not None
        assert tx.outbox.expire_leases(NOW + LEASE - timedelta(seconds=1)) == 0
        assert tx.outbox.expire_leases(NOW + LEASE) == 1
        late = settle(Outcome(Fate.ACCEPTED), attempts=0, now=NOW)
        assert not tx.outbox.record(lost.id, "dead", late, NOW + LEASE)
        rest = [tx.outbox.claim(broadcast_id, "alive", NOW + LEASE) for _ in range(7)]

    assert lost.id not in {delivery.id for delivery in rest if delivery is not None}
    assert counts(store, broadcast_id) == Counts(targeted=7, unknown=1, queued=6)


def test_cancelling_leaves_what_is_on_the_wire(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        on_the_wire = tx.outbox.claim(broadcast_id, "mine", NOW)
        assert on_the_wire is not None
        assert tx.outbox.cancel_open(broadcast_id, "cancelled", NOW) == 6
        settled = settle(Outcome(Fate.ACCEPTED), attempts=0, now=NOW)
        assert tx.outbox.record(on_the_wire.id, "mine", settled, NOW)

    assert counts(store, broadcast_id) == Counts(targeted=7, sent=1, cancelled=6)
    assert history(store, on_the_wire.id) == []


def test_what_is_cancelled_has_the_reason_in_its_history(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    tried = record(store, broadcast_id, Fate.REFUSED_FOR_NOW, "451 later")
    sent = record(store, broadcast_id, Fate.ACCEPTED, "250 ok")
    with store.begin() as tx:
        untried = next(tx.outbox.deliveries(broadcast_id, DeliveryStatus.QUEUED)).id
        tx.outbox.cancel_open(broadcast_id, "cancelled", NOW)

    assert history(store, tried)[1:] == [Attempt(1, NOW, DeliveryStatus.CANCELLED, "cancelled")]
    assert history(store, untried) == [Attempt(0, NOW, DeliveryStatus.CANCELLED, "cancelled")]
    assert history(store, sent) == []


def record(store: Store, broadcast_id: int, fate: Fate, reply: str, now: datetime = NOW) -> int:
    """Claim the next delivery and record what became of it; returns its id."""
    with store.begin() as tx:
        claimed = tx.outbox.claim(broadcast_id, "mine", now)
        assert claimed is not None
        settled = settle(Outcome(fate, reply), attempts=claimed.attempts, tried_since=claimed.tried_since, now=now)
        assert tx.outbox.record(claimed.id, "mine", settled, now)
        return claimed.id


def history(store: Store, delivery_id: int) -> list[Attempt]:
    with store.read() as tx:
        return tx.attempts.of(delivery_id)


def test_a_first_attempt_that_succeeds_writes_no_history(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)

    assert history(store, record(store, broadcast_id, Fate.ACCEPTED, "250 ok")) == []


def test_every_other_attempt_is_kept_with_the_servers_words(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id, size=20)
    with store.begin() as tx:
        tx.outbox.cancel_for_customer(7, "out of the way", NOW)
    ids = [record(store, broadcast_id, Fate.REFUSED_FOR_NOW, f"451 {number}") for number in range(6)]
    later = NOW + timedelta(hours=1)
    assert record(store, broadcast_id, Fate.ACCEPTED, "250 ok", later) == ids[0]

    assert history(store, ids[0]) == [
        Attempt(1, NOW, DeliveryStatus.DEFERRED, "451 0"),
        Attempt(2, later, DeliveryStatus.SENT, "250 ok"),
    ]
    assert history(store, ids[1]) == [Attempt(1, NOW, DeliveryStatus.DEFERRED, "451 1")]


def test_a_result_that_is_not_the_claimants_leaves_no_history(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        delivery = tx.outbox.claim(broadcast_id, "mine", NOW)
        assert delivery is not None
        tx.outbox.record(delivery.id, "not mine", settle(Outcome(Fate.REFUSED), attempts=0, now=NOW), NOW)

    assert history(store, delivery.id) == []


def test_a_claim_whose_process_died_is_history(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        lost = tx.outbox.claim(broadcast_id, "dead", NOW)
        assert lost is not None
        tx.outbox.expire_leases(NOW + LEASE)

    (attempt,) = history(store, lost.id)
    assert (attempt.number, attempt.at, attempt.status) == (1, NOW + LEASE, DeliveryStatus.UNKNOWN)


def test_a_broadcast_is_finished_once_nothing_of_it_is_open(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        tx.outbox.claim(broadcast_id, "mine", NOW)
        tx.outbox.cancel_open(broadcast_id, "cancelled", NOW)
        assert not tx.outbox.finish(broadcast_id, NOW)
        tx.outbox.expire_leases(NOW + LEASE)
        assert tx.outbox.finish(broadcast_id, NOW)
        assert not tx.outbox.finish(broadcast_id, NOW)
        assert tx.broadcasts.get(broadcast_id).status is BroadcastStatus.FINISHED
