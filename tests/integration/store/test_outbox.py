"""The ledger: every recipient once, in one state, whoever dies when."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.delivery import LEASE, Attempt, Counts, Delivery, Fate, Outcome, settle
from ummsg.domain.email import EmailDraft, EmailText
from ummsg.domain.suppression import Suppression
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus, BroadcastType, DeliveryStatus, EmailTarget

from .conftest import NOW, Network

EVERYONE = Audience.of([Target.everyone()])
DRAFT = BroadcastDraft(type=BroadcastType.EMAIL, audience=EVERYONE, subject="Hello", content="Good morning.")
ACCEPTED = settle(Outcome(Fate.ACCEPTED, "250 ok"), attempts=0, now=NOW)
REFUSED = settle(Outcome(Fate.REFUSED, "550 no"), attempts=0, now=NOW)


@pytest.fixture
def broadcast_id(store: Store, network: Network) -> int:
    network.customers(*(f"C{number}" for number in range(1, 8)))
    with store.begin() as tx:
        return tx.broadcasts.add(DRAFT, BroadcastStatus.FREEZING, NOW).id


@pytest.fixture
def of_events(store: Store) -> list[int]:
    """Ids of three deliveries of a system email, all due."""
    text = EmailText("Thank you", "We got it.")
    draft = EmailDraft("receipt", "payment_received", EmailTarget.CUSTOMER, "The receipt", {"en": text})
    fired = [{"slug": "payment_received", "payload": {}, "fired_at": NOW} for _ in range(3)]
    with store.begin() as tx:
        email = tx.emails.add(draft, NOW)
        events = tx.events.add(fired)
        tx.events.queue(
            [
                {
                    "event_id": event_id,
                    "email_id": email.id,
                    "email": "anna@example.com",
                    "email_key": "anna@example.com",
                    "status": DeliveryStatus.QUEUED,
                    "message_id": f"{event_id}@example.com",
                    "attempts": 0,
                    "due_at": NOW,
                    "reply": "",
                    "updated_at": NOW,
                }
                for event_id in events
            ]
        )
        return [delivery.id for event_id in events for delivery in tx.events.deliveries(event_id)]


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


def claim_one(tx: Transaction, broadcast_id: int, token: str = "mine", now: datetime = NOW) -> Delivery:
    """The next delivery, which there must be."""
    (delivery,) = tx.outbox.claim(broadcast_id, token, now)
    return delivery


def ids_of(claimed: Iterable[Delivery]) -> set[int]:
    return {delivery.id for delivery in claimed}


def statuses(store: Store, broadcast_id: int) -> dict[int, DeliveryStatus]:
    with store.read() as tx:
        return {delivery.id: delivery.status for delivery in tx.outbox.deliveries(broadcast_id)}


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

    assert [len(window) for window in claimed] == [1] * 7 + [0]
    assert len({delivery.id for (delivery,) in claimed[:-1]}) == 7
    assert counts(store, broadcast_id) == Counts(targeted=7, queued=7)


def test_only_the_claimant_records(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        delivery = claim_one(tx, broadcast_id)
        assert tx.outbox.record({delivery.id: ACCEPTED}, "not mine", NOW) == 0
        assert tx.outbox.record({delivery.id: ACCEPTED}, "mine", NOW) == 1
        assert tx.outbox.record({delivery.id: ACCEPTED}, "mine", NOW) == 0

    assert counts(store, broadcast_id) == Counts(targeted=7, sent=1, queued=6)


def test_what_is_given_back_has_no_attempt_counted(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        delivery = claim_one(tx, broadcast_id)
        tx.outbox.give_back([delivery.id], "mine", NOW)
        again = claim_one(tx, broadcast_id)

    assert (again.id, again.attempts) == (delivery.id, 0)


def test_a_deferred_delivery_waits_for_its_time(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    settled = settle(Outcome(Fate.REFUSED_FOR_NOW, "451 later"), attempts=0, now=NOW)
    assert settled.due_at is not None
    with store.begin() as tx:
        deferred = claim_one(tx, broadcast_id)
        tx.outbox.record({deferred.id: settled}, "mine", NOW)
        others = [claim_one(tx, broadcast_id) for _ in range(6)]
        assert tx.outbox.claim(broadcast_id, "mine", NOW) == []
        assert deferred.id not in ids_of(others)
        assert tx.outbox.next_due(broadcast_id) == settled.due_at
        again = claim_one(tx, broadcast_id, now=settled.due_at)

    assert (again.id, again.attempts) == (deferred.id, 1)


def test_a_claim_whose_process_died_becomes_unknown_and_is_not_sent_again(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        lost = claim_one(tx, broadcast_id, "dead")
        assert tx.outbox.expire_leases(NOW + LEASE - timedelta(seconds=1)) == 0
        assert tx.outbox.expire_leases(NOW + LEASE) == 1
        assert tx.outbox.record({lost.id: ACCEPTED}, "dead", NOW + LEASE) == 0
        rest = [claim_one(tx, broadcast_id, "alive", NOW + LEASE) for _ in range(6)]
        assert tx.outbox.claim(broadcast_id, "alive", NOW + LEASE) == []

    assert lost.id not in ids_of(rest)
    assert counts(store, broadcast_id) == Counts(targeted=7, unknown=1, queued=6)


def test_cancelling_leaves_what_is_on_the_wire(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        on_the_wire = claim_one(tx, broadcast_id)
        assert tx.outbox.cancel_open(broadcast_id, "cancelled", NOW) == 6
        assert tx.outbox.record({on_the_wire.id: ACCEPTED}, "mine", NOW) == 1

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
        claimed = claim_one(tx, broadcast_id, now=now)
        settled = settle(Outcome(fate, reply), attempts=claimed.attempts, tried_since=claimed.tried_since, now=now)
        assert tx.outbox.record({claimed.id: settled}, "mine", now) == 1
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
        delivery = claim_one(tx, broadcast_id)
        tx.outbox.record({delivery.id: REFUSED}, "not mine", NOW)

    assert history(store, delivery.id) == []


def test_a_claim_whose_process_died_is_history(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        lost = claim_one(tx, broadcast_id, "dead")
        tx.outbox.expire_leases(NOW + LEASE)

    (attempt,) = history(store, lost.id)
    assert (attempt.number, attempt.at, attempt.status) == (1, NOW + LEASE, DeliveryStatus.UNKNOWN)


def test_a_broadcast_is_finished_once_nothing_of_it_is_open(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        claim_one(tx, broadcast_id)
        tx.outbox.cancel_open(broadcast_id, "cancelled", NOW)
        assert not tx.outbox.finish(broadcast_id, NOW)
        tx.outbox.expire_leases(NOW + LEASE)
        assert tx.outbox.finish(broadcast_id, NOW)
        assert not tx.outbox.finish(broadcast_id, NOW)
        assert tx.broadcasts.get(broadcast_id).status is BroadcastStatus.FINISHED


# Windows: several deliveries at once


def test_a_window_is_never_larger_than_asked_for_nor_than_what_is_due(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        windows = [tx.outbox.claim(broadcast_id, "mine", NOW, number) for number in (0, 3, 5, 5)]

    assert [len(window) for window in windows] == [0, 3, 4, 0]
    for window in windows:
        assert all(
            (delivery.status, delivery.lease_until) == (DeliveryStatus.SENDING, NOW + LEASE) for delivery in window
        )


def test_two_who_claim_windows_never_share_a_delivery(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    taken: dict[str, list[int]] = {"one": [], "two": []}
    for token in ["one", "two"] * 3:
        with store.begin() as tx:
            taken[token] += [delivery.id for delivery in tx.outbox.claim(broadcast_id, token, NOW, 2)]

    assert [len(ids) for ids in taken.values()] == [4, 3]
    assert len({*taken["one"], *taken["two"]}) == 7


def test_a_window_takes_the_untried_before_the_deferred(store: Store, broadcast_id: int) -> None:
    """Of the deferred it takes those that have been due the longest, whatever their ids."""
    freeze(store, broadcast_id)
    refused = Outcome(Fate.REFUSED_FOR_NOW, "451 later")
    last, first = (settle(refused, attempts=0, now=NOW, chance=chance) for chance in (1.0, 0.0))
    assert first.due_at is not None
    assert last.due_at is not None
    assert first.due_at < last.due_at
    with store.begin() as tx:
        one, two = tx.outbox.claim(broadcast_id, "mine", NOW, 2)
        assert tx.outbox.record({one.id: last, two.id: first}, "mine", NOW) == 2
        untried = {delivery.id for delivery in tx.outbox.deliveries(broadcast_id, DeliveryStatus.QUEUED)}

        window = tx.outbox.claim(broadcast_id, "mine", last.due_at, 4)
        assert len(window) == 4
        assert ids_of(window) < untried
        across = tx.outbox.claim(broadcast_id, "mine", last.due_at, 2)
        assert ids_of(across) == (untried - ids_of(window)) | {two.id}
        assert ids_of(tx.outbox.claim(broadcast_id, "mine", last.due_at, 2)) == {one.id}


def test_each_of_several_results_is_recorded_as_its_own(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        sent, failed, deferred, held = tx.outbox.claim(broadcast_id, "mine", NOW, 4)
        later = settle(Outcome(Fate.REFUSED_FOR_NOW, "451 later"), attempts=0, now=NOW)
        settled = {deferred.id: later, sent.id: ACCEPTED, failed.id: REFUSED}
        assert tx.outbox.record(settled, "mine", NOW) == 3
        assert tx.outbox.claimed_by("mine") == {held.id: (0, NOW + LEASE)}

    with store.read() as tx:
        ledger = {delivery.id: delivery for delivery in tx.outbox.deliveries(broadcast_id)}
    for number, each in settled.items():
        found = ledger[number]
        assert (found.status, found.attempts, found.reply) == (each.status, each.attempts, each.reply)
        assert (found.due_at, found.tried_since, found.lease_until) == (each.due_at, each.tried_since, None)
    assert history(store, sent.id) == []
    assert history(store, failed.id) == [Attempt(1, NOW, DeliveryStatus.FAILED, "550 no")]
    assert history(store, deferred.id) == [Attempt(1, NOW, DeliveryStatus.DEFERRED, "451 later")]


def test_of_several_results_only_those_still_ours_are_recorded(store: Store, broadcast_id: int) -> None:
    """We stood still for too long: what we claimed first was called unknown, and one of it is another's by now."""
    freeze(store, broadcast_id)
    now = NOW + LEASE
    with store.begin() as tx:
        taken_over, unknown = tx.outbox.claim(broadcast_id, "slow", NOW, 2)
        ours = claim_one(tx, broadcast_id, "slow", NOW + timedelta(minutes=1))
        assert tx.outbox.expire_leases(now) == 2
        assert taken_over.customer_id is not None
        assert tx.settling.requeue(broadcast_id, DeliveryStatus.UNKNOWN, "again", now, [taken_over.customer_id]) == 1
        assert taken_over.id in ids_of(tx.outbox.claim(broadcast_id, "another", now, 7))
    before = {delivery.id: history(store, delivery.id) for delivery in (taken_over, unknown)}

    with store.begin() as tx:
        settled = {taken_over.id: REFUSED, unknown.id: REFUSED, ours.id: REFUSED}
        assert tx.outbox.record(settled, "slow", now) == 1

    assert history(store, ours.id) == [Attempt(1, now, DeliveryStatus.FAILED, "550 no")]
    assert {number: history(store, number) for number in before} == before
    found = statuses(store, broadcast_id)
    assert found[ours.id] is DeliveryStatus.FAILED
    assert found[unknown.id] is DeliveryStatus.UNKNOWN
    with store.read() as tx:
        assert tx.outbox.claimed_by("slow") == {}
        assert tx.outbox.claimed_by("another")[taken_over.id] == (1, now + LEASE)


