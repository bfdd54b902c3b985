"""ummsg broadcast why: why a customer got a message, or did not."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.options import BroadcastId, Context, Fields, Format
from ummsg.errors import UnknownReference
from ummsg.vocabulary import ListFormat

if TYPE_CHECKING:
    from ummsg.domain.audience import Match
    from ummsg.domain.delivery import Attempt
    from ummsg.domain.why import Why
    from ummsg.runtime import Runtime


def why(
    ctx: Context,
    broadcast_id: BroadcastId,
    customer: Annotated[str, typer.Option("--customer", metavar="REF", help="A customer's id or address.")],
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """Say why a customer got a broadcast, or did not.

    Which target matched, or why none did; every attempt with the server's reply; how it stands now.
    """
    found = _why(ctx.obj, broadcast_id, customer)
    row = _row(found)
    if format is not ListFormat.TABLE or fields:
        views.record(row, format, fields, key="broadcast_id")
        return
    del row["targets"], row["targets_as_of"], row["attempts"]
    views.record(row, format)
    if found.attempts:
        views.listing(map(_attempt, found.attempts), format, columns=["number", "at", "status", "reply"], key="number")


def _why(ummsg: "Runtime", broadcast_id: int, ref: str) -> "Why":
    """A recipient who was deleted since is found by the address that the ledger has kept."""
    try:
        return ummsg.reasons.why(broadcast_id, ummsg.directory.customer(ref))
    except UnknownReference:
        if "@" in ref and (found := ummsg.reasons.why_deleted(broadcast_id, ref)):
            return found
        raise


def _row(why: "Why") -> dict[str, Any]:
    return {
        "broadcast_id": why.broadcast_id,
        "customer_id": why.customer_id,
        "email": why.email,
        "in_audience": why.in_audience,
        "targets": [_target(match) for match in why.matches],
        "targets_as_of": why.as_of,
        "reason": why.reason,
        "status": why.status,
        "shown": why.shown,
        "message_id": why.message_id,
        "attempts": [_attempt(attempt) for attempt in why.attempts],
    }


def _target(match: "Match") -> dict[str, Any]:
    return {
        "kind": match.target.kind.value,
        "target": match.label,
        "membership_status": match.status.value if match.status else None,
    }


def _attempt(attempt: "Attempt") -> dict[str, Any]:
    return {"number": attempt.number, "at": attempt.at, "status": attempt.status.value, "reply": attempt.reply}
