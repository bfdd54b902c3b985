"""ummsg broadcast new: flags or wizard → one draft → review → confirm → send."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

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
from ummsg.cli.options import Attempts, Context, NoInput, Rate, RenderAll, RetryFor, Yes
from ummsg.cli.rates import parse_rate
from ummsg.cli.reviewing import reviewed
from ummsg.cli.times import parse_length, when_words
from ummsg.errors import Cancelled, InvalidInput
from ummsg.vocabulary import (
    BroadcastStatus,
    BroadcastType,
    ContentFormat,
    ExitCode,
)

if TYPE_CHECKING:
    from ummsg.cli.answers import Answers
    from ummsg.domain.broadcast import Broadcast, BroadcastDraft
    from ummsg.domain.limits import Rates
    from ummsg.domain.plan import Plan
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
    rate: "Rates" = ()
    render_all: bool = False

    def options(self) -> list[str]:
        """As they are typed, quoted for a shell."""
        switches = [name for name in ("draft", "queue", "dry_run", "render_all") if getattr(self, name)]
        key = [f"--idempotency-key {shlex.quote(self.key)}"] if self.key else []
        rate = [f"--rate {','.join(map(str, self.rate))}"] if self.rate else []
        return [*(f"--{name.replace('_', '-')}" for name in switches), *key, *rate]


def new(
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
    draft: Annotated[
        bool, typer.Option("--draft", help="Store it, and send it later with: broadcast send ID.")
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Store and queue it; `ummsg outbox run` sends it.")] = False,
    rate: Rate = None,
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
    ummsg = ctx.obj
    answers = collected(
        ummsg,
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
    how = How(idempotency_key, draft, queue, dry_run, yes, porcelain, parse_rate(rate), render_all)
    raise typer.Exit(compose(ummsg, answers, how, ask=ummsg.prompter.interactive and not no_input))


def compose(ummsg: "Runtime", answers: "Answers", how: How, *, ask: bool) -> int:
    """From what was typed to a message on its way; returns the exit code."""
    from ummsg.cli.answers import missing

    if lacking := missing(answers):
        if not ask:
            raise InvalidInput(f"Missing: {', '.join(lacking)}", hint="ummsg broadcast new --help")
        return _by_wizard(ummsg, answers, how)
    return _by_flags(ummsg, answers, how)


def send_stored(ummsg: "Runtime", broadcast: "Broadcast", rate: "Rates", *, yes: bool, render_all: bool = False) -> int:
    """Review, confirm and send: a draft as it says, a scheduled or paused broadcast now."""
    draft = broadcast.draft
    if broadcast.status is not BroadcastStatus.DRAFT:
        draft = draft.unscheduled()
    how = How(yes=yes, rate=rate, render_all=render_all)
    _refuse_idle_rate(draft, how)
    review = reviewed(ummsg.broadcasts, draft, render_all=render_all)
    _confirm(ummsg, review, how)
    return _carry_out(ummsg, _accept(ummsg, review, how, draft_id=broadcast.id), how)


def send_planned(ummsg: "Runtime", plan: "Plan", rate: "Rates", *, yes: bool, render_all: bool = False) -> int:
    """Do what a plan says, once: a second time nothing is done. Raises PlanOutdated if it is not what it was."""
    how = How(key=plan.idempotency_key, yes=yes, rate=rate, render_all=render_all)
    _refuse_idle_rate(plan.draft, how)
    if earlier := ummsg.broadcasts.sent_before(plan.idempotency_key, plan.draft):
        return _done_before(ummsg, earlier, how, f"This plan is broadcast {earlier.id} already; nothing was done.")
    ummsg.plans.check(plan)
    review = reviewed(ummsg.broadcasts, plan.draft, render_all=render_all)
    _confirm(ummsg, review, how)
    return _carry_out(ummsg, _accept(ummsg, review, how, planned_audience=plan.standing.audience), how)


def edit_by_wizard(ummsg: "Runtime", broadcast: "Broadcast") -> int:
    """Go on with a draft where it was left: what it lacks is asked for, and then comes its review."""
    from ummsg.cli.answers import from_draft

    customers, products = ummsg.directory.targeted(broadcast.draft.audience)
    return _by_wizard(ummsg, from_draft(broadcast.draft, customers, products), How(), broadcast.id)


def _by_flags(ummsg: "Runtime", answers: "Answers", how: How) -> int:
    from ummsg.cli.answers import to_draft
    from ummsg.cli.review import show_review

    draft = to_draft(answers)
    _refuse_idle_rate(draft, how)
    if how.key and (earlier := ummsg.broadcasts.sent_before(how.key, draft)):
        sentence = f"Broadcast {earlier.id} has this idempotency key already; nothing was done."
        return _done_before(ummsg, earlier, how, sentence)
    review = reviewed(ummsg.broadcasts, draft, render_all=how.render_all)
    if how.dry_run:
        show_review(review)
        views.talk("A dry run: nothing was stored or sent.")
        return ExitCode.DONE
    if how.draft:
        return _save(ummsg, review, how)
    _confirm(ummsg, review, how)
    return _carry_out(ummsg, _accept(ummsg, review, how), how)


def _done_before(ummsg: "Runtime", earlier: "Broadcast", how: How, sentence: str) -> int:
    """Nothing is done a second time; whether the first time was enough is said, and is the exit code."""
    code = _announce(earlier, how, sentence)
    left, command = "", ""
    match earlier.status:
        case BroadcastStatus.PAUSED:
            left, command = f"It is paused ({earlier.note})", f"ummsg broadcast resume {earlier.id}"
        case BroadcastStatus.CANCELLED:
            left = f"It is cancelled ({earlier.note})"
        case BroadcastStatus.FREEZING | BroadcastStatus.QUEUED if _goes_now(earlier.draft, how):
            left, command = "It is not through yet", f"ummsg broadcast send {earlier.id}"
    if not left:
        if not how.porcelain:
            views.next_step(_look_at(earlier), "Look at it")
        return code
    waiting = ummsg.broadcasts.counts(earlier.id).open
    views.talk(f"{left}: {waiting:,} of {earlier.targeted:,} recipients wait for it." if waiting else f"{left}.")
    views.next_step(command or _look_at(earlier), "Go on with" if command else "Look at it")
    return ExitCode.NOT_ALL_REACHED


def _by_wizard(ummsg: "Runtime", answers: "Answers", how: How, draft_id: int | None = None) -> int:
    """What was typed outlives whatever happens: it is kept as a draft, and how to go on is said."""
    from ummsg.cli.answers import to_draft
    from ummsg.cli.questions import Decision
    from ummsg.cli.wizard import run_wizard

    try:
        decision = run_wizard(
            answers,
            directory=ummsg.directory,
            broadcasts=ummsg.broadcasts,
            prompter=ummsg.prompter,
            times=ummsg.times,
        )
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
    when = f" ({when_words(review.draft)})" if review.draft.released_at else ""
    ummsg.prompter.confirm_destructive(f"{verb} {people(review.count.recipients)}{when}?", yes=how.yes)


def _save(ummsg: "Runtime", review: "Review", how: How, draft_id: int | None = None) -> int:
    draft = ummsg.broadcasts.save_draft(review.draft, draft_id, key=how.key)
    when = f", for {when_words(draft.draft)}" if draft.draft.released_at else ""
    code = _announce(draft, how, f"Kept as draft {draft.id}{when}; nobody has got it.")
    views.next_step(f"ummsg broadcast send {draft.id}", "Send it")
    return code


def _accept(
    ummsg: "Runtime", review: "Review", how: How, draft_id: int | None = None, planned_audience: str = ""
) -> "Broadcast":
    """Store it. An email that goes out now first makes sure that the mail server can be had."""
    if _goes_now(review.draft, how):
        ummsg.outbox.check_transport()
    return ummsg.broadcasts.release(review, key=how.key, draft_id=draft_id, planned_audience=planned_audience)


def _carry_out(ummsg: "Runtime", broadcast: "Broadcast", how: How) -> int:
    """From here on it is in the database: whatever fails, `ummsg outbox run` goes on."""
    from ummsg.cli.draining import drain
    from ummsg.cli.publishing import publish

    broadcast = ummsg.broadcasts.freeze(broadcast)
    code = _announce(broadcast, how, _what_happens(broadcast, how))
    if _goes_now(broadcast.draft, how) and broadcast.status is BroadcastStatus.QUEUED:
        code = drain(ummsg, [broadcast.id], rate=how.rate, resume=f"ummsg broadcast send {broadcast.id}")
    if broadcast.status is BroadcastStatus.PUBLISHED and not how.queue:
        code = publish(ummsg)
    if not how.porcelain:
        views.next_step(_look_at(broadcast), "Look at it")
    return code


def _goes_now(draft: "BroadcastDraft", how: How) -> bool:
    return draft.type is BroadcastType.EMAIL and not how.queue and draft.released_at is None


def _refuse_idle_rate(draft: "BroadcastDraft", how: How) -> None:
    """Raises InvalidInput for a rate where nothing is sent: whoever sends it later would know nothing of it."""
    if how.rate and (how.draft or not _goes_now(draft, how)):
        raise InvalidInput(
            "--rate is about what this command sends, and it would send nothing now",
            hint="UMMSG_RATE_LIMIT holds for everything; or later: ummsg outbox run --rate 50/s",
        )


def _what_happens(broadcast: "Broadcast", how: How) -> str:
    from ummsg.cli.review import people

    match broadcast.status:
        case BroadcastStatus.PUBLISHED:
            return f"Notice {broadcast.id} is published."
        case BroadcastStatus.SCHEDULED:
            when = when_words(broadcast.draft)
            return f"Broadcast {broadcast.id} is scheduled for {when}; from then on, `ummsg outbox run` sends it."
        case BroadcastStatus.QUEUED if broadcast.draft.at_local is not None:
            to = f"{people(broadcast.targeted)}, for {when_words(broadcast.draft)}"
            return f"Broadcast {broadcast.id} is queued for {to}; `ummsg outbox run` sends it."
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
