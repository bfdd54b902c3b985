"""Options that several commands share, so that they are spelled and explained alike everywhere."""

from typing import Annotated

import typer

from ummsg.runtime import Runtime
from ummsg.vocabulary import LARGEST, ListFormat


class Context(typer.Context):
    """Typer's context, with the runtime that `main` put into it."""

    obj: Runtime


def noun(help: str) -> typer.Typer:
    """A noun's group of commands; Typer's own colours, and its completion options on every group, are left out."""
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False, help=help)


def single_command() -> typer.Typer:
    """A command that has no noun."""
    return typer.Typer(rich_markup_mode=None, add_completion=False)


Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed off a terminal.")]
NoInput = Annotated[bool, typer.Option("--no-input", help="Never ask; list what is missing instead.")]
Format = Annotated[ListFormat, typer.Option("--format", help="How to print; JSON keys are stable.")]
Fields = Annotated[str, typer.Option("--fields", metavar="A,B", help="Only these fields, in this order.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, max=LARGEST, help="At most so many rows.")]
Attempts = Annotated[
    int | None,
    typer.Option("--attempts", metavar="N", max=LARGEST, help="Try it so often for a recipient.  [default: 8]"),
]
RetryFor = Annotated[
    str | None,
    typer.Option("--retry-for", metavar="TIME", help="Give a recipient up after so long: 12h, 2d.  [default: 3d]"),
]
RenderAll = Annotated[
    bool, typer.Option("--render-all", help="Check it by making everyone's message, even if less proves it.")
]
BroadcastId = Annotated[int, typer.Argument(metavar="ID", max=LARGEST, help="A broadcast's id.")]
NoticeId = Annotated[int, typer.Argument(metavar="ID", max=LARGEST, help="A notice's id.")]
EventId = Annotated[int, typer.Argument(metavar="ID", max=LARGEST, help="An event's id, as in the log.")]
Rate = Annotated[str | None, typer.Option("--rate", metavar="RATE", help="No faster than, say, 50/s or 50/s,5000/h.")]
CustomerRef = Annotated[str, typer.Argument(metavar="REF", help="A customer's id or address.")]
ProductRef = Annotated[str, typer.Argument(metavar="REF", help="A product's id or slug.")]
CustomerOption = Annotated[str | None, typer.Option("--customer", metavar="REF", help="A customer's id or address.")]
EmailSlug = Annotated[str, typer.Argument(metavar="SLUG", help="A system email.")]
PayloadOption = Annotated[
    list[str] | None,
    typer.Option("--payload", metavar="FILE|-|KEY=VALUE", help="The event's payload; its example when left out."),
]
LocaleOption = Annotated[str, typer.Option("--locale", metavar="L", help="A language, such as en, sv or pt_BR.")]
