"""ummsg products: plans, packages and services."""

from typing import Annotated, Any

import typer

from ummsg.cli import importing, views
from ummsg.cli.importing import DryRun, File, Rejects, Strict
from ummsg.cli.options import Context, Fields, Format, Limit, ProductRef, noun
from ummsg.domain.customer import Product
from ummsg.services.imports.outcome import ImportOptions
from ummsg.vocabulary import ListFormat, ProductType

app = noun("The products: import, list, show, add.")


@app.command("import")
def import_products(
    ctx: Context, file: File, strict: Strict = False, dry_run: DryRun = False, rejects: Rejects = None
) -> None:
    """Add and update products from a file.

    Needs the column slug; id (the network's), name, type (plan, package or service) and active are known, others are
    left out. Exit code 3 if rows were rejected.
    """
    importing.run(ctx.obj.directory.import_products, file, ImportOptions(strict, dry_run, rejects))


@app.command("list")
def list_products(
    ctx: Context,
    search: Annotated[
        str, typer.Option("--search", metavar="WORDS", help="Only those with these words, or beginnings.")
    ] = "",
    limit: Limit = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List products by slug."""
    rows = map(_row, ctx.obj.directory.products(search, limit))
    columns = ["id", "external_id", "slug", "name", "type", "active"]
    views.listing(rows, format, fields, columns=columns)


@app.command()
def show(ctx: Context, product: ProductRef, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show one product, and how many memberships it has in each status."""
    ummsg = ctx.obj
    found = ummsg.directory.product(product)
    members = {status.value: number for status, number in ummsg.directory.members(found).items()}
    views.record(_row(found) | {"members": members}, format, fields)


@app.command()
def add(
    ctx: Context,
    slug: Annotated[str, typer.Option("--slug", help="Its name in commands and files.")],
    name: Annotated[str, typer.Option("--name", help="Its name for people.")] = "",
    type: Annotated[ProductType, typer.Option("--type", help="What it is.")] = ProductType.PLAN,
) -> None:
    """Add one product."""
    added = ctx.obj.directory.add_product(slug, name, type)
    views.talk(f"Product {added.id} is {added.label}.")


def _row(product: Product) -> dict[str, Any]:
    return {
        "id": product.id,
        "external_id": product.external_id,
        "slug": product.slug,
        "name": product.name,
        "type": product.type.value,
        "active": product.active,
    }
