"""After a drain that was killed, or stopped for too long: each of its claims ends where what is known puts it."""

import shutil
import tempfile
from collections import Counter
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.delivery import LEASE, Attempt, Delivery, Fate, Outcome, Settled, settle
from ummsg.services.recovery import recover
from ummsg.store.engine import Store, open_store
from ummsg.store.journal import Journal
from ummsg.store.tables import DeliveryRow, table_of
from ummsg.vocabulary import BroadcastStatus, BroadcastType, DeliveryStatus

from .conftest import NOW, Network

EVERYONE = Audience.of([Target.everyone()])
DRAFT = BroadcastDraft(type=BroadcastType.EMAIL, audience=EVERYONE, subject="Hello", content="Good morning.")
GONE = "the process that was sending it did not come back"
RECIPIENTS = 6


@dataclass
class Ledger:
    """Broadcast 1, to six recipients, and what drains do to it."""

    store: Store

    def claim(self, number: int, token: str = "mine") -> list[int]:
        with self.store.begin() as tx:
            return [delivery.id for delivery in tx.outbox.claim(1, token, NOW, number)]

    def record(self, results: dict[int, Settled], token: str = "mine") -> int:
        with self.store.begin() as tx:
            return tx.outbox.record(results, token, NOW)

    def of(self, number: int) -> Delivery:
        with self.store.read() as tx:
            return next(delivery for delivery in tx.outbox.deliveries(1) if delivery.id == number)

    def history(self, number: int) -> list[Attempt]:
        with self.store.read() as tx:
            return tx.attempts.of(number)

    def everything(self) -> list[tuple[Delivery, list[Attempt]]]:
        with self.store.read() as tx:
            return [(delivery, tx.attempts.of(delivery.id)) for delivery in list(tx.outbox.deliveries(1))]

    def counted(self) -> dict[str, int]:
        """How many are where, but for none; they balance."""
        with self.store.read() as tx:
            counts, targeted = tx.outbox.counts(1), tx.broadcasts.get(1).targeted
        first, *others = astuple(counts)
        assert first == targeted == sum(others) == RECIPIENTS
        statuses = Counter(delivery.status.value for delivery, _ in self.everything())
        return dict(statuses)


@pytest.fixture
def ledger(store: Store, network: Network) -> Ledger:
    network.customers(*(f"C{number}" for number in range(RECIPIENTS)))
    with store.begin() as tx:
        tx.broadcasts.add(DRAFT, BroadcastStatus.FREEZING, NOW)
        tx.outbox.freeze_chunk(1, EVERYONE, "example.com", NOW)
        tx.outbox.finish_freezing(1, NOW)
    return Ledger(store)


@pytest.fixture
def journal(ledger: Ledger) -> Journal:
    return Journal(ledger.store.path, "mine")


def die(journal: Journal) -> None:
    journal.close(keep=True)  # death does the same: the file stays, the lock goes


def result(fate: Fate = Fate.ACCEPTED, attempts: int = 0) -> Settled:
    return settle(Outcome(fate, f"the server's words: {fate}"), attempts=attempts, now=NOW)


def test_what_a_dead_drain_had_not_begun_is_queued_again(ledger: Ledger, journal: Journal) -> None:
    claimed = ledger.claim(2)
    die(journal)

    assert recover(ledger.store, NOW) == 0

    assert ledger.counted() == {"queued": 6}
    assert [ledger.of(number).attempts for number in claimed] == [0, 0]
    assert set(claimed) <= set(ledger.claim(6, "another"))


@pytest.mark.parametrize("fate", Fate)
def test_what_a_dead_drain_had_settled_is_recorded_as_it_said(ledger: Ledger, journal: Journal, fate: Fate) -> None:
    (number,) = ledger.claim(1)
    settled = result(fate)
    journal.write({}, [number])
    journal.write({number: settled}, [])
    die(journal)

    assert recover(ledger.store, NOW) == (fate is Fate.IN_DOUBT)

    found = ledger.of(number)
    assert Settled(found.status, found.attempts, found.due_at, found.reply, found.tried_since) == settled
    attempt = Attempt(1, NOW, settled.status, settled.reply)
    assert ledger.history(number) == ([attempt] if settled.is_history else [])
    assert ledger.counted() == {settled.status.value: 1, "queued": 5}


