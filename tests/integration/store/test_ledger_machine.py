"""The ledger as a machine: whatever drains and admins do to it, in whatever order, its rules hold after each step."""

import shutil
import tempfile
from collections.abc import Set
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.delivery import LEASE, TRANSITIONS, Attempt, Delivery, Fate, Outcome, Settled, settle
from ummsg.store.engine import Store, open_store
from ummsg.vocabulary import OPEN_STATUSES, BroadcastStatus, BroadcastType, DeliveryStatus

from .conftest import NOW, Network

EVERYONE = Audience.of([Target.everyone()])
DRAFT = BroadcastDraft(type=BroadcastType.EMAIL, audience=EVERYONE, subject="Hello", content="Good morning.")
TOKENS = st.sampled_from(["one", "two"])
CUSTOMERS = st.lists(st.integers(min_value=1, max_value=4), max_size=3)


@pytest.fixture
def frozen(store: Store, network: Network) -> Path:
    """A database with broadcast 1, frozen for four customers."""
    network.customers("A", "B", "C", "D")
    with store.begin() as tx:
        tx.broadcasts.add(DRAFT, BroadcastStatus.FREEZING, NOW)
        tx.outbox.freeze_chunk(1, EVERYONE, "example.com", NOW)
        tx.outbox.finish_freezing(1, NOW)
    store.close()
    return store.path


class Ledger(RuleBasedStateMachine):
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "ummsg.db"
        shutil.copy(self.template, path)
        self.store = open_store(f"sqlite:///{path}")
        self.now: datetime = NOW
        self.held: list[tuple[str, list[Delivery]]] = []
        """Windows that were claimed, with their tokens, and what of each is not settled yet."""
        self.before = self.look()

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def look(self) -> dict[int, tuple[Delivery, list[Attempt]]]:
        with self.store.read() as tx:
            return {d.id: (d, tx.attempts.of(d.id)) for d in list(tx.outbox.deliveries(1))}

    def due(self, status: DeliveryStatus) -> set[int]:
        """What could be claimed now, of the untried or of the deferred."""
        return {
            number
            for number, (delivery, _) in self.before.items()
            if delivery.status is status and delivery.due_at is not None and delivery.due_at <= self.now
        }

    def some_window(self, data: st.DataObject) -> tuple[str, list[Delivery]]:
        return self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))

    def untouched(self, ids: Set[int]) -> None:
        """What is not ours any more stays as the last step left it, its history too."""
        now = self.look()
        assert {number: now[number] for number in ids} == {number: self.before[number] for number in ids}

    @rule(token=TOKENS, number=st.integers(min_value=1, max_value=3))
    def claim(self, token: str, number: int) -> None:
        """As many as are due, up to what is asked for; a deferred one only when no untried one is left."""
        untried, deferred = self.due(DeliveryStatus.QUEUED), self.due(DeliveryStatus.DEFERRED)
        with self.store.begin() as tx:
            window = tx.outbox.claim(1, token, self.now, number)
            held = tx.outbox.claimed_by(token)
        ids = {delivery.id for delivery in window}
        assert len(window) == len(ids) == min(number, len(untried | deferred))
        assert ids <= untried | deferred
        assert ids <= untried or untried <= ids
        assert ids <= held.keys()
        if window:
            self.held.append((token, window))

    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        """Some of a window, perhaps long after the claim ran out."""
        if not self.held:
            return
        token, window = self.some_window(data)
        fates = data.draw(st.lists(st.sampled_from(Fate), min_size=1, max_size=len(window)))
        done, rest = window[: len(fates)], window[len(fates) :]
        if rest:
            self.held.append((token, rest))
        settled = {delivery.id: self.settle(delivery, fate) for delivery, fate in zip(done, fates, strict=True)}
        with self.store.begin() as tx:
            ours = settled.keys() & tx.outbox.claimed_by(token).keys()
            assert tx.outbox.record(settled, token, self.now) == len(ours)
            assert ours.isdisjoint(tx.outbox.claimed_by(token))
        self.untouched(settled.keys() - ours)

    def settle(self, delivery: Delivery, fate: Fate) -> Settled:
        return settle(
            Outcome(fate, "words"),
            attempts=delivery.attempts,
            now=self.now,
            attempts_before=delivery.attempts_before,
            tried_since=delivery.tried_since,
        )

    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """All that is left of a window, perhaps long after the claim ran out."""
        if not self.held:
            return
        token, window = self.some_window(data)
        ids = {delivery.id for delivery in window}
        with self.store.begin() as tx:
            ours = ids & tx.outbox.claimed_by(token).keys()
            tx.outbox.give_back(ids, token, self.now)
            assert ours.isdisjoint(tx.outbox.claimed_by(token))
        self.untouched(ids - ours)

    @rule(wait=st.sampled_from([timedelta(minutes=7), LEASE, timedelta(hours=8)]))
    def time_passes(self, wait: timedelta) -> None:
        self.now += wait
        with self.store.begin() as tx:
            tx.outbox.expire_leases(self.now)

    @rule(customers=CUSTOMERS, was=st.sampled_from([DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN]))
    def requeue(self, customers: list[int], was: DeliveryStatus) -> None:
        with self.store.begin() as tx:
            foreseen = tx.settling.requeueable(1, was, customers)
            assert tx.settling.requeue(1, was, "again", self.now, customers) == foreseen.number
            tx.broadcasts.reopen(1, self.now)

    @rule(customers=CUSTOMERS, to=st.sampled_from([DeliveryStatus.SENT, DeliveryStatus.FAILED]))
    def resolve(self, customers: list[int], to: DeliveryStatus) -> None:
        with self.store.begin() as tx:
            tx.settling.resolve(1, to, "resolved", self.now, customers)

    @rule(customer=st.integers(min_value=1, max_value=4))
    def cancel(self, customer: int) -> None:
        with self.store.begin() as tx:
            tx.outbox.cancel_for_customer(customer, "cancelled", self.now)

    @rule()
    def finish(self) -> None:
        with self.store.begin() as tx:
            tx.outbox.finish(1, self.now)

    @invariant()
    def each_recipient_is_in_one_state_and_got_there_by_an_allowed_way(self) -> None:
        after = self.look()
        assert after.keys() == self.before.keys()
        for number, (delivery, history) in after.items():
            was, history_before = self.before[number]
            assert delivery.status is was.status or delivery.status in TRANSITIONS[was.status]
            assert delivery.message_id == was.message_id
            assert delivery.attempts >= was.attempts
            assert history[: len(history_before)] == history_before
            waits = delivery.status in (DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED)
            assert not waits or delivery.due_at is not None
            said_elsewhere = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN, DeliveryStatus.DEFERRED)
            assert delivery.status not in said_elsewhere or history[-1].status is delivery.status
        self.before = after

    @invariant()
    def the_counts_balance_and_only_what_is_done_is_finished(self) -> None:
        with self.store.read() as tx:
            counts, status = tx.outbox.counts(1), tx.broadcasts.get(1).status
        assert counts.targeted == 4
        is_open = any(delivery.status in OPEN_STATUSES for delivery, _ in self.before.values())
        assert not (is_open and status is BroadcastStatus.FINISHED)


@pytest.fixture
def machine(frozen: Path) -> type[Ledger]:
    return type("FrozenLedger", (Ledger,), {"template": frozen})


def test_the_ledgers_rules_hold_whatever_is_done_to_it(machine: type[Ledger]) -> None:
    checks = [HealthCheck.too_slow]
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=checks)
    )
