"""How fast the outbox goes, how long it will take, and what is stuck and why: the end of `outbox status`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ummsg.cli import views
from ummsg.domain.duration import shown_duration
from ummsg.domain.outlook import LOOKED_BACK, Standing, Stuck, Why, time_left

if TYPE_CHECKING:
    from rich.text import Text

_NUMBERED = {
    Why.PAUSED: "paused",
    Why.DEFERRED: "put off",
    Why.UNKNOWN: "unknown",
    Why.HELD: "held",
    Why.EXPIRING: "too late",
    Why.UNATTENDED: "waiting",
    Why.SWITCHED_OFF: "switched off",
}


def outlook_of(standing: Standing, now: datetime) -> dict[str, Any]:
    """The keys of a row that say how it gets on."""
    left = standing.left(now)
    return {
        "unknown": standing.counts.unknown,
        "rate_per_minute": round(standing.per_minute(now), 1),
        "seconds_left": None if left is None else round(left.total_seconds()),
        "stuck": [_stuck_row(stuck) for stuck in standing.stuck(now)],
    }


def show_outlook(standings: Sequence[Standing], now: datetime) -> None:
    if pace := _pace(standings, now):
        views.out().print()
        views.out().print(pace)
    for standing in standings:
        if stuck := list(standing.stuck(now)):
            views.out().print()
            _show_stuck(standing, stuck)


def _stuck_row(stuck: Stuck) -> dict[str, Any]:
    return {
        "why": stuck.why.value,
        "number": stuck.number,
        "words": stuck.words,
        "until": stuck.until,
        "command": stuck.command or None,
    }


def _pace(standings: Sequence[Standing], now: datetime) -> str:
    rate = sum(standing.per_minute(now) for standing in standings)
    queued = sum(standing.counts.queued for standing in standings if standing.goes_on)
    left = time_left(queued, rate, standings[0].limits, now) if queued else None
    said = [f"{rate:,.0f} messages a minute (over {LOOKED_BACK.seconds // 60} minutes at most)"] if rate else []
    said += [f"what is queued takes {_roughly(left)}"] if left is not None else []
    return f"{'; '.join(said)}." if said else ""


def _roughly(length: timedelta) -> str:
    return "less than a minute" if length < timedelta(minutes=1) else f"about {shown_duration(length)}"


def _show_stuck(standing: Standing, found: Sequence[Stuck]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    name = f"Broadcast {standing.broadcast.id}" if standing.broadcast else ""
    views.out().print(Text(name or (standing.email.slug if standing.email else ""), style="bold"))
    for stuck in found:
        views.out().print(Padding(_line(stuck), (0, 0, 0, 2)))
        if stuck.command:
            views.out().print(Text(f"    {stuck.command}", style="bold"), soft_wrap=True)


def _line(stuck: Stuck) -> "Text":
    from rich.text import Text

    number = f"{stuck.number:,} " if stuck.number else ""
    until = ""
    if stuck.until is not None:
        until = f" {'after' if stuck.why is Why.EXPIRING else 'until'} {views.local_time(stuck.until)}"
    what = Text(f"{number}{_NUMBERED[stuck.why]}{until}: ", style="yellow")
    return what + Text(views.printable(stuck.words), style="default")
