"""Draining in the foreground: the progress, Ctrl-C, the summary and the exit code."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from ummsg.cli import views
from ummsg.cli.progress import progress
from ummsg.cli.rates import whole_second
from ummsg.domain.broadcast import TOO_LATE, Broadcast
from ummsg.domain.delivery import Tally
from ummsg.domain.limits import Rates
from ummsg.errors import UmmsgError
from ummsg.moments import rfc3339
from ummsg.runtime import Runtime
from ummsg.services.drain import Run, Watch
from ummsg.services.gate import Reached
from ummsg.vocabulary import BroadcastStatus, ExitCode


def drain(
    ummsg: Runtime, broadcast_ids: Sequence[int] | None = None, *, rate: Rates = (), resume: str = "ummsg outbox run"
) -> int:
    """Work the outbox down before the operator's eyes; returns the exit code.

    `resume` is what to type after Ctrl-C or a lost server. Raises MailServerRefused and NotConfigured.
    """
    with finishing_on_interrupt() as stopping, sending() as watch:
        run = ummsg.outbox.drain(broadcast_ids, rate=rate, watch=watch, stopping=stopping)
    say_what_was_cut_short(ummsg, run)
    if run.tally.remaining:
        say_what_is_paused(ummsg, lambda broadcast: broadcast_ids is None or broadcast.id in broadcast_ids)
    return _summarise(run, resume, run.tally if broadcast_ids is None else run.of_broadcasts)


def say_what_cannot_start(ummsg: Runtime) -> list[UmmsgError]:
    """Start what is scheduled for now; why some of it cannot go out is said, and returned."""
    refused = ummsg.broadcasts.release_due()
    for broadcast_id, error in refused:
        error.details.append(f"broadcast {broadcast_id} is {ummsg.broadcasts.get(broadcast_id).status}")
        error.hint = error.hint or f"ummsg broadcast show {broadcast_id}"
        views.error(error)
    return [error for _, error in refused]


@contextmanager
def sending() -> Iterator[Watch]:
    """How far the sending has come, for as long as it lasts."""
    words = _in_words(time.monotonic())
    with progress("Sending") as show:
        yield lambda tally: show(tally.attempted, tally.attempted + tally.remaining, words(tally))


def _summarise(run: Run, resume: str, judged: Tally) -> int:
    """`judged` is what the exit code is about: a broadcast is not to blame for a system email that went before it."""
    tally = run.tally
    say_what_was_done(run)
    if run.stopped_by is not None:
        return _stopped(run.stopped_by, tally, resume)
    if run.interrupted:
        left = views.so_many(tally.remaining, "still waits", "still wait")
        views.talk(f"Stopped. {left}; nobody was mailed twice.")
        views.next_step(resume, "Go on with")
        return ExitCode.CANCELLED
    if judged.remaining and run.limited:
        _say_what_limits(run.limited, judged.remaining, resume)
    elif judged.remaining:
        left = views.so_many(judged.remaining, "still waits", "still wait")
        views.talk(f"{left}: not due yet, or held by another run, or paused.")
        views.next_step("ummsg outbox status", "Look at them")
    not_reached = judged.failed or judged.deferred or judged.unknown or judged.remaining
    if not_reached or run.lost or any(run.cut_short.values()):
        return ExitCode.NOT_ALL_REACHED
    return ExitCode.DONE


def _say_what_limits(reached: Reached, waiting: int, resume: str) -> None:
    room_at = whole_second(reached.room_at)
    if room_at is None:
        views.talk(f"The limit of {reached.limit} is used up by what another run has on the way.")
    else:
        at = f"{views.local_time(room_at)} ({rfc3339(room_at)})"
        views.talk(f"The limit of {reached.limit} is used up; there is room again at {at}.")
    views.talk(f"{views.so_many(waiting, 'is', 'are')} still queued.")
    views.next_step(resume, "Then go on with")


def say_what_was_done(run: Run) -> None:
    """Nothing, if it did nothing."""
    tally = run.tally
    if run.lost:
        which = "1 message" if run.lost == 1 else f"{run.lost:,} messages"
        views.talk(f"Of {which} of a run that did not end nobody knows whether it arrived: unknown, not sent again.")
    if tally.attempted or tally.suppressed or tally.cancelled:
        parts = [f"{tally.sent:,} sent"]
        names = ("failed", "deferred", "unknown", "suppressed", "cancelled")
        parts += [f"{n:,} {name}" for name in names if (n := getattr(tally, name))]
        views.talk(", ".join(parts) + ".", "bold")


def say_what_was_cut_short(ummsg: Runtime, run: Run) -> None:
    for broadcast_id, number in run.cut_short.items():
        if number:
            broadcast = ummsg.broadcasts.get(broadcast_id)
            why = broadcast.note if broadcast.status is BroadcastStatus.CANCELLED else TOO_LATE
            who = views.so_many(number, "recipient does not", "recipients do not")
            views.talk(f"Broadcast {broadcast_id} was cut short ({why}): {who} get it.")


def say_what_is_paused(ummsg: Runtime, chosen: Callable[[Broadcast], bool]) -> None:
    """Somebody may have paused it while it was being sent, or too much of it was refused."""
    for broadcast, counts, _ in ummsg.outbox.status():
        if chosen(broadcast) and broadcast.status is BroadcastStatus.PAUSED and counts.open:
            left = views.so_many(counts.open, "is", "are")
            views.talk(f"Broadcast {broadcast.id} is paused ({broadcast.note}); {left} still queued.")
            views.next_step(f"ummsg broadcast resume {broadcast.id}", "Go on with")


def _stopped(by: UmmsgError, tally: Tally, resume: str) -> int:
    by.details.append(f"{views.so_many(tally.remaining, 'recipient is', 'recipients are')} still queued")
    by.hint = by.hint or resume
    views.error(by)
    views.next_step(resume, "Go on with")
    return ExitCode.NOT_ALL_REACHED if tally.attempted else by.exit_code


@contextmanager
def finishing_on_interrupt(is_sending: Callable[[], bool] = lambda: True) -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C lets what is on the wire be finished and recorded; the second does not wait for it."""
    pressed = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        if is_sending():
            views.talk("Finishing what is on the wire… (Ctrl-C again leaves it in doubt)")

    before = signal.signal(signal.SIGINT, interrupt)
    before_term = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, before_term)


def _in_words(started: float) -> Callable[[Tally], str]:
    def words(tally: Tally) -> str:
        rate = tally.attempted / max(time.monotonic() - started, 0.001)
        trouble = f", {tally.failed:,} failed" if tally.failed else ""
        waiting = f", waiting for room ({tally.waits_for})" if tally.waits_for else ""
        return f"{tally.sent:,} sent{trouble}, {tally.remaining:,} to go, {rate:,.0f}/s{waiting}"

    return words
