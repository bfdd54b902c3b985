"""ummsg broadcast plan, and broadcast send --plan: look at what would be done, then do exactly that."""

from typing import TYPE_CHECKING, Any

from ummsg.cli import views
from ummsg.cli.composing import (
    At,
    AtLocal,
    Colour,
    Content,
    ContentFile,
    Customers,
    Ends,
    Everyone,
    Form,
    IdempotencyKey,
    NotAfter,
    Products,
    ReplyTo,
    Sender,
    Starts,
    Statuses,
    Subject,
    Type,
    collected,
)
from ummsg.cli.content import read_content
from ummsg.cli.options import Attempts, Context, RetryFor
from ummsg.cli.times import parse_length
from ummsg.errors import InvalidInput
from ummsg.vocabulary import ContentFormat

if TYPE_CHECKING:
    from ummsg.domain.plan import Plan
    from ummsg.runtime import Runtime

_MOST_BYTES = 32 * 1024 * 1024
"""The longest message with every character escaped, and more targets than fit on a command line."""


def plan(
    ctx: Context,
    type: Type = None,
    customer: Customers = None,
    product: Products = None,
    everyone: Everyone = False,
    membership_status: Statuses = None,
    notice_type: Colour = None,
    subject: Subject = None,
    content: Content = None,
    content_file: ContentFile = None,
    content_format: Form = ContentFormat.MARKDOWN,
    at: At = None,
    at_local: AtLocal = None,
    not_after: NotAfter = None,
    starts: Starts = None,
    ends: Ends = None,
    sender: Sender = "",
    reply_to: ReplyTo = "",
    attempts: Attempts = None,
    retry_for: RetryFor = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Review a message like `new`, store nothing, and print a plan of it as JSON.

    `ummsg broadcast send --plan FILE` does exactly what it says, or refuses (exit code 2) and names what has changed.
    """
    from ummsg.cli.answers import missing, to_draft

    answers = collected(
        ctx.obj,
        type=type,
        customers=customer or (),
        products=product or (),
        everyone=everyone,
        membership_statuses=membership_status or (),
        notice_type=notice_type,
        subject=subject,
        content=read_content(content, content_file),
        content_format=content_format,
        at=at,
        at_local=at_local,
        not_after=not_after,
        starts=starts,
        ends=ends,
        sender=sender,
        reply_to=reply_to,
        attempts=attempts,
        retry_for=parse_length(retry_for, "--retry-for"),
    )
    if lacking := missing(answers):
        raise InvalidInput(f"Missing: {', '.join(lacking)}", hint="ummsg broadcast plan --help")
    _, made = ctx.obj.plans.make(to_draft(answers), key=idempotency_key)
    print(views.as_json(ctx.obj.plans.sealed(made), indent=2))
    _tell(made)


def read_plan(ummsg: "Runtime", source: str) -> "Plan":
    """The plan in a file, or on standard input. Raises InvalidInput for what is no plan of this database."""
    from ummsg.cli.reading import named, read_bounded
    from ummsg.strict_json import parse_json

    hint = "ummsg broadcast plan … > plan.json"
    text = read_bounded(source, _MOST_BYTES, "--plan", "a plan", hint=hint)
    where = f"--plan: {named(source)}"
    content: Any = parse_json(text, where, hint=hint)
    try:
        return ummsg.plans.read(content)
    except InvalidInput as error:
        error.what = f"{where}: {error.what}"
        raise


def _tell(made: "Plan") -> None:
    from ummsg.cli.review import people

    counts = made.standing.counts
    left_out = f", {counts['left_out']:,} left out" if counts["left_out"] else ""
    views.talk(f"Planned for {people(counts['recipients'])}{left_out}; nothing was stored or sent.")
    views.next_step("ummsg broadcast send --plan FILE", "Do it")
