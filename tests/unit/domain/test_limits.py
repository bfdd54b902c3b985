"""Rate limits: how they are written, and that they hold whatever processes do."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.limits import (
    ALL_MAIL,
    PARTS,
    Limit,
    Limits,
    Use,
    booked_at,
    domain_of,
    next_pace,
    pace,
    parse_domain_limits,
    parse_rates,
    standings,
)
from ummsg.errors import InvalidInput

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class TestAsTheyAreWritten:
    @pytest.mark.parametrize(
        ("text", "rates"),
        [
            ("50/s", [Limit(50, 1)]),
            ("50/s,5000/h,40000/d", [Limit(50, 1), Limit(5000, 3600), Limit(40_000, 86_400)]),
            (" 40000/D , 1 / m ", [Limit(1, 60), Limit(40_000, 86_400)]),
        ],
    )
    def test_rates(self, text: str, rates: list[Limit]) -> None:
        assert list(parse_rates(text)) == rates

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "there is no limit"),
            ("50/s,", "there is no limit"),
            ("50", "'50' is no limit"),
            ("fast", "'fast' is no limit"),
            ("50/s 5000/h", "'50/s 5000/h' is no limit"),
            ("٥٠/s", "is no limit"),
            ("0/s", "a limit is from 1"),
            ("000/s", "a limit is from 1"),
            ("-5/s", "-5 is no number of messages"),
            ("2.5/s", "2.5 is no number of messages"),
            ("9999999999/s", "a limit is from 1"),
            ("9" * 400 + "/s", "a limit is from 1"),
            ("5/week", "there is no unit 'week'"),
            ("50/s,20/s", "two limits for the same unit: 50/s and 20/s"),
        ],
    )
    def test_what_is_none(self, text: str, says: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            parse_rates(text)
        assert says in refused.value.what
        assert refused.value.hint

    def test_limits_of_domains(self) -> None:
        assert parse_domain_limits("Gmail.com=20/s,500/h, xn--bcher-kva.example=1/m") == {
            "gmail.com": (Limit(20, 1), Limit(500, 3600)),
            "bücher.example": (Limit(1, 60),),
        }

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("20/s", "'20/s' has no domain"),
            ("gmail.com", "'gmail.com' has no domain"),
            ("gmail.com=20/s,gmail.com=5/h", "gmail.com stands there twice"),
            ("gmail.com=20/s,GMAIL.com=5/h", "gmail.com stands there twice"),
            ("gmail.com=", "gmail.com: there is no limit"),
            ("gmail.com=0/s", "gmail.com: '0/s': a limit is from 1"),
            ("gmail.com=20/s,5/s", "gmail.com: two limits for the same unit"),
            ("@gmail.com=20/s", "'@gmail.com' is no domain of an address"),
            ("*.gmail.com=20/s", "'*.gmail.com' is no domain of an address"),
            ("gmail=20/s", "'gmail' is no domain of an address"),
            ("a=b=20/s", "'a=b' is no domain of an address"),
            ("=20/s", "'' is no domain of an address"),
            ("somebody@gmail.com=20/s", "is no domain of an address"),
        ],
    )
    def test_what_is_no_limit_of_a_domain(self, text: str, says: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            parse_domain_limits(text)
        assert says in refused.value.what

    @given(st.dictionaries(st.sampled_from([1, 60, 3600, 86_400]), st.integers(1, 10**9), min_size=1))
    def test_what_is_printed_can_be_typed(self, numbers: dict[int, int]) -> None:
        rates = tuple(Limit(numbers[seconds], seconds) for seconds in sorted(numbers))
        assert parse_rates(",".join(map(str, rates))) == rates

    @pytest.mark.parametrize(
        ("address", "domain"),
        [
            ("anna@gmail.com", "gmail.com"),
            ("anna@GMAIL.com", "gmail.com"),
            ("anna@mail.gmail.com", "mail.gmail.com"),
            ("anna@bücher.example", "bücher.example"),
            ("anna@BÜCHER.example", "bücher.example"),
            ("anna@xn--bcher-kva.example", "bücher.example"),
            ("no address", "no address"),
        ],
    )
    def test_a_recipient_is_known_by_their_domain_however_it_is_spelled(self, address: str, domain: str) -> None:
        assert domain_of(address) == domain

    def test_the_smaller_one_holds_of_two(self) -> None:
        settings = Limits(parse_rates("50/s,5000/h"), parse_domain_limits("gmail.com=20/s"))
        both = settings.tightened(parse_rates("80/s,100/h,1000/d"))
        assert both.of_all == parse_rates("50/s,100/h,1000/d")
        assert both.of_domains == settings.of_domains


# What they promise


@dataclass
class World:
    """Processes that claim, hand over, settle, give back and die, under one limit, and every message handed over."""

    limit: Limit
    now: datetime = NOW
    uses: list[Use] = field(default_factory=list)
    held: dict[int, list[bool]] = field(default_factory=dict)
    """What each process has claimed, and which of it was handed over."""
    handed_over: list[datetime] = field(default_factory=list)

    def room(self) -> int:
        on_the_way = {ALL_MAIL: sum(map(len, self.held.values()))}
        (standing,) = standings(Limits((self.limit,)), self.uses, on_the_way, self.now)
        return standing.room

    def claim(self, process: int, number: int) -> None:
        self.held.setdefault(process, []).extend([False] * min(number, self.room()))

    def hand_over(self, process: int, number: int) -> None:
        mine = self.held.get(process, [])
        waiting = [index for index, gone in enumerate(mine) if not gone][:number]
        for index in waiting:
            mine[index] = True
            self.handed_over.append(self.now)

    def settle(self, process: int) -> None:
        """Also what is done for one that died: what was handed over is booked, the rest given back."""
        gone = sum(self.held.pop(process, []))
        if gone:
            self.uses.append(Use(ALL_MAIL, self.limit.seconds, booked_at(self.now, self.limit.seconds), gone))

    def most_in_a_span(self) -> int:
        times = sorted(self.handed_over)
        return max((sum(1 for at in times if begin <= at < begin + self.limit.span) for begin in times), default=0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "hand over", "settle", "wait", "wait", "wait for room"]),
        st.integers(0, 3),
        st.integers(1, 1500),
    ),
    max_size=60,
)


@given(number=st.integers(1, 12), steps=STEPS)
def test_no_span_ever_holds_more_than_the_number(number: int, steps: list[tuple[str, int, int]]) -> None:
    """Whatever several processes do in whatever order; `settle` is also what follows a death, however late."""
    world = World(Limit(number, 1))
    for what, process, amount in steps:
        match what:
            case "claim":
                world.claim(process, amount)
            case "hand over":
                world.hand_over(process, amount % 5 + 1)
            case "settle":
                world.settle(process)
            case "wait":
                world.now += timedelta(milliseconds=amount)
            case _:
                _wait_for_room(world)
    assert world.most_in_a_span() <= number


def _wait_for_room(world: World) -> None:
    """`room_at` is no promise that is broken: when it comes, there is room, and a moment before there was none."""
    on_the_way = {ALL_MAIL: sum(map(len, world.held.values()))}
    (standing,) = standings(Limits((world.limit,)), world.uses, on_the_way, world.now)
    if standing.room_at is None:
        assert on_the_way[ALL_MAIL] >= world.limit.number
    elif standing.room_at > world.now:
        world.now = standing.room_at - timedelta(microseconds=1)
        assert world.room() == 0
        world.now = standing.room_at
        assert world.room() > 0


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)), st.sampled_from([1, 60, 3600, 86_400]))  # noqa: DTZ001
def test_a_booking_is_never_dated_early_and_hardly_late(naive: datetime, seconds: int) -> None:
    moment = naive.replace(tzinfo=UTC)
    booked = booked_at(moment, seconds)
    assert timedelta() <= booked - moment < timedelta(seconds=seconds) / PARTS
    assert booked_at(booked, seconds) == booked


def test_where_a_limit_stands() -> None:
    limits = Limits(parse_rates("5/h"), parse_domain_limits("gmail.com=2/h"))
    uses = [
        Use(ALL_MAIL, 3600, NOW - timedelta(minutes=60), 9),
        Use(ALL_MAIL, 3600, NOW - timedelta(minutes=40), 1),
        Use(ALL_MAIL, 3600, NOW - timedelta(minutes=30), 3),
        Use("gmail.com", 3600, NOW - timedelta(minutes=30), 1),
        Use("gmail.com", 60, NOW - timedelta(minutes=30), 1),
    ]
    everything, gmail = standings(limits, uses, {ALL_MAIL: 2, "gmail.com": 1}, NOW)
    assert (everything.name, everything.used, everything.room) == ("5/h", 6, 0)
    assert everything.room_at == NOW + timedelta(minutes=30)
    assert (gmail.name, gmail.used, gmail.room) == ("gmail.com=2/h", 2, 0)
    assert gmail.room_at == NOW + timedelta(minutes=30)


class TestPace:
    def test_what_is_waited_out_is_spread(self) -> None:
        limit = Limit(50, 1)
        assert [pace(limit, SECOND * part) for part in (0, 0.005, 0.01, 0.025, 0.05, 5)] == [0, 0, 1, 2, 5, 10]
        assert pace(limit, next_pace(limit)) == 1

    @pytest.mark.parametrize("limit", [Limit(1, 1), Limit(1, 60), Limit(3, 60)])
    def test_the_smallest_limits_let_something_through(self, limit: Limit) -> None:
        assert pace(limit, next_pace(limit)) == 1
        assert pace(limit, limit.span) == 1

    def test_allowances_are_used_at_once(self) -> None:
        assert pace(Limit(5000, 3600), timedelta()) == 5000
