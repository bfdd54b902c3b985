"""ummsg notices: the coloured messages on dashboards."""

from typing import Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, CustomerOption, Fields, Format, Limit, NoticeId, Yes, noun
from ummsg.cli.publishing import publish
from ummsg.domain.notice import Notice
from ummsg.errors import InvalidInput
from ummsg.vocabulary import ListFormat, NoticeState

app = noun("The coloured messages on dashboards.")


@app.command("list")
def list_notices(
    ctx: Context,
    customer: CustomerOption = None,
    state: Annotated[NoticeState | None, typer.Option("--state", help="Only notices in this state.")] = None,
    limit: Limit = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List notices, the newest first; with --customer, exactly what that dashboard shows now."""
    ummsg = ctx.obj
    if customer is None:
        notices = ummsg.notices.all(state=state, limit=limit)
    else:
        if state not in (None, NoticeState.LIVE):
            raise InvalidInput(f"A dashboard shows live notices only; --state {state} does not go with --customer")
        notices = ummsg.notices.shown_to(ummsg.directory.customer(customer))[:limit]
    columns = ["id", "notice_type", "subject", "audience", "window", "state", "dismissed"]
    if any(notice.publication for notice in notices):
        columns.insert(-1, "network")
    views.listing(map(_row, notices), format, fields, columns=columns)


@app.command()
def show(ctx: Context, notice_id: NoticeId, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show one notice."""
    views.record(_row(ctx.obj.notices.get(notice_id)), format, fields)


@app.command()
def withdraw(ctx: Context, notice_id: NoticeId, yes: Yes = False) -> None:
    """Take a notice off every dashboard, now."""
    ummsg = ctx.obj
    notice = ummsg.notices.get(notice_id)
    if notice.state is not NoticeState.WITHDRAWN:
        ummsg.prompter.confirm_destructive(f"Withdraw notice {notice_id}, {notice.subject!r}?", yes=yes)
    ummsg.notices.withdraw(notice_id)
    views.talk(f"Notice {notice_id} is on no dashboard any more.")
    raise typer.Exit(publish(ummsg))


@app.command()
def dismiss(
    ctx: Context,
    notice_id: NoticeId,
    customer: Annotated[str, typer.Option("--customer", metavar="REF", help="Whose dashboard: an id or address.")],
) -> None:
    """Close a notice on one customer's dashboard, as the customer would."""
    ummsg = ctx.obj
    found = ummsg.directory.customer(customer)
    dismissed = ummsg.notices.dismiss(notice_id, found)
    views.talk(f"Notice {notice_id} {'is' if dismissed else 'was already'} dismissed for {found.label}.")


def _row(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "notice_type": notice.notice_type.value,
        "subject": notice.subject,
        "html": notice.html,
        "audience": notice.audience,
        "starts": notice.starts,
        "ends": notice.ends,
        "window": _window(notice),
        "state": notice.state.value,
        "dismissed": notice.dismissed,
        "network": notice.publication.arrival.value if notice.publication else None,
        "network_reply": notice.publication.reply if notice.publication else None,
    }


def _window(notice: Notice) -> str:
    starts = views.local_time(notice.starts) if notice.starts else ""
    ends = views.local_time(notice.ends) if notice.ends else ""
    if not starts and not ends:
        return "always"
    return f"{starts or 'now'} – {ends or 'withdrawn'}"
