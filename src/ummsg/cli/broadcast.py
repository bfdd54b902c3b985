"""ummsg broadcast: compose (see broadcast_new.py), review, send and follow a message."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import broadcast_control, broadcast_new, broadcast_plan, broadcast_why, views
from ummsg.cli.content import read_content
from ummsg.cli.options import (
    Attempts,
    BroadcastId,
    Context,
    Fields,
    Format,
    Limit,
    Rate,
    RenderAll,
    RetryFor,
    Yes,
    noun,
)
from ummsg.cli.publishing import publish
from ummsg.cli.rates import parse_rate
from ummsg.cli.times import parse_length, wall_time, when_words
from ummsg.errors import InvalidInput
from ummsg.vocabulary import (
    LARGEST,
    BroadcastStatus,
    BroadcastType,
    ContentFormat,
    DeliveryStatus,
    ExitCode,
    ListFormat,
    NoticeType,
)

if TYPE_CHECKING:
    from ummsg.domain.broadcast import Broadcast
    from ummsg.domain.delivery import Counts
    from ummsg.runtime import Runtime

app = noun("Compose, review, send and follow a message.")
app.command("new")(broadcast_new.new)
app.command("plan")(broadcast_plan.plan)


@app.command("list")
def list_broadcasts(
    ctx: Context,
    type: Annotated[BroadcastType | None, typer.Option("--type", help="Only emails, or only notices.")] = None,
    status: Annotated[BroadcastStatus | None, typer.Option("--status", help="Only broadcasts in this state.")] = None,
    limit: Limit = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List broadcasts, the newest first."""
    rows: Iterable[dict[str, Any]] = map(_row, ctx.obj.broadcasts.newest(type, status, limit))
    if format is ListFormat.TABLE and not fields:
        rows = ({**row, "at": row["at"] or (row["at_local"] and f"{row['at_local']} local")} for row in rows)
    views.listing(rows, format, fields, columns=["id", "type", "status", "subject", "targeted", "at", "created_at"])


@app.command()
def show(
    ctx: Context,
    broadcast_id: BroadcastId,
    deliveries: Annotated[bool, typer.Option("--deliveries", help="List each recipient's delivery instead.")] = False,
    status: Annotated[DeliveryStatus | None, typer.Option("--status", help="With --deliveries: in this state.")] = None,
    limit: Limit = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """Show a broadcast and its balance: targeted is the sum of all the other counts."""
    ummsg = ctx.obj
    if deliveries:
        from ummsg.cli.outbox import delivery_row

        rows = map(delivery_row, ummsg.broadcasts.deliveries(broadcast_id, status, limit))
        columns = ["id", "email", "status", "attempts", "due_at", "reply"]
        views.listing(rows, format, fields, columns=columns)
        return
    if status is not None or limit is not None:
        raise InvalidInput(
            "--status and --limit go with --deliveries", hint=f"ummsg broadcast show {broadcast_id} --deliveries"
        )
    broadcast, counts = ummsg.broadcasts.get(broadcast_id), ummsg.broadcasts.counts(broadcast_id)
    views.record(_full_row(ummsg, broadcast, counts), format, fields)
    if format is ListFormat.TABLE and not fields:
        broadcast_control.suggest(broadcast, counts)


@app.command()
def preview(
    ctx: Context,
    broadcast_id: BroadcastId,
    customer: Annotated[str, typer.Option("--customer", metavar="REF", help="Whose message: an id or address.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the HTML to a file.")] = None,
) -> None:
    """Show the message as one customer gets it."""
    ummsg = ctx.obj
    sample = ummsg.broadcasts.sample(broadcast_id, ummsg.directory.customer(customer))
    if html is not None:
        _write(html, sample.html)
        views.talk(f"Written to {html}; open it in a browser.")
        return
    from ummsg.cli.review import show_sample

    show_sample(sample)


@app.command()
def test(
    ctx: Context,
    broadcast_id: BroadcastId,
    as_customer: Annotated[str, typer.Option("--as", metavar="REF", help="Whose message: an id or address.")],
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Where to send it.")],
) -> None:
    """Send one customer's message, marked as a test, to any address; only rate limits count it."""
    from ummsg.domain.address import checked_address
    from ummsg.domain.delivery import Fate

    ummsg = ctx.obj
    address = checked_address(to)
    customer = ummsg.directory.customer(as_customer)
    ummsg.broadcasts.sample(broadcast_id, customer)
    outcome = ummsg.outbox.send_test(ummsg.broadcasts.prepared(broadcast_id), customer, address)
    views.talk(f"The message for {customer.label}, to {address}: {outcome.fate}. {views.printable(outcome.reply)}")
    if outcome.fate is not Fate.ACCEPTED:
        raise typer.Exit(ExitCode.NOT_ALL_REACHED)


@app.command()
def send(
    ctx: Context,
    broadcast_id: Annotated[int | None, typer.Argument(metavar="[ID]", max=LARGEST, help="A broadcast's id.")] = None,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="FILE|-", help="Do what `broadcast plan` planned, or refuse.")
    ] = None,
    rate: Rate = None,
    yes: Yes = False,
    render_all: RenderAll = False,
) -> None:
    """Send a draft, a scheduled or a paused broadcast now, go on with one that was stopped, or carry out a plan."""
    ummsg = ctx.obj
    rates = parse_rate(rate)
    if (broadcast_id is None) == (plan is None):
        raise InvalidInput("Give either an ID or --plan", hint="ummsg broadcast list, or ummsg broadcast plan --help")
    if plan is not None:
        raise typer.Exit(
            broadcast_new.send_planned(
                ummsg, broadcast_plan.read_plan(ummsg, plan), rates, yes=yes, render_all=render_all
            )
        )
    assert broadcast_id is not None  # noqa: S101 - one of them is
    broadcast = ummsg.broadcasts.get(broadcast_id)
    if broadcast.status is BroadcastStatus.PAUSED and broadcast.frozen:
        broadcast = ummsg.broadcast_control.resume(broadcast_id)
    if broadcast.status in (BroadcastStatus.DRAFT, BroadcastStatus.SCHEDULED, BroadcastStatus.PAUSED):
        raise typer.Exit(broadcast_new.send_stored(ummsg, broadcast, rates, yes=yes, render_all=render_all))
    if broadcast.status is BroadcastStatus.FREEZING:
        ummsg.broadcasts.freeze(broadcast)
    elif broadcast.status is BroadcastStatus.FINISHED:
        views.talk(f"Broadcast {broadcast_id} is finished: there is nothing to send.")
        return
    elif broadcast.status is not BroadcastStatus.QUEUED:
        note = f" ({broadcast.note})" if broadcast.note else ""
        raise InvalidInput(
            f"Broadcast {broadcast_id} is {broadcast.status}{note}: it cannot be sent",
            hint=f"ummsg broadcast show {broadcast_id}",
        )
    from ummsg.cli.draining import drain

    code = drain(ummsg, [broadcast_id], rate=rates, resume=f"ummsg broadcast send {broadcast_id}")
    if not code and (later := ummsg.broadcasts.counts(broadcast_id).queued):
        views.talk(f"For {later:,} it is not time yet on their own clocks; `ummsg outbox run` sends it.")
    raise typer.Exit(code)


