"""ummsg customers: the people who pay."""

from typing import Annotated, Any

import typer

from ummsg.cli import importing, views
from ummsg.cli.importing import DryRun, File, Rejects, Strict
from ummsg.cli.options import Context, CustomerRef, Fields, Format, Limit, Yes, noun
from ummsg.domain.customer import Customer
from ummsg.services.imports.outcome import ImportOptions
from ummsg.vocabulary import ListFormat

app = noun("The customers: import, list, show, add, delete.")

Search = Annotated[
    str,
    typer.Option("--search", metavar="WORDS", help="Only those with these words, or beginnings, in name or address."),
]


@app.command("import")
def import_customers(
    ctx: Context, file: File, strict: Strict = False, dry_run: DryRun = False, rejects: Rejects = None
) -> None:
    """Add and update customers from a file.

    Needs the column email; name, id (the network's), locale, timezone, registered_at, email_verification and products
    (slugs with an optional :status, separated by ;) are known, others become attributes: customer_NAME in messages.
    Exit code 3 if rows were rejected.
    """
    importing.run(ctx.obj.directory.import_customers, file, ImportOptions(strict, dry_run, rejects))


@app.command("list")
def list_customers(
    ctx: Context,
    search: Search = "",
    limit: Limit = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List customers, all or those that a search finds."""
    rows = map(_row, ctx.obj.directory.customers(search, limit))
    columns = ["id", "external_id", "email", "name", "locale"]
    views.listing(rows, format, fields, columns=columns)


@app.command()
def show(ctx: Context, customer: CustomerRef, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show one customer with everything that is known, memberships too."""
    ummsg = ctx.obj
    found = ummsg.directory.customer(customer)
    memberships = [
        {"product": slug, "status": membership.status.value, "expires": membership.expires_at}
        for membership, _, slug in ummsg.directory.memberships(customer=found)
    ]
    gone = {"gone_at": ummsg.directory.gone_since(found)}
    views.record(_row(found) | {"memberships": memberships} | gone, format, fields)


@app.command()
def add(
    ctx: Context,
    email: Annotated[str, typer.Option("--email", metavar="ADDRESS", help="Where mail to them goes.")],
    name: Annotated[str, typer.Option("--name", help="What messages call them.")] = "",
) -> None:
    """Add one customer."""
    added = ctx.obj.directory.add_customer(email, name)
    views.talk(f"Customer {added.id} is {added.label}.")


@app.command()
def delete(ctx: Context, customer: CustomerRef, yes: Yes = False) -> None:
    """Delete a customer; what waits to be sent to them is cancelled, what was sent stays on record."""
    ummsg = ctx.obj
    found = ummsg.directory.customer(customer)
    ummsg.prompter.confirm_destructive(f"Delete {found.label}, with their memberships?", yes=yes)
    cancelled = ummsg.directory.delete_customer(found)
    which = "1 message to them is" if cancelled == 1 else f"{cancelled:,} messages to them are"
    views.talk(f"{found.label} is deleted." + (f" {which} cancelled." if cancelled else ""))


def _row(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "external_id": customer.external_id,
        "email": customer.email,
        "name": customer.name,
        "locale": customer.locale,
        "timezone": customer.timezone,
        "registered_at": customer.registered_at,
        "email_verification": customer.email_verification.value,
        "attributes": dict(customer.attributes),
    }
