"""Times as they are typed, and as they are shown back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from ummsg.domain.duration import parse_duration
from ummsg.domain.time_words import moment_of, wall_time_of
from ummsg.domain.wall_time import LocalTime, UnusableTime
from ummsg.errors import InvalidInput

if TYPE_CHECKING:
    from ummsg.domain.broadcast import BroadcastDraft

Time = TypeVar("Time")


@dataclass(frozen=True)
class Times:
    """Reads what is typed, as of `clock`. A time that names no zone is in the network's, or in this machine's if no
    UMMSG_TIMEZONE is set."""

    clock: Callable[[], datetime]
    network_zone: ZoneInfo | None

    def moment(self, text: str | None, flag: str) -> datetime | None:
        """Raises InvalidInput naming the flag."""
        return None if text is None else _read(flag, text, self.read_moment)

    def local_time(self, text: str | None, flag: str) -> LocalTime | None:
        """A time on the customers' clocks. Raises InvalidInput naming the flag."""
        return None if text is None else _read(flag, text, self.read_local_time)

    def read_moment(self, text: str) -> datetime:
        """Raises UnusableTime."""
        return moment_of(text, self.clock(), self.network_zone)

    def read_local_time(self, text: str) -> LocalTime:
        """Of the network's zone, or of UTC, for customers without one. Raises UnusableTime."""
        zone = self.network_zone or UTC
        return LocalTime(wall_time_of(text, self.clock(), zone), str(zone))


def _read(flag: str, text: str, read: Callable[[str], Time]) -> Time:
    try:
        return read(text)
    except UnusableTime as error:
        hint = " or ".join(f"{flag} {_quoted(time)}" for time in error.instead)
        raise InvalidInput(f"{flag}: {error.what}", details=error.details, hint=hint) from None


def _quoted(time: str) -> str:
    return f'"{time}"' if " " in time else time


def with_zone(moment: datetime) -> str:
    """A moment in the zone that it was told in (of one from the database: this machine's), and in UTC."""
    here = moment.astimezone() if moment.tzinfo is UTC else moment
    zone, short = here.tzinfo, f"{here:%Z}"
    name = f"{short} ({zone.key})" if isinstance(zone, ZoneInfo) and zone.key != short else short
    return f"{here:%a %Y-%m-%d %H:%M} {name}" + ("" if short == "UTC" else f" = {in_utc(moment)}")


def in_utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def wall_time(local: LocalTime | None) -> str | None:
    """As JSON has a time without a zone."""
    return None if local is None else local.isoformat(timespec="minutes")


def when_words(draft: "BroadcastDraft") -> str:
    """When a scheduled email goes out."""
    if draft.at_local is not None:
        return f"{draft.at_local.wall:%a %Y-%m-%d %H:%M} in each customer's own time zone"
    return "now" if draft.at is None else with_zone(draft.at)


def parse_length(text: str | None, flag: str) -> timedelta | None:
    """A length of time. Raises InvalidInput naming the flag."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except InvalidInput as error:
        raise InvalidInput(f"{flag}: {error.what}", hint=f"{flag} 12h, or 2d, 1d12h, 90m") from None
