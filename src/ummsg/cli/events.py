"""ummsg events: what can happen on the network, and what did."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, EventId, Fields, Format, Limit, Yes, noun
from ummsg.domain.event import EventKind, Standing
from ummsg.errors import InvalidInput
from ummsg.vocabulary import DeliveryStatus, ExitCode, ListFormat

if TYPE_CHECKING:
    from datetime import datetime

    from ummsg.cli.payload import JsonLines
    from ummsg.runtime import Runtime
    from ummsg.services.events import Fired

app = noun("What happens on the network: fire, log, replay.")

EventSlug = Annotated[str, typer.Argument(metavar="SLUG", help="An event, such as payment_received.")]
REASONS_SHOWN = 10


@app.command("list")
def list_events(ctx: Context, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """List the events that are registered."""
    kinds = ctx.obj.event_kinds
    views.warnings(kinds.problems)
    views.listing(map(_kind_row, kinds.all()), format, fields, columns=["slug", "description"], key="slug")


@app.command()
def show(ctx: Context, slug: EventSlug, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show what an event's payload holds, with examples, and which emails are bound to it."""
    kind = ctx.obj.event_kinds.get(slug)
    emails = [_email_row(draft) for draft in ctx.obj.events.bound(slug)]
    if format is ListFormat.JSON:
        views.record({**_kind_row(kind), "fields": _field_rows(kind), "emails": emails}, format, fields)
        return
    columns = ["name", "type", "required", "example"]
    views.listing(_field_rows(kind), format, fields, columns=columns, key="name")
    if format is not ListFormat.TABLE:
        return
    views.talk(f"\n{kind.description} (registered by {kind.source})")
    for email in emails:
        state = "active" if email["active"] else "inactive"
        views.talk(f"Email {email['slug']}, to the {email['target']}, {state}")
    if not emails:
        views.talk("No email is bound to it.")
        views.next_step("ummsg emails import")


@app.command()
def fire(
    ctx: Context,
    slug: EventSlug,
    payload: Annotated[
        list[str],
        typer.Option("--payload", metavar="FILE|-|KEY=VALUE", help="A JSON object; or key=value, again and again."),
    ],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Fire one event a line of the file.")] = False,
    dedupe_key: Annotated[
        str | None,
        typer.Option("--dedupe-key", metavar="K", help="The same event twice is stored once; with --jsonl, each line."),
    ] = None,
    not_after: Annotated[
        str | None, typer.Option("--not-after", metavar="TIME", help="Too late for its emails from then on.")
    ] = None,
    format: Format = ListFormat.TABLE,
) -> None:
    """Say that something happened: store it, and queue the emails that are bound to it.

    Exit code 3 if an email could not be queued for want of a recipient or of a value; the others are.
    """
    from ummsg.cli.payload import JsonLines, read_payload

    if dedupe_key is not None and not dedupe_key.strip():
        raise InvalidInput("--dedupe-key is empty")
    too_late = ctx.obj.times.moment(not_after, "--not-after")
    if not jsonl:
        fired = ctx.obj.events.fire(slug, read_payload(payload), key=dedupe_key, not_after=too_late)
    elif len(payload) != 1 or "=" in payload[0]:
        raise InvalidInput("--jsonl reads one file, or - for standard input", hint="--payload events.jsonl --jsonl")
    else:
        fired = _fire_lines(ctx.obj, slug, JsonLines(payload[0]), dedupe_key, too_late)
    raise typer.Exit(_summarise(slug, fired, format))


