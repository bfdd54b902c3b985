"""ummsg outbox run --watch: work the outbox down as things come due, until somebody ends it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from ummsg.cli import views
from ummsg.cli.draining import (
    finishing_on_interrupt,
    say_what_cannot_start,
    say_what_is_paused,
    say_what_was_cut_short,
    say_what_was_done,
    sending,
)
from ummsg.cli.publishing import publish
from ummsg.domain.limits import Rates
from ummsg.domain.patience import pause_after
from ummsg.errors import DatabaseBusy, DiskFull, MailServerUnreachable, Overtaken, SenderRefused, UmmsgError
from ummsg.runtime import Runtime
from ummsg.services.drain import Run
from ummsg.services.gate import Reached
from ummsg.services.outbox import Outbox
from ummsg.vocabulary import ExitCode

POLL_SECONDS = 1.0
BETWEEN_RECOVERIES = timedelta(seconds=10)
"""How soon it is noticed that another run was killed."""

LONGEST_WAIT_FOR_ROOM = timedelta(seconds=30)

OF_DATABASE = (DatabaseBusy, DiskFull)
AWAY = (*OF_DATABASE, MailServerUnreachable)
"""What is over when it works again."""
PASSING = (*AWAY, Overtaken, SenderRefused)
"""What may go well the next time. A login that is refused will not: trying it again and again locks us out."""


def watch(ummsg: Runtime, rate: Rates = ()) -> int:
    """`rate` holds besides the limits of the settings. Raises what nobody but the operator can mend: MailServerRefused,
    NotConfigured, InvalidInput."""
    outbox = ummsg.outbox  # opening the database may ask whether to upgrade it
    watching: Watching | None = None
    with finishing_on_interrupt(lambda: watching is not None and watching.sends) as stopping:
        watching = Watching(ummsg, outbox, rate, stopping)
        views.talk("Watching the outbox; Ctrl-C ends it.")
        with outbox.attended():
            while not stopping():
                watching.wait()
                if not stopping():
                    watching.work()
    left = outbox.next_moment() is not None
    views.talk(f"The watch is over{'; what is left waits for `ummsg outbox run`' if left else ''}.")
    return ExitCode.DONE


class Watching:
    """Rounds of work, and the waits between them."""

    def __init__(self, ummsg: Runtime, outbox: Outbox, rate: Rates, stopping: Callable[[], bool]) -> None:
        self.sends = False
        self._ummsg = ummsg
        self._outbox = outbox
        self._rate = rate
        self._stopping = stopping
        self._failures = 0
        self._trouble: UmmsgError | None = None
        """It has been told, and goes on."""
        self._not_before = self._recovered_at = ummsg.clock()

    def wait(self) -> None:
        """Until there is something to do, or somebody ends the watch."""
        with _line() as show:
            while not self._stopping():
                now = self._ummsg.clock()
                due = self._due(now)
                if due is not None and max(due, self._not_before) <= now:
                    return
                show(self._in_words(due, now))
                time.sleep(POLL_SECONDS)

    def work(self) -> None:
        began = self._ummsg.clock()
        with self._surviving():
            say_what_cannot_start(self._ummsg)
            publish(self._ummsg)
            run = self._drained()
            say_what_was_done(run)
            say_what_was_cut_short(self._ummsg, run)
            self._say_what_paused_itself(run, began)
            if run.tally.sent:
                self._failures = 0
            if run.stopped_by is not None:
                raise run.stopped_by
            self._is_over()
            if run.limited is not None:
                self._wait_for_room(run.limited)

    def _drained(self) -> Run:
        self.sends = True
        try:
            with sending() as watch:
                return self._outbox.drain(rate=self._rate, watch=watch, stopping=self._stopping)
        finally:
            self.sends = False

    def _due(self, now: datetime) -> datetime | None:
        """When there is something to do; never, for as long as it cannot be found out."""
        with self._surviving():
            if now >= self._recovered_at + BETWEEN_RECOVERIES:
                self._recovered_at = now
                say_what_was_done(Run(lost=self._outbox.recover()))
                if isinstance(self._trouble, OF_DATABASE):
                    self._is_over()
            return self._outbox.next_moment()
        return None

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """What passes is told once, however often it is met, and then waited for, longer and longer."""
        try:
            yield
        except PASSING as error:
            self._failures += 1
            pause = pause_after(self._failures)
            self._not_before = self._ummsg.clock() + pause
            if self._trouble is None or error.what != self._trouble.what:
                error.hint = "" if isinstance(error, OF_DATABASE) else error.hint
                views.error(error)
                views.talk(f"The watch goes on: it tries again in {pause.seconds} s, then less and less often.")
            self._trouble = error

    def _wait_for_room(self, reached: Reached) -> None:
        """Not until it comes: what events cause meanwhile may have room already."""
        latest = self._ummsg.clock() + LONGEST_WAIT_FOR_ROOM
        self._not_before = min(reached.room_at or latest, latest)

    def _is_over(self) -> None:
        if isinstance(self._trouble, AWAY):
            views.talk("That is over.")
        self._failures, self._trouble = 0, None

    def _say_what_paused_itself(self, run: Run, since: datetime) -> None:
        if run.tally.remaining:
            say_what_is_paused(self._ummsg, lambda broadcast: broadcast.updated_at >= since)

    def _in_words(self, due: datetime | None, now: datetime) -> str:
        if due is None:
            return "Nothing waits"
        if due <= now:
            return f"Trying again at {self._not_before.astimezone():%H:%M:%S}"
        return f"Next at {views.local_time(due)}"


@contextmanager
def _line() -> Iterator[Callable[[str], None]]:
    """A line that lives while nothing happens; off a terminal there is none."""
    if not views.err().is_terminal or views.err().is_dumb_terminal:
        yield lambda words: None
        return
    with views.err().status("") as status:
        yield status.update
