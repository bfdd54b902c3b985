"""ummsg suppressions: addresses that must not be mailed."""

from typing import Annotated

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, Fields, Format, noun
from ummsg.vocabulary import ListFormat

app = noun("Addresses that must not be mailed.")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; shown in every review that leaves it out.")]


@app.command("list")
def list_suppressions(ctx: Context, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """List the addresses that are never mailed, and why."""
    rows = ({"email": s.email, "reason": s.reason, "created_at": s.created_at} for s in ctx.obj.suppressions.all())
    views.listing(rows, format, fields, columns=["email", "reason", "created_at"], key="email")


@app.command()
def add(ctx: Context, address: Address, reason: Reason = "added by an admin") -> None:
    """Never mail this address again, whatever it is targeted by."""
    added = ctx.obj.suppressions.add(address, reason)
    views.talk(f"{address} will not be mailed." if added else f"{address} was suppressed already.")


@app.command()
def remove(ctx: Context, address: Address) -> None:
    """Allow mailing this address again."""
    removed = ctx.obj.suppressions.remove(address)
    views.talk(f"{address} may be mailed again." if removed else f"{address} was not suppressed.")
