"""One recipient's copy of an email, and the state machine of its life.

    queued ──claim──▶ sending ──▶ sent | failed | unknown
       ▲                 │
       │                 ├──▶ deferred ──(when due)──claim──▶ sending
       └──given back─────┘

suppressed and cancelled are reached from any state that is not on the wire. Every transition is written here,
once; `store/outbox.py` performs them under a claim token.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ummsg.vocabulary import DeliveryStatus

MAX_ATTEMPTS = 8
FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=6)

LEASE = timedelta(minutes=10)
"""How long a claim holds. Longer than the slowest mail transaction our time-outs allow, so that a delivery whose
lease has passed belongs to a process that is gone."""


class Fate(StrEnum):
    """What one mail transaction came to, as the transport saw it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """For good (5xx): the same message to the same address will not be taken."""
    REFUSED_FOR_NOW = "refused for now"
    """4xx, or a connection lost before the message was complete."""
    IN_DOUBT = "in doubt"
    """The message was complete and no reply came: it may have been accepted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fate, with the server's own words (`reply`, one line, e.g. `550 5.1.1 no such user`)."""

    fate: Fate
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the ledger. `attempts` counts mail transactions that began, not connections.

    It belongs to a broadcast, or to a system email and the event that it follows.
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


@dataclass(frozen=True, slots=True)
class Settled:
    """The state a delivery goes to after an attempt."""

    status: DeliveryStatus
    attempts: int
    due_at: datetime | None
    reply: str


def settle(outcome: Outcome, *, attempts: int, now: datetime) -> Settled:
    """The next state of a delivery that was sending and had `attempts` attempts before this one."""
    attempts += 1
    match outcome.fate:
        case Fate.ACCEPTED:
            return Settled(DeliveryStatus.SENT, attempts, None, outcome.reply)
        case Fate.REFUSED:
            return Settled(DeliveryStatus.FAILED, attempts, None, outcome.reply)
        case Fate.IN_DOUBT:
            return Settled(DeliveryStatus.UNKNOWN, attempts, None, outcome.reply)
        case Fate.REFUSED_FOR_NOW if attempts >= MAX_ATTEMPTS:
            return Settled(DeliveryStatus.FAILED, attempts, None, f"{outcome.reply} (gave up after {attempts})")
        case Fate.REFUSED_FOR_NOW:
            return Settled(DeliveryStatus.DEFERRED, attempts, now + backoff(attempts), outcome.reply)


def unsendable(reason: str, *, attempts: int) -> Settled:
    """The state of a delivery whose message cannot be made: no attempt, and no use in another."""
    return Settled(DeliveryStatus.FAILED, attempts, None, reason)


def dropped(status: DeliveryStatus, reason: str, *, attempts: int) -> Settled:
    """The state of a delivery that became pointless while it waited: cancelled or suppressed."""
    return Settled(status, attempts, None, reason)


def backoff(attempts: int) -> timedelta:
    """How long to wait after the `attempts`-th attempt was refused for now: doubling, bounded."""
    return min(FIRST_RETRY * int(2 ** min(attempts - 1, 20)), LONGEST_RETRY)


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

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def count(self, settled: Settled) -> None:
        name = settled.status.value
        setattr(self, name, getattr(self, name) + 1)
        self.remaining = max(0, self.remaining - 1)

    @property
    def attempted(self) -> int:
        return self.sent + self.failed + self.deferred + self.unknown
