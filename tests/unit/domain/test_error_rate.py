"""When too much of a broadcast is refused."""

import pytest

from ummsg.domain.error_rate import LEAST, WINDOW, complaint, different, slid
from ummsg.vocabulary import DeliveryStatus

SENT, DEFERRED, FAILED, UNKNOWN = (
    DeliveryStatus.SENT,
    DeliveryStatus.DEFERRED,
    DeliveryStatus.FAILED,
    DeliveryStatus.UNKNOWN,
)


def results(sent: int, *, failed: int = 0, deferred: int = 0, unknown: int = 0) -> str:
    return slid("", [SENT] * sent + [FAILED] * failed + [DEFERRED] * deferred + [UNKNOWN] * unknown)


@pytest.mark.parametrize(
    ("recent", "pauses"),
    [
        (results(0), False),
        (results(80, failed=20), False),
        (results(79, failed=21), True),
        (results(79, failed=11, unknown=10), True),
        (results(0, failed=LEAST - 1), False),
        (results(160, failed=40), False),
        (results(159, failed=41), True),
        (results(20, deferred=80), False),
        (results(19, deferred=81), True),
        (results(19, deferred=71, failed=10), True),
        (results(30, deferred=60, failed=10), False),
    ],
)
def test_more_errors_than_are_borne_are_too_many(recent: str, pauses: bool) -> None:
    assert bool(complaint(recent, 0.2)) is pauses


def test_the_limit_is_the_operators() -> None:
    assert complaint(results(98, failed=2), 0.01)
    assert not complaint(results(98, failed=2), 0.02)
    assert not complaint(results(0, failed=200), None)
    assert not complaint(results(15, deferred=85), 0.9)  # who bears more errors bears as many refusals for now


def test_only_the_last_results_count() -> None:
    long_ago = results(0, failed=WINDOW)
    since = slid(long_ago, [SENT] * (WINDOW - 10))
    assert len(since) == WINDOW
    assert not complaint(since, 0.2)


def test_a_block_longer_than_the_window_keeps_its_end() -> None:
    assert slid("", [FAILED] * 500 + [SENT] * 150) == "x" * 50 + "." * 150


def test_the_reason_says_how_many_of_how_many() -> None:
    assert complaint(results(70, failed=30), 0.2) == "30 of the last 100 recipients failed, more than 20%"
    assert complaint(results(0, deferred=100), 0.2) == "100 of the last 100 recipients were refused or put off"


def test_replies_that_differ_by_an_address_are_the_same_and_name_nobody() -> None:
    replies = [
        "550 5.1.1 <bo@example.com>: no such user",
        "550 5.7.1 spam",
        "550 5.1.1 <anna@example.com>: no such user",
    ]
    assert different(replies) == ["550 5.1.1 …: no such user", "550 5.7.1 spam"]


def test_a_few_replies_are_named_the_last_ones_and_not_at_length() -> None:
    named = different(["550 one", "550 two", "550 three", "550 " + "four " * 100])
    assert [reply[:9] for reply in named] == ["550 four ", "550 three", "550 two"]
    assert max(map(len, named)) == 100
