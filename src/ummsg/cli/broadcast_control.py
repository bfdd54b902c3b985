"""ummsg broadcast pause, resume, retry, resolve: steer an email that is on its way, settle what came of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ummsg.cli import views
from ummsg.cli.options import BroadcastId, Context, Yes
from ummsg.cli.times import when_words
from ummsg.errors import Cancelled, InvalidInput
from ummsg.vocabulary import BroadcastStatus, ListFormat

if TYPE_CHECKING:
    from ummsg.domain.broadcast import Broadcast
    from ummsg.domain.customer import Customer
    from ummsg.domain.delivery import Counts, Delivery, Requeue
    from ummsg.runtime import Runtime

Customers = Annotated[
    list[str] | None, typer.Option("--customer", metavar="REF", help="Only this customer's; repeatable.")
]


def pause(ctx: Context, broadcast_id: BroadcastId) -> None:
    """Stop an email that is on its way, or scheduled, until it is resumed.

    Whichever process is sending it finishes what is on the wire and takes no more.
    """
    ummsg = ctx.obj
    broadcast = ummsg.broadcast_control.pause(broadcast_id)
    waiting = ummsg.broadcasts.counts(broadcast_id).open
    views.talk(f"Broadcast {broadcast_id} is paused ({broadcast.note}){_waiting(waiting)}.")
    views.next_step(f"ummsg broadcast resume {broadcast_id}", "Go on with")


def resume(ctx: Context, broadcast_id: BroadcastId) -> None:
    """Let a paused email go on where it was; `ummsg outbox run` then sends it."""
    from ummsg.domain.broadcast import PAUSABLE

    ummsg = ctx.obj
    if ummsg.broadcasts.get(broadcast_id).status in PAUSABLE:
        views.talk(f"Broadcast {broadcast_id} is not paused; nothing was changed.")
        return
    broadcast = ummsg.broadcast_control.resume(broadcast_id)
    match broadcast.status:
        case BroadcastStatus.FINISHED:
            views.talk(f"Broadcast {broadcast_id} is finished: nothing of it was left to send.")
            return
        case BroadcastStatus.SCHEDULED:
            when = when_words(broadcast.draft)
            views.talk(f"Broadcast {broadcast_id} is scheduled for {when}; from then on, `ummsg outbox run` sends it.")
        case _:
            views.talk(f"Broadcast {broadcast_id} goes on{_waiting(ummsg.broadcasts.counts(broadcast_id).open)}.")
    views.next_step("ummsg outbox run", "Send it")


def suggest(broadcast: "Broadcast", counts: "Counts") -> None:
    """What an admin can do about where it stands, if anything is left to do."""
    sends = broadcast.status in (BroadcastStatus.QUEUED, BroadcastStatus.PAUSED, BroadcastStatus.FINISHED)
    if broadcast.status is BroadcastStatus.DRAFT:
        views.next_step(f"ummsg broadcast send {broadcast.id}", "Send it")
    if broadcast.status is BroadcastStatus.PAUSED:
        views.next_step(f"ummsg broadcast resume {broadcast.id}", "Go on with")
    if broadcast.status is BroadcastStatus.QUEUED and counts.open:
        views.next_step("ummsg outbox run", "Send what is due")
    if counts.unknown:
        views.next_step(f"ummsg broadcast resolve {broadcast.id}", "Settle the unknown")
    if counts.failed and sends:
        views.next_step(f"ummsg broadcast retry {broadcast.id}", "Send again to the failed")


def retry(ctx: Context, broadcast_id: BroadcastId, customer: Customers = None, yes: Yes = False) -> None:
    """Send an email again to those to whom it failed, and to nobody else.

    They are queued, and `ummsg outbox run` sends it. Addresses that are suppressed are left out.
    """
    ummsg = ctx.obj
    customers = _customers(ummsg, customer)
    foreseen = ummsg.broadcast_control.retryable(broadcast_id, customers)
    if foreseen.number:
        subject = ummsg.broadcasts.get(broadcast_id).subject
        ummsg.prompter.confirm_destructive(f"Send {subject!r} again to {_people(foreseen.number)}?", yes=yes)
        foreseen = ummsg.broadcast_control.retry(broadcast_id, customers)
    _say_requeued(ummsg, broadcast_id, foreseen, "failed")


def resolve(
    ctx: Context,
    broadcast_id: BroadcastId,
    sent: Annotated[bool, typer.Option("--sent", help="They arrived: count them as sent.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send them again; who has got it gets it twice.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="They did not arrive: count them as failed.")] = False,
    customer: Customers = None,
    yes: Yes = False,
) -> None:
    """Settle the deliveries of which nobody knows whether they arrived.

    Without --sent, --resend or --failed, list them with what to look for in the mail server's log.
    """
    chosen = [name for name, on in (("sent", sent), ("resend", resend), ("failed", failed)) if on]
    if len(chosen) > 1:
        raise InvalidInput(f"Only one of --{' and --'.join(chosen)} can be done", hint="ummsg broadcast resolve --help")
    ummsg = ctx.obj
    customers = _customers(ummsg, customer)
    unknown = ummsg.broadcast_control.unknown(broadcast_id, customers)
    if not unknown:
        _nothing_unknown(broadcast_id, asked_for_more=bool(chosen))
        return
    how = chosen[0] if chosen else _ask_how(ummsg, broadcast_id, unknown)
    if how == "resend":
        _resend(ummsg, broadcast_id, customers, yes)
        return
    number = ummsg.broadcast_control.resolve(broadcast_id, how == "sent", customers)
    views.talk(
        f"{_deliveries(number)} of broadcast {broadcast_id} now {'counts' if number == 1 else 'count'} as {how}."
    )


def _resend(ummsg: "Runtime", broadcast_id: int, customers: "Sequence[Customer]", yes: bool) -> None:
    foreseen = ummsg.broadcast_control.resendable(broadcast_id, customers)
    if foreseen.number:
        question = f"Send it again to {_people(foreseen.number)}? Whoever has got it gets it twice."
        ummsg.prompter.confirm_destructive(question, yes=yes)
        foreseen = ummsg.broadcast_control.resend(broadcast_id, customers)
    _say_requeued(ummsg, broadcast_id, foreseen, "unknown")


def _nothing_unknown(broadcast_id: int, *, asked_for_more: bool) -> None:
    what = f"Broadcast {broadcast_id} has no delivery that is unknown"
    if asked_for_more:
        raise InvalidInput(f"{what}; nothing was changed", hint=f"ummsg broadcast show {broadcast_id}")
    views.talk(f"{what}: there is nothing to resolve.")


def _ask_how(ummsg: "Runtime", broadcast_id: int, unknown: "Sequence[Delivery]") -> str:
    """Show what is known; then ask, if somebody is there. Raises InvalidInput if not."""
    from ummsg.cli.asking import Back, Choice

    columns = ["message_id", "email", "updated_at", "reply"]
    rows = ({name: getattr(delivery, name) for name in columns} for delivery in unknown)
    views.listing(rows, ListFormat.TABLE, columns=columns, key="message_id")
    views.talk("What became of them stands in the mail server's log, under the Message-ID:")
    views.command(f"grep -F {unknown[0].message_id} /var/log/mail.log")
    views.talk(
        "A line with a queue id, and for that id `queue active` or `status=sent`: the server took it (--sent)."
        " No such line: it never came (--resend or --failed)."
    )
    if not ummsg.prompter.interactive:
        raise InvalidInput(
            f"What became of {_deliveries(len(unknown))} has to be said: --sent, --resend or --failed",
            details=["one customer at a time with --customer REF; nothing was changed"],
            hint=f"ummsg broadcast resolve {broadcast_id} --sent",
        )
    choices = [
        Choice("sent", "They arrived: count them as sent"),
        Choice("resend", "Send them again; who has got it gets it twice"),
        Choice("failed", "They did not arrive: count them as failed"),
    ]
    try:
        return ummsg.prompter.select("What became of them?", choices)
    except Back:
        raise Cancelled("Nothing was changed") from None


def _say_requeued(ummsg: "Runtime", broadcast_id: int, done: "Requeue", state: str) -> None:
    """What was queued again, what was not, and what to type next."""
    if done.number:
        views.talk(f"{_deliveries(done.number)} of broadcast {broadcast_id} queued again.")
    elif not done.suppressed and not done.gone:
        views.talk(f"No delivery of broadcast {broadcast_id} is {state}: there is nothing to send again.")
    if done.suppressed:
        views.talk(f"{_deliveries(done.suppressed)} left {state}: the address is suppressed.")
        views.next_step("ummsg suppressions list", "Look at them")
    if done.gone:
        views.talk(f"{_deliveries(done.gone)} left {state}: the customer is not there any more.")
    if done.number:
        paused = ummsg.broadcasts.get(broadcast_id).status is BroadcastStatus.PAUSED
        views.next_step(f"ummsg broadcast resume {broadcast_id}" if paused else "ummsg outbox run", "Send it")


def _customers(ummsg: "Runtime", refs: Sequence[str] | None) -> "list[Customer]":
    return [ummsg.directory.customer(ref) for ref in refs or ()]


def _waiting(number: int) -> str:
    return f"; {_people(number)} {'waits' if number == 1 else 'wait'} for it" if number else ""


def _people(number: int) -> str:
    from ummsg.cli.review import people

    return people(number)


def _deliveries(number: int) -> str:
    return "1 delivery" if number == 1 else f"{number:,} deliveries"