def test_what_a_dead_drain_had_begun_and_not_settled_is_unknown(ledger: Ledger, journal: Journal) -> None:
    begun = ledger.claim(2)
    for number in begun:
        journal.write({}, [number])
    die(journal)

    assert recover(ledger.store, NOW) == 2

    assert ledger.counted() == {"unknown": 2, "queued": 4}
    for number in begun:
        assert ledger.history(number) == [Attempt(1, NOW, DeliveryStatus.UNKNOWN, GONE)]
        assert (ledger.of(number).attempts, ledger.of(number).reply) == (1, GONE)


def test_a_journal_that_was_settled_is_gone_and_settling_again_changes_nothing(
    ledger: Ledger, journal: Journal
) -> None:
    begun, settled, _ = ledger.claim(3)
    journal.write({}, [begun])
    journal.write({}, [settled])
    journal.write({settled: result(Fate.REFUSED)}, [])
    content = journal.path.read_bytes()
    die(journal)

    assert recover(ledger.store, NOW) == 1
    assert not journal.path.exists()
    after = ledger.everything()
    journal.path.write_bytes(content)  # as if it had died before it took the file away

    assert recover(ledger.store, NOW + LEASE) == 0
    assert ledger.everything() == after
    assert ledger.counted() == {"unknown": 1, "failed": 1, "queued": 4}


def test_what_is_in_the_ledger_already_is_not_settled_again(ledger: Ledger, journal: Journal) -> None:
    recorded, begun = ledger.claim(2)
    journal.write({}, [recorded])
    journal.write({recorded: result(Fate.IN_DOUBT)}, [])
    ledger.record({recorded: result(Fate.IN_DOUBT)})
    journal.write({}, [begun])
    die(journal)

    assert recover(ledger.store, NOW) == 1

    assert len(ledger.history(recorded)) == 1
    assert ledger.counted() == {"unknown": 2, "queued": 4}


