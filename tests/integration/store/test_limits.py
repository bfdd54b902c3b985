"""Limits in the database: what is counted, what waits in line, and that claims hold them whatever processes do."""

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.delivery import LEASE, Delivery, Fate, Outcome, settle
from ummsg.domain.limits import ALL_MAIL, Limits, domain_of, parse_domain_limits, parse_rates
from ummsg.services import throttle
from ummsg.services.gate import Gate, Reached
from ummsg.services.recovery import recover
from ummsg.services.throttle import Throttle, Wait, book, take_up
from ummsg.store.engine import Store, open_store
from ummsg.vocabulary import BroadcastStatus, BroadcastType

from .conftest import NOW, Network

EVERYONE = Audience.of([Target.everyone()])
DRAFT = BroadcastDraft(type=BroadcastType.EMAIL, audience=EVERYONE, subject="Hello", content="Good morning.")
GMAIL = [f"g{number}@gmail.com" for number in range(8)]
OTHERS = [f"c{number}@example.com" for number in range(8)]
HOUR = timedelta(hours=1)


@pytest.fixture
def frozen(store: Store, network: Network) -> Store:
    """Broadcast 1, to eight customers at gmail.com and then to eight others."""
    _write_down(store, network, GMAIL + OTHERS)
    return store


def _write_down(store: Store, network: Network, addresses: list[str]) -> None:
    network.addresses(*addresses)
    with store.begin() as tx:
        tx.broadcasts.add(DRAFT, BroadcastStatus.FREEZING, NOW)
        tx.outbox.freeze_chunk(1, EVERYONE, "example.com", NOW)
        tx.outbox.finish_freezing(1, NOW)


class Process:
    """One drain's part in it: claims through its limits, and settles."""

    def __init__(self, store: Store, rates: str = "", domains: str = "", *, token: str = "mine") -> None:
        of_domains = parse_domain_limits(domains) if domains else {}
        self.limits = Limits(parse_rates(rates) if rates else (), of_domains)
        self.store = store
        self.token = token
        self.throttle = Throttle(self.limits, token)
        take_up(store, self.limits, NOW)
        self.gate: Gate
        self.held_back = False
        """Whether the last claim found something that a limit keeps back."""
        self.wait = Wait()

    def claim(self, number: int = 20, now: datetime = NOW) -> list[Delivery]:
        with self.store.begin() as tx:
            self.gate = self.throttle.gate(tx, now)
            claimed = self.gate.claim(1, self.token, now, number)
            self.held_back = not claimed and self.gate.holds_back(1)
            self.wait = self.throttle.wait(self.gate)
        return claimed

    def settle(self, claimed: list[Delivery], now: datetime = NOW) -> None:
        results = {
            delivery.id: settle(Outcome(Fate.ACCEPTED), attempts=delivery.attempts, now=now) for delivery in claimed
        }
        with self.store.begin() as tx:
            tx.outbox.record(results, self.token, now)
            book(tx, results, now)


def addresses(claimed: list[Delivery]) -> list[str]:
    return [delivery.email for delivery in claimed]


def booked(store: Store) -> dict[tuple[str, int], int]:
    with store.read() as tx:
        found: dict[tuple[str, int], int] = {}
        for use in tx.limits.booked():
            key = (use.scope, use.seconds)
            found[key] = found.get(key, 0) + use.number
        return found


