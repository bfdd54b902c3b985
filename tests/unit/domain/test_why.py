"""What is said of somebody who is among the recipients of a frozen audience."""

from datetime import UTC, datetime

import pytest

from ummsg.domain.audience import Match, Target
from ummsg.domain.delivery import Attempt, Delivery
from ummsg.domain.why import received
from ummsg.vocabulary import DeliveryStatus

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVERYONE = Match(Target.everyone(), "everyone")


def delivery(status: DeliveryStatus, reply: str = "") -> Delivery:
    return Delivery(1, 1, 1, "anna@example.com", status, "1@example.com", reply=reply)


@pytest.mark.parametrize(
    ("noted", "when"),
    [
        ([], "when the audience was frozen"),
        ([Attempt(0, NOW, DeliveryStatus.SUPPRESSED, "asked")], "before the message went out"),
    ],
)
def test_only_what_has_no_history_was_suppressed_when_the_audience_was_frozen(noted: list[Attempt], when: str) -> None:
    reason = received(delivery(DeliveryStatus.SUPPRESSED, "asked"), noted, [EVERYONE])

    assert reason == f"left out: the address was suppressed (asked) {when}"


def test_what_matches_now_is_not_said_of_then() -> None:
    sent = delivery(DeliveryStatus.SENT)

    assert received(sent, [], [EVERYONE]) == "in the audience that was frozen; now matched by: everyone"
    assert received(sent, [], []) == "a target matched when the audience was frozen; none does now"
