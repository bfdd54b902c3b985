"""Times in plain words: `tomorrow 9:00`, `in 2 hours`, `next monday 08:30 Europe/Stockholm`; or in ISO 8601.

A small grammar that understands what it says and refuses everything else: a time that was guessed wrong is mail to
everybody at the wrong hour. What may be meant in two ways is refused with both.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from ummsg.domain.wall_time import UnusableTime, only_instant, shown
from ummsg.errors import InvalidInput
from ummsg.zones import zone_named

EXAMPLES = ("tomorrow 9:00", "friday 17:00 Europe/Stockholm", "in 2 hours", "2027-01-31T08:00+01:00")
LOCAL_EXAMPLES = ("tomorrow 9:00", "friday 17:00", "2027-01-31T08:00")

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_IN = re.compile(r"in (\d{1,4}|an?) (minute|min|hour|day|week)s?", re.ASCII)
_WORDS = re.compile(
    rf"(?P<day>today|tomorrow|(?:next )?(?:{'|'.join((*_WEEKDAYS, *(name[:3] for name in _WEEKDAYS)))})|"
    r"\d{4}-\d\d-\d\d)(?: at)? "
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?: ?(?P<half>am|pm))?(?: (?P<zone>\S.*))?",
    re.ASCII | re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(?:-?\d)?", re.ASCII)
_LOCAL_YEARS = range(1970, 9999)
"""In them a wall time is a moment everywhere."""
_OFFSET = re.compile(r"[+-]\d\d:?\d\d", re.ASCII)


class _TwoMeanings(UnusableTime):
    """`instead` has both, without the zone that was named."""


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A wall time, and the zone that was named with it, if one was."""

    wall: datetime
    zone: str | None = None