@app.command()
def log(
    ctx: Context,
    event: Annotated[str | None, typer.Option("--event", metavar="SLUG", help="Only events of this kind.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Only what fired then or later.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those of which an email failed.")] = False,
    limit: Limit = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List what fired, the newest first, and what came of it."""
    rows = ctx.obj.events.log(slug=event, since=ctx.obj.times.moment(since, "--since"), failed=failed, limit=limit)
    columns = ["id", "event", "fired_at", "outcome", "queued", "sent", "failed", "note"]
    views.listing(map(_log_row, rows), format, fields, columns=columns, optional=["queued", "sent", "failed"])


@app.command()
def replay(
    ctx: Context,
    event_id: EventId,
    unknown: Annotated[bool, typer.Option("--unknown", help="Also what may have arrived: it may be doubled.")] = False,
    yes: Yes = False,
) -> None:
    """Queue again what failed of an event, after a fix; what was sent is left alone."""
    ummsg = ctx.obj
    in_doubt = ummsg.events.unknown(event_id)
    if unknown and in_doubt:
        for delivery in in_doubt:
            views.talk(f"{delivery.email}: look for {delivery.message_id} in the mail server's log.")
        ummsg.prompter.confirm_destructive(f"Send {_emails(len(in_doubt))} that may have arrived again?", yes=yes)
    fired = ummsg.events.replay(event_id, also_unknown=unknown)
    if not fired.queued and not fired.suppressed and not fired.failures:
        views.talk(f"Nothing of event {event_id} failed; nothing was changed.")
        if in_doubt:
            views.talk(f"Of {_emails(len(in_doubt))} nobody knows whether it arrived.")
            views.next_step(f"ummsg events replay {event_id} --unknown", "To send it again all the same")
        return
    views.talk(f"Event {event_id}: {_emails(fired.queued)} queued again.")
    raise typer.Exit(_show_failures(fired, f"ummsg events replay {event_id}"))


def _fire_lines(
    ummsg: "Runtime", slug: str, lines: "JsonLines", key: str | None, not_after: "datetime | None"
) -> "Fired":
    from ummsg.cli.progress import progress

    with closing(lines), progress("Firing") as show:

        def watch(fired: "Fired") -> None:
            show(fired.events, None, f"{fired.events:,} events, {fired.queued:,} queued")

        return ummsg.events.fire_all(slug, lines, key=key, not_after=not_after, watch=watch)


def _summarise(slug: str, fired: "Fired", format: ListFormat) -> int:
    if format is not ListFormat.TABLE:
        views.record(_fired_row(slug, fired), format)
    elif fired.events > 1 or fired.repeated > 1:
        views.talk(f"{fired.events:,} events stored; {_emails(fired.queued)} queued.", "bold")
    elif fired.events:
        views.talk(f"Event {fired.event_id} stored; {_emails(fired.queued)} queued.", "bold")
    if fired.repeated == 1 and not fired.events:
        views.talk(f"It was fired before, as event {fired.event_id}; nothing was stored.")
    elif fired.repeated:
        views.talk(f"{fired.repeated:,} had been fired before; nothing was stored of these.")
    if fired.suppressed:
        views.talk(f"{fired.suppressed:,} to suppressed addresses will not be sent.")
    if fired.events and not fired.emails:
        views.talk(f"No active email is bound to {slug}.")
        views.next_step(f"ummsg events show {slug}")
    if code := _show_failures(fired, f"ummsg events replay {fired.event_id}"):
        return code
    if fired.queued:
        views.next_step("ummsg outbox run")
    return ExitCode.DONE


def _show_failures(fired: "Fired", again: str) -> int:
    if not fired.failures:
        return ExitCode.DONE
    for (slug, reason), number in fired.failures.most_common(REASONS_SHOWN):
        times = f" ({number:,} times)" if number > 1 else ""
        views.talk(views.printable(f"{slug} failed{times}: {reason}"), "red")
    views.next_step(again, "After the fix")
    return ExitCode.NOT_ALL_REACHED


def _emails(number: int) -> str:
    return "1 email" if number == 1 else f"{number:,} emails"


def _fired_row(slug: str, fired: "Fired") -> dict[str, Any]:
    return {
        "event": slug,
        "id": fired.event_id,
        "events": fired.events,
        "repeated": fired.repeated,
        "queued": fired.queued,
        "suppressed": fired.suppressed,
        "failed": fired.failures.total(),
        "failures": [
            {"email": email, "reason": reason, "times": number}
            for (email, reason), number in fired.failures.most_common()
        ],
    }


def _kind_row(kind: EventKind) -> dict[str, Any]:
    return {
        "slug": kind.slug,
        "description": kind.description,
        "fields": [field.name for field in kind.fields],
        "source": kind.source,
    }


def _field_rows(kind: EventKind) -> list[dict[str, Any]]:
    return [
        {
            "name": field.name,
            "type": field.type.value,
            "required": field.required,
            "example": field.example,
            "description": field.description,
        }
        for field in kind.fields
    ]


def _email_row(draft: Any) -> dict[str, Any]:
    return {"slug": draft.slug, "target": draft.target.value, "title": draft.title, "active": draft.active}


def _log_row(standing: Standing) -> dict[str, Any]:
    counts = standing.counts
    return {
        "id": standing.event.id,
        "event": standing.event.slug,
        "fired_at": standing.event.fired_at,
        "outcome": standing.outcome,
        "queued": sum(counts.get(status, 0) for status in ("queued", "sending", "deferred")),
        **{name: counts.get(name, 0) for name in _FINAL},
        "note": standing.note,
        "dedupe_key": standing.event.dedupe_key,
        "not_after": standing.event.not_after,
        "payload": dict(standing.event.payload),
    }


_FINAL = tuple(
    status.value
    for status in (
        DeliveryStatus.SENT,
        DeliveryStatus.FAILED,
        DeliveryStatus.UNKNOWN,
        DeliveryStatus.SUPPRESSED,
        DeliveryStatus.CANCELLED,
    )
)
