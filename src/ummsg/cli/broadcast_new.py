"""ummsg broadcast new: flags or wizard → one draft → review → confirm → send."""

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from ummsg.cli import views
from ummsg.cli.content import read_content
from ummsg.cli.options import Attempts, Context, NoInput, RenderAll, RetryFor, Yes
from ummsg.cli.reviewing import reviewed
from ummsg.cli.times import parse_length, parse_time
from ummsg.errors import Cancelled, InvalidInput
from ummsg.vocabulary import (
    BroadcastStatus,
    BroadcastType,
    ContentFormat,
    ExitCode,
    MembershipStatus,
    NoticeType,
)

if TYPE_CHECKING:
    from ummsg.cli.answers import Answers
    from ummsg.domain.broadcast import Broadcast, BroadcastDraft
    from ummsg.runtime import Runtime
    from ummsg.services.broadcasts import Review


@dataclass(frozen=True)
class How:
    """What is to be done with the message, as opposed to what it says and to whom."""

    key: str | None = None
    draft: bool = False
    queue: bool = False
    dry_run: bool = False
    yes: bool = False
    porcelain: bool = False
    render_all: bool = False

    def options(self) -> list[str]:
        """As they are typed, quoted for a shell."""
        switches = [name for name in ("draft", "queue", "dry_run", "render_all") if getattr(self, name)]
        key = [f"--idempotency-key {shlex.quote(self.key)}"] if self.key else []
        return [*(f"--{name.replace('_', '-')}" for name in switches), *key]


def new(
    ctx: Context,
    type: Annotated[BroadcastType | None, typer.Option("--type", help="An email, or a notice on dashboards.")] = None,
    customer: Annotated[
        list[str] | None, typer.Option("--customer", metavar="REF", help="A customer, by id or address; repeatable.")
    ] = None,
    product: Annotated[
        list[str] | None,
        typer.Option("--product", metavar="REF", help="Everyone on a product, by id or slug; repeatable."),
    ] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="Every customer.")] = False,
    membership_status: Annotated[
        list[MembershipStatus] | None,
        typer.Option(
            "--membership-status", help="Memberships that count for --product; active and trialing if not given."
        ),
    ] = None,
    notice_type: Annotated[
        NoticeType | None, typer.Option("--notice-type", help="A notice's colour.  [default: success]")
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="One line.")] = None,
    content: Annotated[str | None, typer.Option("--content", metavar="TEXT", help="The message.")] = None,
    content_file: Annotated[
        str | None, typer.Option("--content-file", metavar="FILE|-", help="The message, from a file or standard input.")
    ] = None,
    content_format: Annotated[
        ContentFormat, typer.Option("--content-format", help="What the message is written in.")
    ] = (ContentFormat.MARKDOWN),
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="Send an email then: ISO 8601.")] = None,
    not_after: Annotated[
        str | None, typer.Option("--not-after", metavar="TIME", help="Do not send it later than this.")
    ] = None,
    starts: Annotated[str | None, typer.Option("--starts", metavar="TIME", help="Show a notice from then on.")] = None,
    ends: Annotated[str | None, typer.Option("--ends", metavar="TIME", help="Show a notice until then.")] = None,
    sender: Annotated[str, typer.Option("--from", metavar="SENDER", help='"Name <address>", if not UMMSG_FROM.')] = "",
    reply_to: Annotated[str, typer.Option("--reply-to", metavar="ADDRESS", help="Where answers go.")] = "",
    attempts: Attempts = None,
    retry_for: RetryFor = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", metavar="K", help="A second call with the same key does nothing.")
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Store it, and send it later with: broadcast send ID.")
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Store and queue it; `ummsg outbox run` sends it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Review it, store nothing.")] = False,
    yes: Yes = False,
    render_all: RenderAll = False,
    no_input: NoInput = False,
    porcelain: Annotated[bool, typer.Option("--porcelain", help="Print the new id alone.")] = False,
) -> None:
    """Compose a message and send it to customers, to everyone on a product, or to everyone.

    What is not given by options is asked for on a terminal.

    Exit codes: 0 done, 2 refused and nothing stored, 3 not every recipient was reached, 4 not configured,
    130 cancelled.
    """
    from ummsg.cli.answers import Answers

    ummsg = ctx.obj
    answers = Answers(
        type=type,
        customers=[ummsg.directory.customer(ref) for ref in customer or ()],
        products=[ummsg.directory.product(ref) for ref in product or ()],
        everyone=everyone,
        membership_statuses=membership_status or [],
        notice_type=notice_type,
        subject=subject,
        content=read_content(content, content_file),
        content_format=content_format,
        at=parse_time(at, "--at"),
        not_after=parse_time(not_after, "--not-after"),
        starts=parse_time(starts, "--starts"),
        ends=parse_time(ends, "--ends"),
        sender=sender,
        reply_to=reply_to,
        attempts=attempts,
        retry_for=parse_length(retry_for, "--retry-for"),
    )
    how = How(idempotency_key, draft, queue, dry_run, yes, porcelain, render_all)
    raise typer.Exit(compose(ummsg, answers, how, ask=ummsg.prompter.interactive and not no_input))


