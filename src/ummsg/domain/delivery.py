"""One recipient's copy of an email, and the state machine of its life.

    queued ──claim──▶ sending ──▶ sent | failed | unknown
       ▲                 │             │         │
       │                 ├──▶ deferred ──(when due)──claim──▶ sending
       ├──given back─────┘             │         │
       └──retried by an admin──────────┘         ├──resolved──▶ sent | failed
       └──resolved: send it again────────────────┘

suppressed and cancelled are reached from any state that waits. Every transition is written here, once
(`TRANSITIONS`); `store/outbox.py` performs each as one statement, guarded by the state that it starts from.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ummsg.vocabulary import DeliveryStatus

_S = DeliveryStatus

TRANSITIONS: dict[DeliveryStatus, frozenset[DeliveryStatus]] = {
    _S.QUEUED: frozenset({_S.SENDING, _S.CANCELLED}),
    _S.DEFERRED: frozenset({_S.SENDING, _S.CANCELLED}),
    _S.SENDING: frozenset({_S.SENT, _S.FAILED, _S.UNKNOWN, _S.DEFERRED, _S.QUEUED, _S.SUPPRESSED, _S.CANCELLED}),
    _S.FAILED: frozenset({_S.QUEUED}),
    _S.UNKNOWN: frozenset({_S.SENT, _S.FAILED, _S.QUEUED}),
    _S.SENT: frozenset(),
    _S.SUPPRESSED: frozenset(),
    _S.CANCELLED: frozenset(),
}
"""Where a delivery may go from each state; nowhere from a state that is final for good."""

MAX_ATTEMPTS = 8
MAX_AGE = timedelta(days=3)
FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=6)
JITTER = 0.2
"""The part of a wait by which chance lengthens it: what was refused together does not all come back together."""

LEASE = timedelta(minutes=10)
"""How long a claim holds: no message is begun after it, and whoever comes upon it then may settle the delivery."""

GONE = "the process that was sending it did not come back"
"""The reply of a delivery that is unknown because its drain died."""


class Fate(StrEnum):
    """What one mail transaction came to, as the transport saw it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """For good: the same message to the same address will not be taken. Which refusals are is said by `refusal`."""
    REFUSED_FOR_NOW = "refused for now"
    """Or the connection was lost before the message was complete."""
    IN_DOUBT = "in doubt"
    """The message was complete and no reply came: it may have been accepted."""


class Outcome(NamedTuple):
    """A fate, with the server's own words (`reply`, one line, e.g. `550 5.1.1 no such user`)."""

    fate: Fate
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Retries:
    """When to give up on a delivery that is refused for now: after so many attempts, or with the first attempt that is
    made so long after the first."""

    attempts: int = MAX_ATTEMPTS
    age: timedelta = MAX_AGE