def moment_of(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    """The moment that is meant, told in the zone that was named, or in `zone` (None: this machine's).

    Raises UnusableTime for what is not understood, may mean two moments, or comes twice or never.
    """
    text = " ".join(text.split())
    try:
        if (iso := _iso(text)) is not None:
            return iso if iso.tzinfo is not None else only_instant(iso, zone)
        if found := _IN.fullmatch(text.lower()):
            return _later(found, now, zone)
        return _spoken_moment(text, now, zone)
    except (OverflowError, ValueError):  # a moment before the first year, or after the last
        raise _not_understood(text, EXAMPLES) from None


def wall_time_of(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    """The wall time that is meant; words such as `tomorrow` are taken as in `zone`. Raises UnusableTime, also for what
    names a zone: a customer's own is what counts."""
    text = " ".join(text.split())
    iso = _iso(text)
    spoken = _Spoken(iso) if iso is not None else _spoken(text, shown(now, zone), LOCAL_EXAMPLES)
    if spoken.zone is not None or spoken.wall.tzinfo is not None:
        wall = spoken.wall.replace(tzinfo=None)
        instead = wall.isoformat(timespec="minutes")
        raise UnusableTime(f"{text!r} names a time zone, and each customer has their own", [instead])
    if spoken.wall.year not in _LOCAL_YEARS:
        raise _not_understood(text, examples=LOCAL_EXAMPLES)
    return spoken.wall


def _iso(text: str) -> datetime | None:
    """Raises UnusableTime for a date alone, which would be midnight."""
    if _DATE.fullmatch(text) and (day := _date(text)) is not None:
        instead = [f"{day:%Y-%m-%d}T{hour}" for hour in ("09:00", "00:00")]
        raise UnusableTime(f"{text!r} does not say at what time of the day", instead)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment.astimezone(UTC)  # the first and the last day of all are none everywhere
        return moment
    except (ValueError, OverflowError):
        return None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _later(found: re.Match[str], now: datetime, zone: tzinfo | None) -> datetime:
    """Minutes and hours pass alike everywhere; a day or a week later is the same time on the clock."""
    number = int(found[1]) if found[1].isdigit() else 1
    here = now.replace(second=0, microsecond=0).astimezone(zone)
    match found[2]:
        case "day" | "week" as unit:
            days = number * (7 if unit == "week" else 1)
            return only_instant(here.replace(tzinfo=None, fold=0) + timedelta(days=days), zone)
        case unit:
            length = timedelta(hours=number) if unit == "hour" else timedelta(minutes=number)
            return (here.astimezone(UTC) + length).astimezone(zone)


def _spoken_moment(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    named = _WORDS.fullmatch(text)
    if named and named["zone"]:
        zone = _zone(named["zone"], text)
    return only_instant(_spoken(text, shown(now, zone), EXAMPLES).wall, zone)


def _zone(name: str, text: str) -> tzinfo:
    if not _OFFSET.fullmatch(name):
        try:
            return zone_named(name)
        except InvalidInput as error:
            instead = [text.removesuffix(name) + error.hint] if error.hint else EXAMPLES
            raise UnusableTime(error.what, instead) from None
    hours, minutes = int(name[1:3]), int(name[-2:])
    if hours > 14 or minutes > 59:
        raise UnusableTime(f"no clock is {name} from UTC", EXAMPLES)
    return timezone((1 if name[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def _spoken(text: str, here: datetime, examples: tuple[str, ...]) -> _Spoken:
    """`here` is what clocks show now, in the zone that counts."""
    found = _WORDS.fullmatch(text)
    if found is None:
        raise _not_understood(text, examples)
    word = found["day"].lower()
    try:
        at = _time_of_day(found, text, examples)
        return _Spoken(datetime.combine(_day(word, at, here, text, examples), at), found["zone"])
    except _TwoMeanings as error:
        zone = f" {found['zone']}" if found["zone"] else ""
        raise UnusableTime(error.what, [f"{meant}{zone}" for meant in error.instead]) from None


def _time_of_day(found: re.Match[str], text: str, examples: tuple[str, ...]) -> time:
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    day = found["day"]
    if half == "" and found["minute"] is None:
        if hour > 23:
            raise _not_understood(text, examples)
        meant = [f"{day} {hour}:00"] + ([f"{day} {hour + 12}:00"] if 0 < hour < 12 else [])
        raise _TwoMeanings(f"{text!r} does not say which {hour} o'clock", meant)
    if half and hour == 12:
        raise _TwoMeanings(f"{text!r} may be noon or midnight", [f"{day} 12:00", f"{day} 0:00"])
    if half and not 0 < hour < 12:
        raise _not_understood(text, examples)
    try:
        return time(hour + (12 if half == "pm" else 0), int(found["minute"] or 0))
    except ValueError:
        raise _not_understood(text, examples) from None


def _day(word: str, at: time, here: datetime, text: str, examples: tuple[str, ...]) -> datetime:
    if word in ("today", "tomorrow"):
        return here + timedelta(days=word == "tomorrow")
    if word[0].isdigit():
        if (day := _date(word)) is None:
            raise _not_understood(text, examples)
        return datetime.combine(day, time())
    name = next(full for full in _WEEKDAYS if full.startswith(word.removeprefix("next ")))
    ahead = (_WEEKDAYS.index(name) - here.weekday()) % 7
    if word.startswith("next "):
        return _next_weekday(name, ahead or 7, at, here)
    return _weekday(name, ahead, at, here)


def _weekday(name: str, ahead: int, at: time, here: datetime) -> datetime:
    """The next one to come; on that day itself, before that time, two may be meant."""
    if ahead:
        return here + timedelta(days=ahead)
    if at > here.time():
        meant = [f"today {at:%H:%M}", f"next {name} {at:%H:%M}"]
        raise _TwoMeanings(f"today is {name.capitalize()}: it may be today, or in a week", meant)
    return here + timedelta(days=7)


def _next_weekday(name: str, ahead: int, at: time, here: datetime) -> datetime:
    """The next one to come, if it is also that of the next week (weeks begin on Monday)."""
    first, of_next_week = (
        here + timedelta(days=ahead),
        here + timedelta(days=7 - here.weekday() + _WEEKDAYS.index(name)),
    )
    if first.date() == of_next_week.date():
        return first
    meant = [f"{day:%Y-%m-%d} {at:%H:%M}" for day in (first, of_next_week)]
    raise _TwoMeanings(f"'next {name}' may be that of this week or of the next", meant)


def _not_understood(text: str, examples: tuple[str, ...]) -> UnusableTime:
    return UnusableTime(f"{text[:80]!r} is not a time that is understood here", examples)