class TestOfAllMail:
    def test_what_is_on_the_way_counts_and_so_does_what_was_sent(self, frozen: Store) -> None:
        process = Process(frozen, "5/h")
        first = process.claim(3)
        assert len(process.claim()) == 2
        assert process.claim() == []
        process.settle(first)
        assert process.claim() == []
        later = NOW + HOUR + HOUR / 100
        assert len(process.claim(now=later)) == 3

    def test_another_process_counts(self, frozen: Store) -> None:
        one, other = Process(frozen, "5/h"), Process(frozen, "5/h", token="other")
        one.settle(one.claim(2))
        assert len(other.claim()) == 3
        assert one.claim() == []

    def test_what_was_not_begun_leaves_its_room(self, frozen: Store) -> None:
        process = Process(frozen, "5/h")
        claimed = process.claim()
        with frozen.begin() as tx:
            tx.outbox.give_back([delivery.id for delivery in claimed[:2]], process.token, NOW)
        assert len(process.claim()) == 2

    def test_the_tightest_of_several_holds(self, frozen: Store) -> None:
        process = Process(frozen, "4/h,3/d")
        assert len(process.claim()) == 3

    def test_what_drains_without_the_limit_have_on_the_way_counts(self, frozen: Store) -> None:
        with frozen.begin() as tx:
            tx.outbox.claim(1, "without", NOW, 4)
        assert len(Process(frozen, "5/h").claim()) == 1

    def test_a_message_that_could_not_be_made_does_not_count(self, frozen: Store) -> None:
        process = Process(frozen, "5/h")
        claimed = process.claim(1)
        failed = {claimed[0].id: settle(Outcome(Fate.ACCEPTED), attempts=-1, now=NOW)}
        with frozen.begin() as tx:
            book(tx, failed, NOW)
        assert booked(frozen) == {}


class TestAfterADeath:
    def test_claims_count_until_they_are_recovered_and_what_may_have_gone_out_afterwards(self, frozen: Store) -> None:
        process, other = Process(frozen, "5/h", token="dead"), Process(frozen, "5/h")
        process.claim(3)
        assert len(other.claim(1)) == 1
        late = NOW + LEASE
        recover(frozen, late)
        assert booked(frozen) == {(ALL_MAIL, 3600): 4}
        assert len(other.claim(now=late)) == 1

    def test_recovery_books_for_limits_that_its_own_settings_do_not_name(self, frozen: Store) -> None:
        Process(frozen, "5/h", "gmail.com=2/d").claim(3)
        recover(frozen, NOW + LEASE)
        assert booked(frozen) == {(ALL_MAIL, 3600): 3, ("gmail.com", 86_400): 2}


class TestTheClock:
    def test_set_back_it_unlocks_nothing_and_locks_for_no_longer_than_the_span(self, frozen: Store) -> None:
        process = Process(frozen, "5/h")
        future = NOW + timedelta(days=3000)
        process.settle(process.claim(now=future), future)
        assert process.claim(now=NOW) == []
        assert process.claim(now=NOW + HOUR - timedelta(seconds=1)) == []
        assert len(process.claim(now=NOW + HOUR + HOUR / 100)) == 5

    def test_a_booking_at_the_end_of_its_part_is_none_of_the_future(self, frozen: Store) -> None:
        process = Process(frozen, "5/h,9/d")
        process.settle(process.claim(2))
        with frozen.read() as tx:
            before = tx.limits.booked()
        process.claim(1)
        with frozen.read() as tx:
            assert tx.limits.booked() == before

    def test_what_is_over_is_forgotten(self, frozen: Store) -> None:
        process = Process(frozen, "5/h")
        for hour in range(3):
            now = NOW + hour * HOUR * 1.01
            process.settle(process.claim(now=now), now)
        with frozen.read() as tx:
            assert [use.number for use in tx.limits.booked()] == [5]