USUAL = Retries()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One entry of a delivery's history: the state that an attempt, an admin or a bounce brought it to, and the words.

    `number` counts the attempts up to then; it is 0 while the message could not even be made.
    """

    number: int
    at: datetime
    status: DeliveryStatus
    reply: str


class Delivery(NamedTuple):
    """One row of the ledger. `attempts` counts mail transactions that began, not connections.

    It belongs to a broadcast, or to a system email and the event that it follows. `attempts_before` of the attempts
    were made before an admin had it sent again, and count no more; `tried_since` is when the first of the others was
    deferred.
    """

    id: int
    broadcast_id: int | None
    customer_id: int | None
    email: str
    status: DeliveryStatus
    message_id: str
    attempts: int = 0
    due_at: datetime | None = None
    lease_until: datetime | None = None
    reply: str = ""
    updated_at: datetime | None = None
    event_id: int | None = None
    email_id: int | None = None
    attempts_before: int = 0
    tried_since: datetime | None = None


class Settled(NamedTuple):
    """The state a delivery goes to after an attempt."""

    status: DeliveryStatus
    attempts: int
    due_at: datetime | None
    reply: str
    tried_since: datetime | None = None

    @property
    def is_history(self) -> bool:
        """Whether the row of the ledger does not say it all: only a first attempt that succeeds needs no second row."""
        return not (self.status is DeliveryStatus.SENT and self.attempts == 1)


def settle(
    outcome: Outcome,
    *,
    attempts: int,
    now: datetime,
    attempts_before: int = 0,
    tried_since: datetime | None = None,
    retries: Retries = USUAL,
    chance: float = 0.0,
) -> Settled:
    """The next state of a delivery that was sending and had `attempts` attempts before this one.

    `attempts_before` and `tried_since` are the delivery's; `chance` (0 to 1) lengthens the wait.
    """
    attempts += 1
    if outcome.fate is Fate.ACCEPTED:
        return Settled(DeliveryStatus.SENT, attempts, None, outcome.reply)
    counted, since = attempts - attempts_before, tried_since or now
    match outcome.fate:
        case Fate.REFUSED:
            return Settled(DeliveryStatus.FAILED, attempts, None, outcome.reply)
        case Fate.IN_DOUBT:
            return Settled(DeliveryStatus.UNKNOWN, attempts, None, outcome.reply)
        case Fate.REFUSED_FOR_NOW if counted >= retries.attempts or now - since >= retries.age:
            return Settled(DeliveryStatus.FAILED, attempts, None, f"{outcome.reply} (gave up after {counted})")
        case Fate.REFUSED_FOR_NOW:
            due_at = now + backoff(counted, chance)
            return Settled(DeliveryStatus.DEFERRED, attempts, due_at, outcome.reply, tried_since=since)


_CLOSING = 421
_OVER_QUOTA = "2.2"
_EXCEEDED_STORAGE = 552


def refusal(code: int, enhanced: str = "") -> Fate:
    """What an SMTP refusal means: the enhanced status code (RFC 3463) says it, if there is one, else the reply code.

    A full mailbox is temporary whatever class it is given (x.2.2, or 552, which RFC 5321 has for exceeded storage):
    people empty theirs, servers disagree about 4 or 5, and RFC 3463 § 3.3 calls it one that may be tried again. 421
    is about the connection, never about a recipient.
    """
    kind, _, detail = enhanced.partition(".")
    if code == _CLOSING or detail == _OVER_QUOTA or (code == _EXCEEDED_STORAGE and not enhanced):
        return Fate.REFUSED_FOR_NOW
    permanent = kind == "5" if enhanced else code // 100 == 5
    return Fate.REFUSED if permanent else Fate.REFUSED_FOR_NOW


def unsendable(reason: str, *, attempts: int) -> Settled:
    """The state of a delivery whose message cannot be made: no attempt, and no use in another."""
    return Settled(DeliveryStatus.FAILED, attempts, None, reason)


def dropped(status: DeliveryStatus, reason: str, *, attempts: int) -> Settled:
    """The state of a delivery that became pointless while it waited: cancelled or suppressed."""
    return Settled(status, attempts, None, reason)


def backoff(attempts: int, chance: float = 0.0) -> timedelta:
    """How long to wait after the `attempts`-th attempt was refused for now: doubling, bounded, then lengthened by up to
    JITTER as `chance` (0 to 1) has it."""
    return min(FIRST_RETRY * int(2 ** min(attempts - 1, 20)), LONGEST_RETRY) * (1 + JITTER * chance)


@dataclass(frozen=True, slots=True)
class Counts:
    """The balance of a broadcast: targeted is always the sum of the others."""

    targeted: int = 0
    sent: int = 0
    failed: int = 0
    suppressed: int = 0
    cancelled: int = 0
    unknown: int = 0
    queued: int = 0
    deferred: int = 0

    @classmethod
    def of(cls, by_status: dict[DeliveryStatus, int]) -> "Counts":
        counted = dict.fromkeys((s.value for s in DeliveryStatus if s is not DeliveryStatus.SENDING), 0)
        for status, number in by_status.items():
            counted["queued" if status is DeliveryStatus.SENDING else status.value] += number
        return cls(targeted=sum(by_status.values()), **counted)

    @property
    def open(self) -> int:
        return self.queued + self.deferred


@dataclass(frozen=True, slots=True)
class Requeue:
    """What sending again comes to: `number` are sent again; the others stay as they are."""

    number: int
    suppressed: int = 0
    gone: int = 0
    """Their customer was deleted."""


@dataclass(slots=True)
class Tally:
    """What one run of the outbox has done so far."""

    sent: int = 0
    failed: int = 0
    deferred: int = 0
    unknown: int = 0
    suppressed: int = 0
    cancelled: int = 0
    remaining: int = 0
    """Open deliveries that the run has not come to yet."""
    waits_for: str = ""
    """The limit that leaves no room for the next one, while that takes a while."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def count(self, settled: Settled) -> None:
        if settled.status is DeliveryStatus.SENT:  # nearly all
            self.sent += 1
        else:
            name = settled.status.value
            setattr(self, name, getattr(self, name) + 1)
        if self.remaining:
            self.remaining -= 1

    @property
    def attempted(self) -> int:
        return self.sent + self.failed + self.deferred + self.unknown
