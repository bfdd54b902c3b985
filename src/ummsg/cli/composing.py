"""The options that say what a message is and whom it is for, alike for `broadcast new` and `broadcast plan`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.vocabulary import BroadcastType, ContentFormat, MembershipStatus, NoticeType

if TYPE_CHECKING:
    from ummsg.cli.answers import Answers
    from ummsg.runtime import Runtime

Type = Annotated[BroadcastType | None, typer.Option("--type", help="An email, or a notice on dashboards.")]
Customers = Annotated[
    list[str] | None, typer.Option("--customer", metavar="REF", help="A customer, by id or address; repeatable.")
]
Products = Annotated[
    list[str] | None,
    typer.Option("--product", metavar="REF", help="Everyone on a product, by id or slug; repeatable."),
]
Everyone = Annotated[bool, typer.Option("--everyone", help="Every customer.")]
Statuses = Annotated[
    list[MembershipStatus] | None,
    typer.Option("--membership-status", help="Memberships that count for --product; active and trialing if not given."),
]
Colour = Annotated[NoticeType | None, typer.Option("--notice-type", help="A notice's colour.  [default: success]")]
Subject = Annotated[str | None, typer.Option("--subject", help="One line.")]
Content = Annotated[str | None, typer.Option("--content", metavar="TEXT", help="The message.")]
ContentFile = Annotated[
    str | None, typer.Option("--content-file", metavar="FILE|-", help="The message, from a file or standard input.")
]
Form = Annotated[ContentFormat, typer.Option("--content-format", help="What the message is written in.")]
At = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help='Send an email then: "tomorrow 9:00", or ISO 8601.')
]
AtLocal = Annotated[
    str | None,
    typer.Option("--at-local", metavar="TIME", help="Send it when each customer's own clock shows that time."),
]
NotAfter = Annotated[str | None, typer.Option("--not-after", metavar="TIME", help="Do not send it later than this.")]
Starts = Annotated[str | None, typer.Option("--starts", metavar="TIME", help="Show a notice from then on.")]
Ends = Annotated[str | None, typer.Option("--ends", metavar="TIME", help="Show a notice until then.")]
Sender = Annotated[str, typer.Option("--from", metavar="SENDER", help='"Name <address>", if not UMMSG_FROM.')]
ReplyTo = Annotated[str, typer.Option("--reply-to", metavar="ADDRESS", help="Where answers go.")]
IdempotencyKey = Annotated[
    str | None, typer.Option("--idempotency-key", metavar="K", help="A second call with the same key does nothing.")
]


def collected(
    ummsg: "Runtime",
    *,
    customers: Sequence[str],
    products: Sequence[str],
    membership_statuses: Sequence[MembershipStatus],
    at: str | None,
    at_local: str | None,
    not_after: str | None,
    starts: str | None,
    ends: str | None,
    **others: Any,
) -> "Answers":
    """What the options say: customers and products looked up, times read. Raises InvalidInput naming the option."""
    from ummsg.cli.answers import Answers

    return Answers(
        customers=[ummsg.directory.customer(ref) for ref in customers],
        products=[ummsg.directory.product(ref) for ref in products],
        membership_statuses=list(membership_statuses),
        at=ummsg.times.moment(at, "--at"),
        at_local=ummsg.times.local_time(at_local, "--at-local"),
        not_after=ummsg.times.moment(not_after, "--not-after"),
        starts=ummsg.times.moment(starts, "--starts"),
        ends=ummsg.times.moment(ends, "--ends"),
        **others,
    )