def test_of_several_only_ours_are_given_back(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        ours = tx.outbox.claim(broadcast_id, "mine", NOW, 3)
        theirs = tx.outbox.claim(broadcast_id, "theirs", NOW, 2)
        tx.outbox.record({ours[0].id: ACCEPTED}, "mine", NOW)
        tx.outbox.give_back(ids_of(ours + theirs), "mine", NOW)
        assert tx.outbox.claimed_by("mine") == {}
        assert tx.outbox.claimed_by("theirs").keys() == ids_of(theirs)

    found = statuses(store, broadcast_id)
    assert found[ours[0].id] is DeliveryStatus.SENT
    with store.begin() as tx:
        again = tx.outbox.claim(broadcast_id, "mine", NOW, 7)
    assert ids_of(ours[1:]) < ids_of(again)
    assert {delivery.attempts for delivery in again} == {0}
    assert ids_of(again).isdisjoint({ours[0].id, *ids_of(theirs)})
    assert len(again) == 4


def test_with_nothing_to_record_or_give_back_nothing_changes(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        claim_one(tx, broadcast_id)
    before = statuses(store, broadcast_id)

    with store.begin() as tx:
        assert tx.outbox.record({}, "mine", NOW) == 0
        tx.outbox.give_back([], "mine", NOW)

    assert statuses(store, broadcast_id) == before


def test_what_a_drain_holds_is_seen_by_its_token(store: Store, broadcast_id: int, of_events: list[int]) -> None:
    """Of broadcasts and of events, each with the attempts made before and its own lease."""
    freeze(store, broadcast_id)
    deferred = record(store, broadcast_id, Fate.REFUSED_FOR_NOW, "451 later")
    later = NOW + timedelta(hours=1)
    with store.begin() as tx:
        first = tx.outbox.claim(broadcast_id, "mine", NOW, 4)
        theirs = tx.outbox.claim(broadcast_id, "theirs", NOW, 1)
        second = tx.outbox.claim(broadcast_id, "mine", later, 2)
        (of_event,) = tx.outbox.claim_of_event("mine", later)

        assert deferred in ids_of(second)
        assert tx.outbox.claimed_by("mine") == (
            {delivery.id: (0, NOW + LEASE) for delivery in first}
            | {delivery.id: (int(delivery.id == deferred), later + LEASE) for delivery in second}
            | {of_event.id: (0, later + LEASE)}
        )
        assert tx.outbox.claimed_by("theirs") == {delivery.id: (0, NOW + LEASE) for delivery in theirs}
        assert tx.outbox.claimed_by("nobody") == {}


def test_the_addresses_of_several_deliveries(store: Store, broadcast_id: int) -> None:
    freeze(store, broadcast_id)
    with store.read() as tx:
        first, _, third, *_ = tx.outbox.deliveries(broadcast_id)
        assert tx.outbox.addresses([third.id, first.id, 999]) == {
            first.id: "c1@example.com",
            third.id: "c3@example.com",
        }
        assert tx.outbox.addresses([]) == {}


def test_windows_of_events_and_of_a_broadcast_are_apart(store: Store, broadcast_id: int, of_events: list[int]) -> None:
    freeze(store, broadcast_id)
    with store.begin() as tx:
        window = tx.outbox.claim_of_event("one", NOW, 2)
        rest = tx.outbox.claim_of_event("two", NOW, 5)
        of_broadcast = tx.outbox.claim(broadcast_id, "one", NOW, 20)
        assert tx.outbox.claim_of_event("two", NOW, 5) == []

    assert (len(window), len(rest), len(of_broadcast)) == (2, 1, 7)
    assert ids_of(window) | ids_of(rest) == set(of_events)
    assert ids_of(of_broadcast).isdisjoint(of_events)