@app.command()
def edit(
    ctx: Context,
    broadcast_id: BroadcastId,
    subject: Annotated[str | None, typer.Option("--subject")] = None,
    content: Annotated[str | None, typer.Option("--content", metavar="TEXT")] = None,
    content_file: Annotated[str | None, typer.Option("--content-file", metavar="FILE|-")] = None,
    content_format: Annotated[ContentFormat | None, typer.Option("--content-format")] = None,
    notice_type: Annotated[NoticeType | None, typer.Option("--notice-type")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME")] = None,
    at_local: Annotated[str | None, typer.Option("--at-local", metavar="TIME")] = None,
    not_after: Annotated[str | None, typer.Option("--not-after", metavar="TIME")] = None,
    starts: Annotated[str | None, typer.Option("--starts", metavar="TIME")] = None,
    ends: Annotated[str | None, typer.Option("--ends", metavar="TIME")] = None,
    sender: Annotated[str | None, typer.Option("--from", metavar="SENDER")] = None,
    reply_to: Annotated[str | None, typer.Option("--reply-to", metavar="ADDRESS")] = None,
    attempts: Attempts = None,
    retry_for: RetryFor = None,
    reshow: Annotated[bool, typer.Option("--reshow", help="Show a notice again to those who dismissed it.")] = False,
) -> None:
    """Change a draft, a scheduled email, or a notice that is on dashboards.

    Without options, on a terminal: go on with a draft where it was left, or edit the text of the others in $EDITOR.
    """
    times = ctx.obj.times
    changes: dict[str, Any] = {
        "subject": subject,
        "content": read_content(content, content_file),
        "content_format": content_format,
        "notice_type": notice_type,
        "at": times.moment(at, "--at"),
        "at_local": times.local_time(at_local, "--at-local"),
        "not_after": times.moment(not_after, "--not-after"),
        "starts": times.moment(starts, "--starts"),
        "ends": times.moment(ends, "--ends"),
        "sender": sender,
        "reply_to": reply_to,
        "attempts": attempts,
        "retry_for": parse_length(retry_for, "--retry-for"),
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    for one, other in (("at", "at_local"), ("at_local", "at")):
        if one in changes and other not in changes:
            changes[other] = None  # they do not go together: the new one takes the place of the old
    if not changes and not reshow:
        broadcast = ctx.obj.broadcasts.get(broadcast_id)
        if broadcast.status is BroadcastStatus.DRAFT and ctx.obj.prompter.interactive:
            raise typer.Exit(broadcast_new.edit_by_wizard(ctx.obj, broadcast))
        changes = {"content": _edited_content(ctx.obj, broadcast_id)}
    broadcast = ctx.obj.broadcasts.edit(broadcast_id, changes, reshow=reshow)
    when = f", for {when_words(broadcast.draft)}" if at or at_local else ""
    views.talk(f"Broadcast {broadcast.id} is changed ({broadcast.status}{when}).")
    if broadcast.status is BroadcastStatus.PUBLISHED:
        raise typer.Exit(publish(ctx.obj))


app.command("pause")(broadcast_control.pause)
app.command("resume")(broadcast_control.resume)


@app.command()
def cancel(ctx: Context, broadcast_id: BroadcastId, yes: Yes = False) -> None:
    """Stop an email: what has not been sent never will be."""
    ummsg = ctx.obj
    broadcast = ummsg.broadcasts.get(broadcast_id)
    ummsg.prompter.confirm_destructive(f"Cancel broadcast {broadcast_id}, {broadcast.subject!r}?", yes=yes)
    cancelled = ummsg.broadcasts.cancel(broadcast_id)
    if not broadcast.frozen:
        views.talk(f"Broadcast {broadcast_id} is cancelled; nobody gets it.")
        return
    who = views.so_many(cancelled, "recipient does not", "recipients do not")
    views.talk(f"Broadcast {broadcast_id} is cancelled; {who} get it.")
    if on_the_way := ummsg.broadcasts.counts(broadcast_id).open:
        who = views.so_many(on_the_way, "other is", "others are")
        views.talk(f"{who} in the hands of a run at this moment: some may still get it.")
        views.next_step(f"ummsg broadcast show {broadcast_id}", "What became of them")


app.command("retry")(broadcast_control.retry)
app.command("resolve")(broadcast_control.resolve)
app.command("why")(broadcast_why.why)


@app.command()
def delete(ctx: Context, broadcast_id: BroadcastId, yes: Yes = False) -> None:
    """Delete a draft; what was sent is kept as proof."""
    ummsg = ctx.obj
    broadcast = ummsg.broadcasts.get(broadcast_id)
    ummsg.prompter.confirm_destructive(f"Delete draft {broadcast_id}, {broadcast.subject!r}?", yes=yes)
    ummsg.broadcasts.delete(broadcast_id)
    views.talk(f"Draft {broadcast_id} is deleted.")


def _edited_content(ummsg: "Runtime", broadcast_id: int) -> str:
    from ummsg.cli.editor import edit_text

    if not ummsg.prompter.interactive:
        raise InvalidInput("Nothing to change was given", hint="ummsg broadcast edit --help")
    draft = ummsg.broadcasts.get(broadcast_id).draft
    return edit_text(draft.content, draft.content_format)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written", details=[error.strerror or str(error)]) from None


_FROZEN = (BroadcastStatus.QUEUED, BroadcastStatus.FINISHED, BroadcastStatus.CANCELLED, BroadcastStatus.PAUSED)


def _row(broadcast: "Broadcast") -> dict[str, Any]:
    return {
        "id": broadcast.id,
        "type": broadcast.type.value,
        "status": broadcast.status.value,
        "subject": broadcast.subject,
        "targeted": broadcast.targeted if broadcast.status in _FROZEN else None,
        "at": broadcast.draft.at,
        "created_at": broadcast.created_at,
        "updated_at": broadcast.updated_at,
        "at_local": wall_time(broadcast.draft.at_local),
    }


def _full_row(ummsg: "Runtime", broadcast: "Broadcast", counts: "Counts") -> dict[str, Any]:
    from dataclasses import asdict

    from ummsg.domain.duration import shown_duration

    draft, span = broadcast.draft, ummsg.broadcasts.local_span(broadcast)
    retries = draft.retries if draft.type is BroadcastType.EMAIL else None
    return {
        "id": broadcast.id,
        "type": broadcast.type.value,
        "status": broadcast.status.value,
        "note": broadcast.note,
        "subject": broadcast.subject,
        "counts": asdict(counts),
        "targets": ummsg.broadcasts.audience_labels(broadcast),
        "membership_statuses": [status.value for status in draft.audience.statuses],
        "content_format": draft.content_format.value,
        "content": draft.content,
        "notice_type": draft.notice_type.value if draft.type is BroadcastType.NOTICE else None,
        "at": draft.at,
        "at_local": wall_time(draft.at_local),
        "default_zone": draft.at_local.default_zone if draft.at_local else None,
        "first_at": span.first if span else None,
        "last_at": span.last if span else None,
        "not_after": draft.not_after,
        "starts": draft.starts,
        "ends": draft.ends,
        "from": draft.sender or None,
        "reply_to": draft.reply_to or None,
        "attempts": retries and retries.attempts,
        "retry_for": retries and shown_duration(retries.age),
        "idempotency_key": broadcast.idempotency_key,
        "created_at": broadcast.created_at,
        "updated_at": broadcast.updated_at,
    }
