"""Times in plain words: understood, or refused with what to type instead."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ummsg.domain.time_words import moment_of, wall_time_of
from ummsg.domain.wall_time import UnusableTime, instants, shown
from ummsg.errors import InvalidInput
from ummsg.zones import zone_names

WEDNESDAY = datetime(2026, 11, 25, 12, 3, 20, tzinfo=UTC)
STOCKHOLM = ZoneInfo("Europe/Stockholm")


def understood(text: str, now: datetime = WEDNESDAY) -> str:
    return moment_of(text, now, STOCKHOLM).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01T09:00", "2026-12-01T09:00+01:00"),
        ("2026-12-01T09:00Z", "2026-12-01T09:00+00:00"),
        ("2026-12-01 9:00 America/New_York", "2026-12-01T09:00-05:00"),
        ("tomorrow 9:00", "2026-11-26T09:00+01:00"),
        ("Tomorrow at 9:30 PM", "2026-11-26T21:30+01:00"),
        ("  today   17:00 ", "2026-11-25T17:00+01:00"),
        ("tomorrow 9:00 asia/tokyo", "2026-11-26T09:00+09:00"),
        ("tomorrow 9:00 +05:30", "2026-11-26T09:00+05:30"),
        ("friday 17:00", "2026-11-27T17:00+01:00"),
        ("fri 17:00", "2026-11-27T17:00+01:00"),
        ("wednesday 9:00", "2026-12-02T09:00+01:00"),
        ("next monday 08:30", "2026-11-30T08:30+01:00"),
        ("next wednesday 9:00", "2026-12-02T09:00+01:00"),
        ("in 2 hours", "2026-11-25T15:03+01:00"),
        ("in an hour", "2026-11-25T14:03+01:00"),
        ("in 90 minutes", "2026-11-25T14:33+01:00"),
        ("in 1 week", "2026-12-02T13:03+01:00"),
    ],
)
def test_what_is_understood(text: str, moment: str) -> None:
    assert understood(text) == moment


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("tomorrow 9", ("tomorrow 9:00", "tomorrow 21:00")),
        ("tomorrow 12am", ("tomorrow 12:00", "tomorrow 0:00")),
        ("wednesday 17:00", ("today 17:00", "next wednesday 17:00")),
        ("tomorrow 9 UTC", ("tomorrow 9:00 UTC", "tomorrow 21:00 UTC")),
        ("wed 23:00 Asia/Tokyo", ("today 23:00 Asia/Tokyo", "next wednesday 23:00 Asia/Tokyo")),
        ("next friday 17:00", ("2026-11-27 17:00", "2026-12-04 17:00")),
    ],
)
def test_what_may_mean_two_moments_is_refused_with_both(text: str, instead: tuple[str, ...]) -> None:
    with pytest.raises(UnusableTime) as refused:
        understood(text)
    assert refused.value.instead == instead
    assert all(understood(other) for other in instead)


@pytest.mark.parametrize("text", ["2026-12-01", "20261201", "2026-W49-2"])
def test_a_date_alone_is_not_taken_as_midnight(text: str) -> None:
    with pytest.raises(UnusableTime, match="does not say at what time of the day") as refused:
        understood(text)
    assert refused.value.instead == ("2026-12-01T09:00", "2026-12-01T00:00")
    with pytest.raises(UnusableTime, match="does not say at what time of the day"):
        wall_time_of(text, WEDNESDAY, STOCKHOLM)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "9:00", "friday", "tomorrow", "in two hours", "in 2 fortnights", "in 2:00", "next week 9:00"),
        *("today 25:00", "today 13pm", "tomorrow 9:60", "2026-02-30 9:00", "tomorrow 9:00 +25:00", "٣ 9:00"),
        "0001-01-01 0:00 Asia/Tokyo",
    ],
)
def test_everything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UnusableTime) as refused:
        understood(text)
    assert all(understood(example) for example in refused.value.instead)


def test_a_zone_that_does_not_exist_is_refused_with_the_closest() -> None:
    with pytest.raises(UnusableTime, match=r"no time zone 'Europe/Stokholm'; is it Europe/Stockholm\?"):
        understood("tomorrow 9:00 Europe/Stokholm")


def test_hours_pass_over_a_change_of_the_clocks_and_days_keep_the_time_of_day() -> None:
    evening = datetime(2027, 3, 27, 20, 0, tzinfo=UTC)  # 21:00 in Stockholm, and the clocks go forward at night
    assert understood("in 24 hours", evening) == "2027-03-28T22:00+02:00"
    assert understood("in 1 day", evening) == "2027-03-28T21:00+02:00"


@given(
    now=st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2050-01-01")),
    ahead=st.integers(1, 400),
    minute=st.integers(0, 24 * 60 - 1),
    zone=st.sampled_from(sorted(zone_names().values())),
)
def test_the_moment_shows_in_its_zone_the_time_that_was_typed(
    now: datetime, ahead: int, minute: int, zone: str
) -> None:
    day = (now + timedelta(days=ahead)).date()
    clock = f"{minute // 60}:{minute % 60:02}"
    wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    assume(len(instants(wall, ZoneInfo(zone))) == 1)

    moment = moment_of(f"{day} {clock} {zone}", now.replace(tzinfo=UTC), None)

    assert shown(moment, ZoneInfo(zone)) == wall
    assert moment_of(moment.isoformat(), now.replace(tzinfo=UTC), None) == moment


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    try:
        moment = moment_of(text, WEDNESDAY, STOCKHOLM)
    except InvalidInput:
        return
    assert moment.tzinfo is not None


class TestWallTime:
    def test_it_is_of_no_zone(self) -> None:
        assert wall_time_of("tomorrow 9:00", WEDNESDAY, STOCKHOLM) == datetime.fromisoformat("2026-11-26T09:00")

    def test_tomorrow_is_the_networks(self) -> None:
        late = WEDNESDAY.replace(hour=23, minute=30)
        assert wall_time_of("tomorrow 9:00", late, STOCKHOLM) == datetime.fromisoformat("2026-11-27T09:00")

    @pytest.mark.parametrize(
        "text", ["tomorrow 9:00 UTC", "2026-12-01T09:00+01:00", "in 2 hours", "9999-12-31T09:00", "soon"]
    )
    def test_what_is_one_moment_for_everybody_is_refused(self, text: str) -> None:
        with pytest.raises(UnusableTime) as refused:
            wall_time_of(text, WEDNESDAY, STOCKHOLM)
        assert all(wall_time_of(example, WEDNESDAY, STOCKHOLM) for example in refused.value.instead)