def test_after_another_boot_only_what_is_written_is_known(
    ledger: Ledger, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled, begun, _ = ledger.claim(3)
    journal.write({}, [settled])
    journal.write({settled: result()}, [])
    journal.write({}, [begun])
    die(journal)
    monkeypatch.setattr("ummsg.store.journal._boot", lambda: "another")

    assert recover(ledger.store, NOW) == 2

    assert ledger.of(settled).status is DeliveryStatus.SENT
    assert ledger.counted() == {"sent": 1, "unknown": 2, "queued": 3}


def test_a_drain_at_work_is_left_alone(ledger: Ledger, journal: Journal) -> None:
    begun, claimed = ledger.claim(2)
    journal.write({}, [begun])
    before = ledger.everything()

    assert recover(ledger.store, NOW) == 0

    assert ledger.everything() == before
    assert journal.write({}, [claimed])
    assert ledger.record({begun: result(), claimed: result()}) == 2
    assert ledger.counted() == {"sent": 2, "queued": 4}
    journal.close(keep=False)


def test_a_drain_that_holds_nothing_is_left_alone_however_long_it_runs(ledger: Ledger, journal: Journal) -> None:
    (number,) = ledger.claim(1)
    journal.write({}, [number])
    journal.write({number: result()}, [])
    ledger.record({number: result()})

    assert recover(ledger.store, NOW + LEASE) == 0

    assert journal.path.exists()
    assert journal.write({}, [2])
    journal.close(keep=False)


def test_a_drain_that_was_stopped_for_too_long_loses_its_claims_and_finds_that_out(
    ledger: Ledger, journal: Journal
) -> None:
    begun, settled, waiting = ledger.claim(3)
    journal.write({}, [begun])
    journal.write({}, [settled])
    journal.write({settled: result()}, [])

    assert recover(ledger.store, NOW + LEASE) == 1

    after = ledger.everything()
    assert [ledger.of(number).status for number in (begun, settled, waiting)] == [
        DeliveryStatus.UNKNOWN,
        DeliveryStatus.SENT,
        DeliveryStatus.QUEUED,
    ]
    assert ledger.counted() == {"unknown": 1, "sent": 1, "queued": 4}
    assert not journal.write({}, [waiting])
    assert ledger.record({number: result(Fate.REFUSED) for number in (begun, settled, waiting)}) == 0
    assert ledger.everything() == after
    assert journal.path.exists()
    journal.close(keep=False)


def test_a_fenced_drains_journal_goes_once_it_is_dead(ledger: Ledger, journal: Journal) -> None:
    (number,) = ledger.claim(1)
    journal.write({}, [number])
    assert recover(ledger.store, NOW + LEASE) == 1
    after = ledger.everything()
    die(journal)

    assert recover(ledger.store, NOW + LEASE) == 0

    assert not journal.path.exists()
    assert ledger.everything() == after


def test_claims_without_a_journal_are_unknown_once_their_lease_is_over(ledger: Ledger) -> None:
    ledger.claim(2)

    assert recover(ledger.store, NOW) == 0
    assert ledger.counted() == {"sending": 2, "queued": 4}

    assert recover(ledger.store, NOW + LEASE) == 2
    assert ledger.counted() == {"unknown": 2, "queued": 4}


def test_each_drain_is_settled_by_its_own_journal(ledger: Ledger, journal: Journal) -> None:
    alive, dead = ledger.claim(2), ledger.claim(2, "dead")
    other = Journal(ledger.store.path, "dead")
    for number in alive:
        journal.write({}, [number])
    other.write({}, [dead[0]])
    die(other)

    assert recover(ledger.store, NOW) == 1

    assert ledger.of(dead[0]).status is DeliveryStatus.UNKNOWN
    assert ledger.record(dict.fromkeys(alive, result())) == 2
    assert ledger.counted() == {"sent": 2, "unknown": 1, "queued": 3}
    journal.close(keep=False)


@pytest.mark.parametrize("status", [BroadcastStatus.PAUSED, BroadcastStatus.CANCELLED])
def test_a_broadcast_that_was_stopped_meanwhile_is_settled_too(
    ledger: Ledger, journal: Journal, status: BroadcastStatus
) -> None:
    (number,) = ledger.claim(1)
    journal.write({}, [number])
    with ledger.store.begin() as tx:
        tx.broadcasts.set_status(1, status, NOW, "")
    die(journal)

    assert recover(ledger.store, NOW) == 1
    assert ledger.of(number).status is DeliveryStatus.UNKNOWN


def test_what_a_dead_drain_had_not_begun_of_a_cancelled_broadcast_is_cancelled(
    ledger: Ledger, journal: Journal
) -> None:
    ledger.claim(2)
    with ledger.store.begin() as tx:
        tx.broadcasts.set_status(1, BroadcastStatus.CANCELLED, NOW, "cancelled by an admin")
        tx.outbox.cancel_open(1, "cancelled by an admin", NOW)
    die(journal)

    assert recover(ledger.store, NOW) == 0
    assert ledger.counted() == {"cancelled": 6}


def test_system_emails_are_settled_too(ledger: Ledger, journal: Journal) -> None:
    rows = [
        {
            "email": f"{name}@example.com",
            "email_key": f"{name}@example.com",
            "status": DeliveryStatus.QUEUED,
            "message_id": f"{name}@example.com",
            "reply": "",
            "attempts": 0,
            "due_at": NOW,
            "updated_at": NOW,
        }
        for name in ("begun", "settled", "waiting")
    ]
    with ledger.store.begin() as tx:
        tx.session.connection().execute(insert(table_of(DeliveryRow)), rows)
        begun, settled, waiting = (one.id for one in tx.outbox.claim_of_event("mine", NOW, 3))
    journal.write({}, [begun])
    journal.write({}, [settled])
    journal.write({settled: result(Fate.REFUSED_FOR_NOW)}, [])
    die(journal)

    assert recover(ledger.store, NOW) == 1

    with ledger.store.read() as tx:
        found = {delivery.id: delivery.status for delivery in tx.outbox.deliveries()}
    assert (found[settled], found[waiting]) == (DeliveryStatus.DEFERRED, DeliveryStatus.QUEUED)
    assert begun not in found  # no longer open
    assert [attempt.status for attempt in ledger.history(begun)] == [DeliveryStatus.UNKNOWN]


def claimed_again(ledger: Ledger, journal: Journal) -> int:
    """A delivery that a drain deferred, recorded and, when it was due, claimed once more."""
    (number,) = ledger.claim(1)
    deferred = result(Fate.REFUSED_FOR_NOW)
    assert deferred.due_at is not None
    journal.write({}, [number])
    journal.write({number: deferred}, [])
    ledger.record({number: deferred})
    with ledger.store.begin() as tx:
        claimed = tx.outbox.claim(1, "mine", deferred.due_at, RECIPIENTS)
    assert number in [delivery.id for delivery in claimed]
    return number


def test_what_was_begun_once_more_is_unknown_whatever_came_of_it_before(ledger: Ledger, journal: Journal) -> None:
    number = claimed_again(ledger, journal)
    journal.write({}, [number])
    die(journal)

    assert recover(ledger.store, NOW) == 1

    assert ledger.of(number).status is DeliveryStatus.UNKNOWN
    assert [attempt.number for attempt in ledger.history(number)] == [1, 2]


def test_what_was_claimed_once_more_and_not_begun_has_no_second_attempt(ledger: Ledger, journal: Journal) -> None:
    number = claimed_again(ledger, journal)
    die(journal)

    assert recover(ledger.store, NOW) == 0

    assert [attempt.number for attempt in ledger.history(number)] == [1]


STEPS = st.lists(st.integers(min_value=1, max_value=RECIPIENTS - 1), max_size=12)
"""The first time that a number comes, it is begun; the second time, settled."""


@pytest.fixture
def template(ledger: Ledger) -> Path:
    """A database in which five of six deliveries are claimed."""
    assert ledger.claim(RECIPIENTS - 1) == list(range(1, RECIPIENTS))
    ledger.store.close()
    return ledger.store.path


def test_however_much_of_a_journal_is_left_each_claim_ends_where_it_says(template: Path) -> None:
    @settings(max_examples=60, deadline=None)
    @given(steps=STEPS, fate=st.sampled_from(Fate), data=st.data())
    def check(steps: list[int], fate: Fate, data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(template, Path(folder) / "ummsg.db")
            ledger = Ledger(open_store(f"sqlite:///{folder}/ummsg.db"))
            journal = Journal(ledger.store.path, "mine")
            written = [(journal.path.stat().st_size, 0, DeliveryStatus.QUEUED)]
            times = Counter[int]()
            for number in steps:
                times[number] += 1
                if times[number] == 1:
                    assert journal.write({}, [number])
                elif times[number] == 2:
                    journal.write({number: result(fate)}, [])
                status = DeliveryStatus.UNKNOWN if times[number] == 1 else result(fate).status
                written.append((journal.path.stat().st_size, number, status))
            die(journal)
            cut = data.draw(st.integers(0, written[-1][0]), label="cut")
            with journal.path.open("r+b") as file:
                file.truncate(cut)
            whole = {number: status for size, number, status in written if size <= cut}
            named = cut >= written[0][0] - 1  # the boot's name is whole, if not its line
            otherwise = DeliveryStatus.QUEUED if named else DeliveryStatus.UNKNOWN
            expected = {number: whole.get(number, otherwise) for number in range(1, RECIPIENTS)}

            unknown = recover(ledger.store, NOW)

            found = {delivery.id: delivery.status for delivery, _ in ledger.everything()}
            assert found == expected | {RECIPIENTS: DeliveryStatus.QUEUED}
            assert unknown == list(expected.values()).count(DeliveryStatus.UNKNOWN)
            assert sum(ledger.counted().values()) == RECIPIENTS
            ledger.store.close()

    check()
