"""ummsg suppressions: addresses that must not be mailed."""

from typing import Annotated

import typer

from ummsg.cli import importing, views
from ummsg.cli.importing import DryRun, File, Rejects, Strict
from ummsg.cli.options import Context, Fields, Format, noun
from ummsg.errors import InvalidInput
from ummsg.services.imports.outcome import ImportOptions
from ummsg.vocabulary import ListFormat

app = noun("Addresses that must not be mailed: list, add, remove, import, accept.")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; shown in every review that leaves it out.")]


@app.command("list")
def list_suppressions(
    ctx: Context,
    proposed: Annotated[
        bool, typer.Option("--proposed", help="Instead, the addresses that a mail server says do not exist.")
    ] = False,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List the addresses that are never mailed, and why."""
    kept = ctx.obj.suppressions
    found = kept.proposed() if proposed else kept.all()
    rows = ({"email": s.email, "reason": s.reason, "created_at": s.created_at} for s in found)
    views.listing(rows, format, fields, columns=["email", "reason", "created_at"], key="email")


@app.command()
def add(ctx: Context, address: Address, reason: Reason = "added by an admin") -> None:
    """Never mail this address again, whatever it is targeted by."""
    added = ctx.obj.suppressions.add(address, reason)
    views.talk(f"{address} will not be mailed." if added else f"{address} was suppressed already.")


@app.command()
def remove(ctx: Context, address: Address) -> None:
    """Allow mailing this address again; a proposal to suppress it is dropped."""
    removed = ctx.obj.suppressions.remove(address)
    views.talk(f"{address} may be mailed again." if removed else f"{address} was not suppressed.")


@app.command("import")
def import_suppressions(
    ctx: Context, file: File, strict: Strict = False, dry_run: DryRun = False, rejects: Rejects = None
) -> None:
    """Never mail the addresses in a file again.

    Needs the column email, and takes reason; or one address a line, without a header. Exit code 3 if rows were
    rejected.
    """
    importing.run(ctx.obj.suppressions.import_file, file, ImportOptions(strict, dry_run, rejects))


@app.command()
def accept(
    ctx: Context,
    addresses: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ADDRESS]...", help="Addresses that are proposed.", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every address that is proposed.")] = False,
) -> None:
    """Suppress addresses that are proposed, because a mail server says that they do not exist."""
    if bool(addresses) == everything:
        raise InvalidInput("Which ones? Give addresses, or --all", hint="ummsg suppressions list --proposed")
    accepted = ctx.obj.suppressions.accept(addresses or None)
    for address in accepted:
        views.talk(f"{views.printable_line(address)} will not be mailed.")
    if not accepted:
        views.talk("Nothing is proposed." if everything else "They were suppressed already.")
