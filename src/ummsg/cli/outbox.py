"""ummsg outbox: work down what is queued, and look at it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, Fields, Format, Limit, Rate, noun
from ummsg.cli.rates import LIMIT_COLUMNS, limit_rows, parse_rate, show_limits
from ummsg.domain.broadcast import Broadcast
from ummsg.domain.delivery import Counts, Delivery
from ummsg.domain.email import SystemEmail
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus, ExitCode, ListFormat

if TYPE_CHECKING:
    from ummsg.domain.outlook import Standing

app = noun("Work down what is queued; what cron calls.")


@app.command()
def run(
    ctx: Context,
    rate: Rate = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and send what comes due, until Ctrl-C.")] = False,
) -> None:
    """Start what is scheduled for now, send what is due, then end.

    Exit code 3 if recipients are left (deferred, failed, unknown, or held back by a limit), 1 if the mail server could
    not be reached. With --watch it waits for a server that is away, and ends with 0 when it is stopped, with 4 if the
    server refuses the login.
    """
    from ummsg.cli.draining import drain, say_what_cannot_start
    from ummsg.cli.publishing import publish
    from ummsg.cli.watching import watch as stay

    rates = parse_rate(rate)
    if watch:
        raise typer.Exit(stay(ctx.obj, rates))
    refused = say_what_cannot_start(ctx.obj)
    code = publish(ctx.obj)
    code = drain(ctx.obj, rate=rates) or code
    raise typer.Exit(code or (refused[0].exit_code if refused else ExitCode.DONE))


@app.command()
def status(ctx: Context, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show what waits, how much of it, and when it goes on; how fast, and what is stuck and why."""
    from ummsg.cli.outlook import outlook_of, show_outlook

    now, standings = ctx.obj.clock(), ctx.obj.standings.all()
    rows = [_standing_row(standing) | outlook_of(standing, now) for standing in standings]
    columns = ["id", "system_email", "status", "subject", "targeted", "queued", "deferred", "next_due"]
    views.listing(rows, format, fields, columns=columns, optional=["system_email", "targeted"])
    if format is ListFormat.TABLE and not fields:
        show_outlook(standings, now)
        show_limits(ctx.obj)


@app.command()
def limits(ctx: Context, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show the rate limits of the settings, what is used of each, and when there is room again."""
    rows = limit_rows(ctx.obj)
    if not rows and format is ListFormat.TABLE:
        views.talk("No limits are set; UMMSG_RATE_LIMIT and UMMSG_DOMAIN_LIMITS are for that.", "dim")
        return
    views.listing(rows, format, fields, columns=LIMIT_COLUMNS, key="limit")


@app.command("list")
def list_deliveries(
    ctx: Context,
    status: Annotated[DeliveryStatus | None, typer.Option("--status", help="Only deliveries in this state.")] = None,
    limit: Limit = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List the deliveries that are not in a final state."""
    rows = map(delivery_row, ctx.obj.outbox.open_deliveries(status, limit))
    columns = ["id", "broadcast_id", "event_id", "email", "status", "attempts", "due_at", "reply"]
    views.listing(rows, format, fields, columns=columns)


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "broadcast_id": delivery.broadcast_id,
        "event_id": delivery.event_id,
        "customer_id": delivery.customer_id,
        "email": delivery.email,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at,
        "reply": delivery.reply,
        "message_id": delivery.message_id,
        "updated_at": delivery.updated_at,
    }


def _standing_row(standing: "Standing") -> dict[str, Any]:
    if standing.email is not None:
        return _email_row(standing.email, standing.counts, standing.next_due)
    assert standing.broadcast is not None  # noqa: S101 - it is the one or the other
    return _row(standing.broadcast, standing.counts, standing.next_due)


def _email_row(email: SystemEmail, counts: Counts, next_due: Any) -> dict[str, Any]:
    return {
        "id": None,
        "system_email": email.slug,
        "status": "queued",
        "subject": email.draft.title,
        "targeted": None,
        "queued": counts.queued,
        "deferred": counts.deferred,
        "next_due": next_due,
        "note": "" if email.draft.active else "switched off: what is queued will be dropped",
    }


def _row(broadcast: Broadcast, counts: Counts, next_due: Any) -> dict[str, Any]:
    waiting = broadcast.status in (BroadcastStatus.SCHEDULED, BroadcastStatus.FREEZING)
    return {
        "id": broadcast.id,
        "system_email": None,
        "status": broadcast.status.value,
        "subject": broadcast.subject,
        "targeted": None if waiting else counts.targeted,
        "queued": counts.queued,
        "deferred": counts.deferred,
        "next_due": next_due,
        "note": broadcast.note,
    }
