"""ummsg memberships: who is on which product."""

from typing import Annotated, Any

import typer

from ummsg.cli import importing, views
from ummsg.cli.importing import DryRun, File, Rejects, Strict
from ummsg.cli.options import Context, CustomerOption, Fields, Format, Limit, noun
from ummsg.domain.customer import Membership
from ummsg.services.imports.outcome import ImportOptions
from ummsg.vocabulary import ListFormat, MembershipStatus

app = noun("Who is on which product: import, list.")


@app.command("import")
def import_memberships(
    ctx: Context, file: File, strict: Strict = False, dry_run: DryRun = False, rejects: Rejects = None
) -> None:
    """Add and update memberships from a file.

    Needs the columns customer (address or id) and product (slug or id); id (the network's), status, starts and
    expires are known, others are left out. A number means the network's id first, then ours. Exit code 3 if rows
    were rejected.
    """
    importing.run(ctx.obj.directory.import_memberships, file, ImportOptions(strict, dry_run, rejects))


@app.command("list")
def list_memberships(
    ctx: Context,
    customer: CustomerOption = None,
    product: Annotated[str | None, typer.Option("--product", metavar="REF", help="A product's id or slug.")] = None,
    status: Annotated[MembershipStatus | None, typer.Option("--status", help="Only those in this status.")] = None,
    limit: Limit = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List memberships, all or those of a customer, of a product, in a status."""
    directory = ctx.obj.directory
    found = directory.memberships(
        customer=None if customer is None else directory.customer(customer),
        product=None if product is None else directory.product(product),
        status=status,
        limit=limit,
    )
    columns = ["id", "external_id", "customer", "product", "status", "starts", "expires"]
    views.listing((_row(*each) for each in found), format, fields, columns=columns)


def _row(membership: Membership, email: str, slug: str) -> dict[str, Any]:
    return {
        "id": membership.id,
        "external_id": membership.external_id,
        "customer": email,
        "product": slug,
        "status": membership.status.value,
        "starts": membership.starts_at,
        "expires": membership.expires_at,
        "customer_id": membership.customer_id,
        "product_id": membership.product_id,
    }