def compose(ummsg: "Runtime", answers: "Answers", how: How, *, ask: bool) -> int:
    """From what was typed to a message on its way; returns the exit code."""
    from ummsg.cli.answers import missing

    if lacking := missing(answers):
        if not ask:
            raise InvalidInput(f"Missing: {', '.join(lacking)}", hint="ummsg broadcast new --help")
        return _by_wizard(ummsg, answers, how)
    return _by_flags(ummsg, answers, how)


def send_stored(ummsg: "Runtime", broadcast: "Broadcast", *, yes: bool, render_all: bool = False) -> int:
    """Review, confirm and send: a draft as it says, a scheduled or paused broadcast now."""
    draft = broadcast.draft
    if broadcast.status is not BroadcastStatus.DRAFT:
        draft = replace(draft, at=None)
    how = How(yes=yes, render_all=render_all)
    review = reviewed(ummsg.broadcasts, draft, render_all=render_all)
    _confirm(ummsg, review, how)
    return _carry_out(ummsg, _accept(ummsg, review, how, draft_id=broadcast.id), how)


def edit_by_wizard(ummsg: "Runtime", broadcast: "Broadcast") -> int:
    """Go on with a draft where it was left: what it lacks is asked for, and then comes its review."""
    from ummsg.cli.answers import from_draft

    customers, products = ummsg.directory.targeted(broadcast.draft.audience)
    return _by_wizard(ummsg, from_draft(broadcast.draft, customers, products), How(), broadcast.id)


def _by_flags(ummsg: "Runtime", answers: "Answers", how: How) -> int:
    from ummsg.cli.answers import to_draft
    from ummsg.cli.review import show_review

    draft = to_draft(answers)
    if how.key and (earlier := ummsg.broadcasts.sent_before(how.key, draft)):
        return _announce(earlier, how, f"Broadcast {earlier.id} has this idempotency key already; nothing was done.")
    review = reviewed(ummsg.broadcasts, draft, render_all=how.render_all)
    if how.dry_run:
        show_review(review)
        views.talk("A dry run: nothing was stored or sent.")
        return ExitCode.DONE
    if how.draft:
        return _save(ummsg, review, how)
    _confirm(ummsg, review, how)
    return _carry_out(ummsg, _accept(ummsg, review, how), how)


def _by_wizard(ummsg: "Runtime", answers: "Answers", how: How, draft_id: int | None = None) -> int:
    """What was typed outlives whatever happens: it is kept as a draft, and how to go on is said."""
    from ummsg.cli.answers import to_draft
    from ummsg.cli.questions import Decision
    from ummsg.cli.wizard import run_wizard

    try:
        decision = run_wizard(answers, directory=ummsg.directory, broadcasts=ummsg.broadcasts, prompter=ummsg.prompter)
        review = reviewed(ummsg.broadcasts, to_draft(answers), render_all=how.render_all)
        if how.dry_run:
            views.talk("A dry run: nothing was stored or sent.")
            views.next_step(_same_by_flags(answers, how), "The same by flags")
            return ExitCode.DONE
        if how.draft or decision is Decision.DRAFT:
            return _save(ummsg, review, how, draft_id)
        broadcast = _accept(ummsg, review, how, draft_id)
    except Exception:
        _rescue(ummsg, answers, draft_id)
        raise
    except KeyboardInterrupt:
        _rescue(ummsg, answers, draft_id)
        raise Cancelled("Cancelled") from None
    code = _carry_out(ummsg, broadcast, how)
    views.next_step(_same_by_flags(answers, how), "The same by flags")
    return code