class TestWaiting:
    def test_it_is_said_which_limit_ends_it_and_when_there_is_room(self, frozen: Store) -> None:
        process = Process(frozen, "50/s,5/h,9/d")
        process.settle(process.claim(5))
        process.claim()
        assert process.wait == Wait(reached=Reached("5/h", NOW + HOUR))

    def test_a_domain_that_will_have_room_soon_is_waited_for(self, frozen: Store) -> None:
        process = Process(frozen, domains="gmail.com=2/m,example.com=1/h")
        process.settle(process.claim(16))
        process.claim()
        assert process.held_back
        assert process.wait == Wait(0.5, limit="gmail.com=2/m")

    def test_domains_that_will_not_end_it(self, frozen: Store) -> None:
        process = Process(frozen, domains="gmail.com=2/d,example.com=1/h")
        process.settle(process.claim(16))
        process.claim()
        assert process.wait == Wait(reached=Reached("example.com=1/h", NOW + HOUR))

    def test_there_is_no_wait_while_other_domains_have_something(self, frozen: Store) -> None:
        process = Process(frozen, domains="gmail.com=2/h")
        assert addresses(process.claim(4)) == [*GMAIL[:2], *OTHERS[:2]]
        assert process.wait == Wait(0)

    @pytest.mark.parametrize(("rates", "domains"), [("2/h", ""), ("", "gmail.com=2/h,example.com=2/h")])
    def test_there_is_one_when_everything_is_given(self, frozen: Store, rates: str, domains: str) -> None:
        process = Process(frozen, rates, domains)
        assert process.claim()
        assert process.wait == Wait(throttle.SHORTEST_WAIT)

    def test_nothing_is_waited_for_when_nothing_is_left(self, frozen: Store) -> None:
        process = Process(frozen, "16/h")
        process.settle(process.claim())
        process.claim()
        assert not process.held_back
        assert process.wait == Wait()

    def test_what_others_hold_is_waited_for_and_not_for_ever(
        self, frozen: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        minutes = [0.0]
        monkeypatch.setattr(throttle.time, "monotonic", lambda: minutes[0] * 60)
        other, process = Process(frozen, "5/h", token="other"), Process(frozen, "5/h")
        other.claim()
        for minutes[0] in (0, 1):
            process.claim()
            assert process.wait.reached is None
        minutes[0] = 2
        process.claim()
        assert process.wait == Wait(reached=Reached("5/h", None))


class TestOfADomain:
    def test_one_without_room_stops_no_other(self, frozen: Store) -> None:
        process = Process(frozen, domains="gmail.com=2/h")
        assert addresses(process.claim(6)) == [*GMAIL[:2], *OTHERS[:4]]
        assert process.gate.put_in_line == 6
        assert addresses(process.claim()) == OTHERS[4:]
        assert process.gate.put_in_line == 0

    def test_what_waits_in_line_comes_first_when_there_is_room_and_in_its_order(self, frozen: Store) -> None:
        process = Process(frozen, domains="gmail.com=2/h")
        process.settle(process.claim(16))
        later = NOW + HOUR * 1.01
        assert addresses(process.claim(now=later)) == GMAIL[2:4]
        assert process.claim(now=later) == []
        assert process.held_back

    def test_a_limit_of_all_mail_holds_besides(self, frozen: Store) -> None:
        process = Process(frozen, "3/h", "gmail.com=2/h")
        assert addresses(process.claim()) == [*GMAIL[:2], OTHERS[0]]
        assert process.claim() == []

    def test_one_that_has_no_limit_any_more_waits_no_longer(self, frozen: Store) -> None:
        before = Process(frozen, domains="gmail.com=2/h,outlook.com=1/h")
        before.settle(before.claim(16))
        assert addresses(Process(frozen, "50/h", "outlook.com=1/h").claim()) == GMAIL[2:]

    def test_one_that_still_has_a_limit_waits_on(self, frozen: Store) -> None:
        process = Process(frozen, domains="gmail.com=2/h")
        process.settle(process.claim(16))
        assert Process(frozen, domains="gmail.com=2/h,outlook.com=1/h").claim() == []

    def test_a_higher_limit_holds_at_once_for_what_waits(self, frozen: Store) -> None:
        before = Process(frozen, domains="gmail.com=2/h")
        before.settle(before.claim(16))
        assert addresses(Process(frozen, domains="gmail.com=5/h").claim()) == GMAIL[2:5]

    def test_what_waits_is_counted_as_queued_and_can_be_cancelled(self, frozen: Store) -> None:
        process = Process(frozen, domains="gmail.com=2/h")
        process.settle(process.claim(16))
        with frozen.begin() as tx:
            assert tx.outbox.counts(1).queued == 6
            assert tx.outbox.cancel_open(1, "cancelled", NOW) == 6
        assert process.claim(now=NOW + HOUR * 1.01) == []
        assert not process.held_back

    def test_the_line_is_found_by_its_index(self, frozen: Store) -> None:
        with frozen.begin() as tx:
            seen: list[str] = []
            connection = tx.session.connection().connection.driver_connection
            assert connection is not None
            connection.set_trace_callback(seen.append)
            tx.limits.in_line(1, "gmail.com", 3)
            tx.limits.let_go(["gmail.com"], NOW, 10)
            connection.set_trace_callback(None)
            plans = [tx.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {one}").all() for one in seen]
        assert len(plans) == 2
        assert all("ix_deliveries_waiting" in str(plan) for plan in plans), plans


class Drains(RuleBasedStateMachine):
    """Drains under limits that claim, hand over, settle, die and are recovered, on one database."""

    template: Path
    rates, domains = "4/h,7/d", "gmail.com=2/h"

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "ummsg.db"
        shutil.copy(self.template, path)
        self.store = open_store(f"sqlite:///{path}")
        self.now: datetime = NOW
        self.processes = [Process(self.store, self.rates, self.domains, token=token) for token in ("one", "other")]
        self.held: dict[str, list[Delivery]] = {"one": [], "other": []}
        self.gone: set[int] = set()
        self.handed_over: list[tuple[datetime, str]] = []

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(which=st.sampled_from([0, 1]), number=st.integers(1, 6))
    def claim(self, which: int, number: int) -> None:
        process = self.processes[which]
        self.held[process.token] += process.claim(number, self.now)

    @rule(which=st.sampled_from([0, 1]), number=st.integers(1, 6))
    def hand_over(self, which: int, number: int) -> None:
        mine = self.held[self.processes[which].token]
        for delivery in [one for one in mine if one.id not in self.gone][:number]:
            if delivery.lease_until is not None and self.now < delivery.lease_until:
                self.gone.add(delivery.id)
                self.handed_over.append((self.now, domain_of(delivery.email)))

    @rule(which=st.sampled_from([0, 1]))
    def settle(self, which: int) -> None:
        process = self.processes[which]
        mine, self.held[process.token] = self.held[process.token], []
        process.settle([one for one in mine if one.id in self.gone], self.now)
        with self.store.begin() as tx:
            tx.outbox.give_back([one.id for one in mine if one.id not in self.gone], process.token, self.now)

    @rule(which=st.sampled_from([0, 1]))
    def die(self, which: int) -> None:
        self.held[self.processes[which].token] = []

    @rule()
    def recover(self) -> None:
        recover(self.store, self.now)

    @rule(seconds=st.sampled_from([1, 600, 1800, 3590, 3610]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def every_span_holds(self) -> None:
        for rates, of in ((self.rates, None), ("2/h", "gmail.com")):
            times = [at for at, domain in self.handed_over if of in (None, domain)]
            for limit in parse_rates(rates):
                assert all(sum(begin <= at < begin + limit.span for at in times) <= limit.number for begin in times)

    @invariant()
    def nothing_is_lost(self) -> None:
        with self.store.read() as tx:
            counts = tx.outbox.counts(1)
        assert counts.targeted == 16
        assert counts.sent + counts.unknown + counts.queued == 16


def test_whatever_drains_do_the_limits_hold(frozen: Store) -> None:
    frozen.close()
    Drains.template = frozen.path
    quick = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Drains, settings=quick)  # type: ignore[no-untyped-call]


def test_the_line_is_not_looked_through_again_and_again(store: Store, network: Network) -> None:
    """Each delivery to a domain without room is come upon once, however often it is claimed."""
    _write_down(store, network, [f"g{number}@gmail.com" for number in range(1200)] + OTHERS)
    process = Process(store, domains="gmail.com=1/d")
    found: list[str] = []
    put_in_line = 0
    for _ in range(10):
        found += addresses(process.claim(20))
        put_in_line += process.gate.put_in_line
    assert found == ["g0@gmail.com", *OTHERS]
    assert put_in_line == 1199
