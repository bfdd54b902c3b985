"""Limits as they are typed, and as they are shown."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ummsg.cli import views
from ummsg.domain.limits import Rates, parse_rates
from ummsg.errors import InvalidInput, NotConfigured
from ummsg.vocabulary import ListFormat

if TYPE_CHECKING:
    from ummsg.runtime import Runtime

LIMIT_COLUMNS = ["limit", "used", "room", "room_at", "waiting"]


def parse_rate(typed: str | None) -> Rates:
    """What `--rate` says; none if it was not given. Raises InvalidInput."""
    if typed is None:
        return ()
    try:
        return parse_rates(typed)
    except InvalidInput as error:
        raise InvalidInput(f"--rate: {error.what}", hint=error.hint) from None


def limit_rows(ummsg: "Runtime") -> list[dict[str, Any]]:
    """A row for each limit of the settings. Raises NotConfigured for what is no limit."""
    return [
        {
            "limit": standing.name,
            "domain": standing.scope or None,
            "used": standing.used,
            "room": standing.room,
            "room_at": None if standing.room else whole_second(standing.room_at),
            "waiting": waiting if standing.scope else None,
        }
        for standing, waiting in ummsg.outbox.limits()
    ]


def whole_second(moment: datetime | None) -> datetime | None:
    """Or the next one: nobody comes back too early."""
    return moment and moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def show_limits(ummsg: "Runtime") -> None:
    """The limits in a table below another one, if there are any; one that cannot be kept is said, and is no error."""
    try:
        rows = limit_rows(ummsg)
    except NotConfigured as error:
        views.warnings([f"{error.what}: nothing is sent until that is mended"])
        return
    if rows:
        print()
        views.listing(rows, ListFormat.TABLE, columns=LIMIT_COLUMNS)