def _same_by_flags(answers: "Answers", how: How) -> str:
    from ummsg.cli.answers import equivalent_command

    return " ".join([equivalent_command(answers), *how.options()])


def _rescue(ummsg: "Runtime", answers: "Answers", draft_id: int | None) -> None:
    from ummsg.cli.answers import to_draft

    if answers.type is None or not (answers.subject or answers.content):
        return
    draft = ummsg.broadcasts.save_draft(to_draft(answers), draft_id)
    views.talk(f"What you typed is kept as draft {draft.id}.")
    views.next_step(f"ummsg broadcast edit {draft.id}", "Go on with it")


def _confirm(ummsg: "Runtime", review: "Review", how: How) -> None:
    from ummsg.cli.review import people, show_review

    if how.yes:
        return
    if ummsg.prompter.interactive:
        show_review(review)
    verb = "Show this notice to" if review.draft.type is BroadcastType.NOTICE else "Send this email to"
    ummsg.prompter.confirm_destructive(f"{verb} {people(review.count.recipients)}?", yes=how.yes)


def _save(ummsg: "Runtime", review: "Review", how: How, draft_id: int | None = None) -> int:
    draft = ummsg.broadcasts.save_draft(review.draft, draft_id, key=how.key)
    code = _announce(draft, how, f"Kept as draft {draft.id}; nobody has got it.")
    views.next_step(f"ummsg broadcast send {draft.id}", "Send it")
    return code


def _accept(ummsg: "Runtime", review: "Review", how: How, draft_id: int | None = None) -> "Broadcast":
    """Store it. An email that goes out now first makes sure that the mail server can be had."""
    if _goes_now(review.draft, how):
        ummsg.outbox.check_transport()
    return ummsg.broadcasts.release(review, key=how.key, draft_id=draft_id)


def _carry_out(ummsg: "Runtime", broadcast: "Broadcast", how: How) -> int:
    """From here on it is in the database: whatever fails, `ummsg outbox run` goes on."""
    from ummsg.cli.draining import drain

    broadcast = ummsg.broadcasts.freeze(broadcast)
    code = _announce(broadcast, how, _what_happens(broadcast, how))
    if _goes_now(broadcast.draft, how) and broadcast.status is BroadcastStatus.QUEUED:
        code = drain(ummsg, [broadcast.id], resume=f"ummsg broadcast send {broadcast.id}")
    if not how.porcelain:
        views.next_step(_look_at(broadcast), "Look at it")
    return code


def _goes_now(draft: "BroadcastDraft", how: How) -> bool:
    return draft.type is BroadcastType.EMAIL and not how.queue and draft.at is None


def _what_happens(broadcast: "Broadcast", how: How) -> str:
    from ummsg.cli.review import people

    match broadcast.status:
        case BroadcastStatus.PUBLISHED:
            return f"Notice {broadcast.id} is published."
        case BroadcastStatus.SCHEDULED if broadcast.draft.at is not None:
            at = f"{views.local_time(broadcast.draft.at)} ({views.rfc3339(broadcast.draft.at)})"
            return f"Broadcast {broadcast.id} is scheduled for {at}; from then on, `ummsg outbox run` sends it."
        case BroadcastStatus.QUEUED if how.queue:
            return f"Broadcast {broadcast.id} is queued for {people(broadcast.targeted)}; `ummsg outbox run` sends it."
        case BroadcastStatus.QUEUED:
            return f"Broadcast {broadcast.id}, to {people(broadcast.targeted)}."
        case _:
            return f"Broadcast {broadcast.id} is {broadcast.status}."


def _look_at(broadcast: "Broadcast") -> str:
    noun = "notices" if broadcast.type is BroadcastType.NOTICE else "broadcast"
    return f"ummsg {noun} show {broadcast.id}"


def _announce(broadcast: "Broadcast", how: How, sentence: str) -> int:
    """What is stored goes on, whether or not anybody can be told its id."""
    if not how.porcelain:
        views.talk(sentence)
        return ExitCode.DONE
    try:
        print(broadcast.id, flush=True)
    except OSError as error:
        views.talk(f"The id of broadcast {broadcast.id} could not be printed: {error.strerror}")
    return ExitCode.DONE
