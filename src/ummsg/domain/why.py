"""Why a customer got a broadcast, or did not: the answer to the question that comes after every broadcast."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ummsg.domain.audience import Audience, Match
from ummsg.domain.delivery import Attempt, Delivery
from ummsg.vocabulary import DeliveryStatus


@dataclass(frozen=True, slots=True)
class Why:
    """`matches` are the targets that match at `as_of`, whichever did when the audience was frozen: that is not kept.
    `status` is the delivery's, or the notice's state, if there is one."""

    broadcast_id: int
    customer_id: int | None
    email: str
    in_audience: bool
    matches: tuple[Match, ...]
    as_of: datetime
    reason: str
    status: str | None = None
    message_id: str | None = None
    attempts: tuple[Attempt, ...] = ()
    shown: bool | None = None
    """Whether a notice is on their dashboard now; None for an email."""


def counting(matches: Sequence[Match]) -> tuple[Match, ...]:
    return tuple(match for match in matches if match.counts)


def matched(matches: Sequence[Match]) -> str:
    return f"matched by: {'; '.join(map(str, matches))}"


def unmatched(matches: Sequence[Match], audience: Audience) -> str:
    """Why no target matches, from those that concern the customer and do not count."""
    if not matches:
        return "no target matches"
    return f"{'; '.join(map(str, matches))}, which does not count: {', '.join(audience.statuses)} do"


def received(delivery: Delivery, noted: Sequence[Attempt], matches: Sequence[Match]) -> str:
    """Why somebody is among the recipients of a frozen audience; `matches` are the targets that match now.

    What was suppressed at freezing has no history; what a drain came upon suppressed has.
    """
    if delivery.status is DeliveryStatus.SUPPRESSED:
        when = "before the message went out" if noted else "when the audience was frozen"
        return f"left out: the address was suppressed ({delivery.reply}) {when}"
    if not matches:
        return "a target matched when the audience was frozen; none does now"
    return f"in the audience that was frozen; now {matched(matches)}"


def history(delivery: Delivery, noted: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Every attempt, the one included that the ledger holds without a history: a success at the first."""
    if delivery.status is not DeliveryStatus.SENT or delivery.updated_at is None:
        return tuple(noted)
    if noted and noted[-1].status is DeliveryStatus.SENT:
        return tuple(noted)
    return (*noted, Attempt(delivery.attempts, delivery.updated_at, delivery.status, delivery.reply))
