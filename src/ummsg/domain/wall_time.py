"""What clocks on the wall show: some times twice (autumn), some never (spring), and each zone's at another moment.

A wall time is a datetime without a zone. Where a zone is None, it is this machine's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from ummsg.errors import InvalidInput, Problem
from ummsg.zones import zone_named, zone_names

FIRST_OFFSET = timedelta(hours=14)
LAST_OFFSET = timedelta(hours=-12)
"""No clock on Earth is further ahead of UTC, or behind it."""


class UnusableTime(InvalidInput):
    """A time that cannot be used as it was typed; `instead` are times that can be."""

    def __init__(self, what: str, instead: Sequence[str], *, details: Sequence[str] = ()) -> None:
        super().__init__(what, details=details, hint=" or ".join(instead))
        self.instead = tuple(instead)


def instants(wall: datetime, zone: tzinfo | None) -> list[datetime]:
    """The moments, in UTC, at which clocks in that zone show `wall`: none, one or two."""
    found = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(moment for moment in found if shown(moment, zone) == wall)


def shown(moment: datetime, zone: tzinfo | None) -> datetime:
    """What clocks in that zone show at a moment."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def only_instant(wall: datetime, zone: tzinfo | None) -> datetime:
    """The moment at which clocks in that zone show `wall`, told in that zone.

    Raises UnusableTime for a time that they never show, or show twice, with the moments that may be meant.
    """
    found = instants(wall, zone)
    if len(found) == 1:
        return found[0].astimezone(zone)
    where = f"in {zone}" if zone is not None else "on this machine"
    if not found:
        after = _end_of_gap(wall, zone).astimezone(zone)
        what = f"{wall:%Y-%m-%d %H:%M} does not exist {where}: the clocks are put forward past it"
        raise UnusableTime(what, [after.isoformat(timespec="minutes")])
    told = [moment.astimezone(zone).isoformat(timespec="minutes") for moment in found]
    raise UnusableTime(f"{wall:%Y-%m-%d %H:%M} comes twice {where}: the clocks are put back over it", told)


def first_instant(wall: datetime, zone: tzinfo | None) -> datetime:
    """The first moment, in UTC, at which clocks in that zone show `wall`; the end of the gap if they never do."""
    return next(iter(instants(wall, zone)), None) or _end_of_gap(wall, zone)


def first_clock_at(wall: datetime) -> datetime:
    """When the first clock on Earth shows `wall`."""
    return wall.replace(tzinfo=UTC) - FIRST_OFFSET


def last_clock_at(wall: datetime) -> datetime:
    """When the last one does."""
    return wall.replace(tzinfo=UTC) - LAST_OFFSET


def _end_of_gap(wall: datetime, zone: tzinfo | None) -> datetime:
    """When the clocks have been put forward past `wall`, in UTC: to the second, as offsets are."""
    last, first = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    before = first.astimezone(zone).utcoffset()
    while last - first > timedelta(seconds=1):
        middle = first + timedelta(seconds=(last - first).total_seconds() // 2)
        if middle.astimezone(zone).utcoffset() == before:
            first = middle
        else:
            last = middle
    return last


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A wall time on each customer's own clock; on clocks in `default_zone`, a name, for customers without a zone.

    The zone is kept with the time: whichever process sends it later may have other settings.
    """

    wall: datetime
    default_zone: str

    def isoformat(self, timespec: str = "auto") -> str:
        """As it is typed: without a zone, as each customer's own is meant."""
        return self.wall.isoformat(timespec=timespec)


@dataclass(frozen=True, slots=True)
class LocalMoments:
    """When it is a wall time for whom: by the name of their zone, and `elsewhere` for those without a known one."""

    by_zone: Mapping[str, datetime]
    elsewhere: datetime

    @classmethod
    def of(cls, local: LocalTime) -> "LocalMoments":
        moments = {name: first_instant(local.wall, ZoneInfo(name)) for name in zone_names().values()}
        return cls(moments, first_instant(local.wall, zone_named(local.default_zone)))

    def of_zone(self, name: str) -> datetime:
        return self.by_zone.get(name, self.elsewhere)


@dataclass(frozen=True, slots=True)
class LocalSpan:
    """From when to when it becomes a wall time for an audience; for how many it has been it already."""

    first: datetime
    last: datetime
    late: int
    customers: int
    zoneless: int
    """Those without a time zone of their own, for whom the default one stands."""

    @classmethod
    def of(cls, customers: Mapping[str, int], moments: LocalMoments, now: datetime) -> "LocalSpan | None":
        """Of so many customers a zone; None of nobody."""
        if not customers:
            return None
        when = [(moments.of_zone(name), number) for name, number in customers.items()]
        return cls(
            first=min(moment for moment, _ in when),
            last=max(moment for moment, _ in when),
            customers=sum(customers.values()),
            late=sum(number for moment, number in when if moment <= now),
            zoneless=sum(number for name, number in customers.items() if name not in moments.by_zone),
        )

    def problems(self, not_after: datetime | None) -> Iterator[Problem]:
        """What keeps some of them, or all, from being told in time."""
        if self.late == self.customers:
            yield Problem("at-local", "is in the past for every recipient")
        if not_after is not None and not_after <= self.last:
            last = self.last.isoformat(timespec="minutes").replace("+00:00", "Z")
            yield Problem("not-after", f"comes before it is time for the last recipient ({last})")
