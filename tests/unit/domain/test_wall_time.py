"""What clocks show: once, twice or never, and each zone's at its own moment."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ummsg.domain.wall_time import (
    FIRST_OFFSET,
    LAST_OFFSET,
    LocalMoments,
    LocalSpan,
    LocalTime,
    UnusableTime,
    first_instant,
    instants,
    only_instant,
    shown,
)
from ummsg.zones import zone_names

STOCKHOLM = ZoneInfo("Europe/Stockholm")
walls = st.datetimes(min_value=datetime.fromisoformat("2026-01-01"), max_value=datetime.fromisoformat("2060-01-01"))
zones = st.sampled_from(sorted(zone_names().values())).map(ZoneInfo)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@given(walls, zones)
@example(wall("2027-03-28T02:30"), STOCKHOLM)
@example(wall("2027-10-31T02:30"), STOCKHOLM)
@example(wall("2027-04-04T01:45"), ZoneInfo("Australia/Lord_Howe"))
def test_a_moment_shows_the_wall_time_that_was_asked_for(asked: datetime, zone: ZoneInfo) -> None:
    found = instants(asked, zone)

    assert all(shown(moment, zone) == asked for moment in found)
    try:
        moment = only_instant(asked, zone)
    except UnusableTime as refused:
        assert len(found) != 1
        meant = [datetime.fromisoformat(text) for text in refused.instead]
        assert [shown(moment, zone) for moment in meant] == [asked.replace(second=0, microsecond=0)] * len(found) or (
            not found and shown(meant[0], zone) > asked
        )
    else:
        assert shown(moment, zone) == asked
        assert moment.tzinfo is zone


@given(walls, zones)
@example(wall("2027-03-28T02:30"), STOCKHOLM)
@example(wall("2027-10-31T02:30"), STOCKHOLM)
def test_the_first_moment_is_the_first_at_which_the_clock_shows_it_or_has_passed_it(
    asked: datetime, zone: ZoneInfo
) -> None:
    moment = first_instant(asked, zone)

    assert shown(moment, zone) >= asked
    assert shown(moment - timedelta(seconds=1), zone) < asked
    assert asked.replace(tzinfo=UTC) - FIRST_OFFSET <= moment <= asked.replace(tzinfo=UTC) - LAST_OFFSET


@pytest.mark.parametrize(
    ("asked", "zone", "moment"),
    [
        ("2027-03-28T02:00", "Europe/Stockholm", "2027-03-28T01:00:00+00:00"),
        ("2027-03-28T02:59", "Europe/Stockholm", "2027-03-28T01:00:00+00:00"),
        ("2027-10-31T02:30", "Europe/Stockholm", "2027-10-31T00:30:00+00:00"),
        ("2026-11-26T09:00", "Asia/Kathmandu", "2026-11-26T03:15:00+00:00"),
        ("2011-12-30T09:00", "Pacific/Apia", "2011-12-30T10:00:00+00:00"),
    ],
)
def test_a_gap_ends_and_an_hour_that_comes_twice_begins(asked: str, zone: str, moment: str) -> None:
    assert first_instant(wall(asked), ZoneInfo(zone)).isoformat() == moment


def test_a_gap_is_refused_with_its_end() -> None:
    with pytest.raises(UnusableTime, match="2027-03-28 02:30 does not exist in Europe/Stockholm") as refused:
        only_instant(wall("2027-03-28T02:30"), STOCKHOLM)
    assert refused.value.instead == ("2027-03-28T03:00+02:00",)


def test_an_hour_that_comes_twice_is_refused_with_both_moments() -> None:
    with pytest.raises(UnusableTime, match="comes twice in Europe/Stockholm") as refused:
        only_instant(wall("2027-10-31T02:30"), STOCKHOLM)
    assert refused.value.instead == ("2027-10-31T02:30+02:00", "2027-10-31T02:30+01:00")


class TestSpan:
    MOMENTS = LocalMoments.of(LocalTime(wall("2026-11-26T09:00"), "Europe/Stockholm"))
    NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)

    def span(self, **customers: int) -> LocalSpan:
        names = {
            "stockholm": "Europe/Stockholm",
            "new_york": "America/New_York",
            "none": "",
            "gone": "Atlantis/X",
        }
        span = LocalSpan.of({names[name]: number for name, number in customers.items()}, self.MOMENTS, self.NOW)
        assert span is not None
        return span

    def test_it_reaches_from_the_first_to_the_last(self) -> None:
        span = self.span(stockholm=3, new_york=2)
        assert (span.first.hour, span.last.hour) == (8, 14)
        assert (span.customers, span.late, span.zoneless) == (5, 3, 0)

    def test_without_a_known_zone_the_default_one_counts(self) -> None:
        span = self.span(none=2, gone=1)
        assert (span.first, span.zoneless) == (datetime(2026, 11, 26, 8, tzinfo=UTC), 3)

    def test_of_nobody_there_is_none(self) -> None:
        assert LocalSpan.of({}, self.MOMENTS, self.NOW) is None

    def test_what_has_passed_for_everybody_is_a_problem(self) -> None:
        assert [problem.field for problem in self.span(stockholm=1).problems(None)] == ["at-local"]
        assert list(self.span(stockholm=1, new_york=1).problems(None)) == []

    def test_so_is_a_limit_before_the_last(self) -> None:
        span = self.span(stockholm=1, new_york=1)
        assert [problem.field for problem in span.problems(span.last)] == ["not-after"]
        assert list(span.problems(span.last + timedelta(minutes=1))) == []
