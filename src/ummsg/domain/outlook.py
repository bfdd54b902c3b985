"""How the outbox gets on: how fast, how long it will still take, and what does not go on by itself, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf

from ummsg.domain.broadcast import Broadcast
from ummsg.domain.delivery import Counts
from ummsg.domain.email import SystemEmail
from ummsg.domain.limits import Standing as LimitStanding
from ummsg.vocabulary import BroadcastStatus

LOOKED_BACK = timedelta(minutes=5)
"""How far the rate looks back."""
SHORTEST = timedelta(seconds=10)
"""A rate over less is chance."""
SOON = timedelta(hours=1)
"""Before --not-after."""


class Why(StrEnum):
    """What keeps deliveries from going on."""

    PAUSED = "paused"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    HELD = "held"
    """Claimed by a run that is gone."""
    EXPIRING = "expiring"
    UNATTENDED = "unattended"
    """Due, and no run is there to send it."""
    SWITCHED_OFF = "switched off"


@dataclass(frozen=True, slots=True)
class Stuck:
    """So many deliveries that do not go on, until when if anybody knows, and what to type about it."""

    why: Why
    number: int
    words: str
    until: datetime | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a broadcast, or else a system email, stands in the outbox."""

    counts: Counts
    next_due: datetime | None
    broadcast: Broadcast | None = None
    email: SystemEmail | None = None
    done: int = 0
    """Messages that were settled since `done_since`."""
    done_since: datetime | None = None
    deferred_until: datetime | None = None
    reply: str = ""
    """The one that the deferred got most often, `replied` times among those that were looked at."""
    replied: int = 0
    held: int = 0
    """Claimed by a run that is gone, until `held_until` at most."""
    held_until: datetime | None = None
    attended: bool = False
    """Whether a run is at work, or watches."""
    due: int = 0
    """What could go out if a run were there; counted while there is none."""
    limits: Sequence[LimitStanding] = ()
    """Where those of all mail stand."""

    def per_minute(self, now: datetime) -> float:
        if not self.done or self.done_since is None:
            return 0.0
        return self.done / (max(now - self.done_since, SHORTEST) / timedelta(minutes=1))

    @property
    def status(self) -> BroadcastStatus:
        return self.broadcast.status if self.broadcast else BroadcastStatus.QUEUED

    @property
    def goes_on(self) -> bool:
        """Whether what is due of it is being sent, or comes next."""
        return self.attended and self.status is BroadcastStatus.QUEUED

    def left(self, now: datetime) -> timedelta | None:
        """How long what is queued takes; None when nothing goes out."""
        if not self.goes_on:
            return None
        return time_left(self.counts.queued, self.per_minute(now), self.limits, now)

    def stuck(self, now: datetime) -> Iterator[Stuck]:
        counts = self.counts
        if self.broadcast is None:
            yield from self._switched_off()
        else:
            yield from self._of_broadcast(self.broadcast, now)
        if counts.deferred:
            look = "ummsg outbox list --status deferred"
            yield Stuck(Why.DEFERRED, counts.deferred, self._put_off(), self.deferred_until, look)
        if self.held:
            words = "a run that is gone had claimed them"
            yield Stuck(Why.HELD, self.held, words, self.held_until, "ummsg outbox run")
        if self.status in _GOES_ON and not self.attended and self.next_due is not None and self.next_due <= now:
            yield self._unattended()

    def _unattended(self) -> Stuck:
        words, until = "due, and no run is sending", None
        if closed := [limit for limit in self.limits if not limit.room]:
            last = max(closed, key=lambda limit: limit.room_at.timestamp() if limit.room_at else inf)
            words, until = f"{words}; the limit of {last.name} is used up", last.room_at
        return Stuck(Why.UNATTENDED, self.due, words, until, "ummsg outbox run")

    def _of_broadcast(self, broadcast: Broadcast, now: datetime) -> Iterator[Stuck]:
        counts = self.counts
        if broadcast.status is BroadcastStatus.PAUSED:
            resume = f"ummsg broadcast resume {broadcast.id}"
            yield Stuck(Why.PAUSED, counts.open, broadcast.note, command=resume)
        if counts.unknown:
            words, resolve = "nobody knows whether they arrived", f"ummsg broadcast resolve {broadcast.id}"
            yield Stuck(Why.UNKNOWN, counts.unknown, words, command=resolve)
        if broadcast.draft.not_after is not None and counts.open:
            yield from self._expiring(broadcast.draft.not_after, now)

    def _switched_off(self) -> Iterator[Stuck]:
        if self.email is not None and not self.email.draft.active:
            words, enable = "what is queued will be dropped", f"ummsg emails enable {self.email.slug}"
            yield Stuck(Why.SWITCHED_OFF, self.counts.open, words, command=enable)

    def _put_off(self) -> str:
        return f"{'' if self.replied == self.counts.deferred else 'most often '}with: {self.reply}"

    def _expiring(self, end: datetime, now: datetime) -> Iterator[Stuck]:
        """What will be too late for --not-after: at this rate, or because it comes soon."""
        left = self.left(now)
        if left is not None and now + left > end:
            sent = int(self.per_minute(now) * (max(end - now, timedelta()) / timedelta(minutes=1)))
            words = "at this rate they are not sent before --not-after"
            yield Stuck(Why.EXPIRING, self.counts.queued - sent, words, end)
        elif left is None and end - now <= SOON:
            yield Stuck(Why.EXPIRING, self.counts.open, "--not-after is near", end)


def time_left(queued: int, per_minute: float, limits: Sequence[LimitStanding], now: datetime) -> timedelta | None:
    """How long so many take at this rate and within these limits; None when nothing goes out."""
    by_limits = max((limit.time_for(queued, now) for limit in limits), default=timedelta())
    if per_minute:
        return max(timedelta(minutes=queued / per_minute), by_limits)
    return by_limits if any(not limit.room for limit in limits) else None


_GOES_ON = (BroadcastStatus.QUEUED, BroadcastStatus.FREEZING, BroadcastStatus.SCHEDULED)
