"""The state machine of a delivery."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.delivery import (
    FIRST_RETRY,
    LONGEST_RETRY,
    MAX_ATTEMPTS,
    Counts,
    Fate,
    Outcome,
    Tally,
    backoff,
    settle,
    unsendable,
)
from ummsg.vocabulary import OPEN_STATUSES, DeliveryStatus

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fate", "status"),
    [
        (Fate.ACCEPTED, DeliveryStatus.SENT),
        (Fate.REFUSED, DeliveryStatus.FAILED),
        (Fate.IN_DOUBT, DeliveryStatus.UNKNOWN),
    ],
)
def test_a_fate_that_is_certain_is_final(fate: Fate, status: DeliveryStatus) -> None:
    settled = settle(Outcome(fate, "words"), attempts=2, now=NOW)

    assert (settled.status, settled.attempts, settled.due_at, settled.reply) == (status, 3, None, "words")


def test_refused_for_now_is_tried_again_later() -> None:
    settled = settle(Outcome(Fate.REFUSED_FOR_NOW, "451 later"), attempts=0, now=NOW)

    assert settled.status is DeliveryStatus.DEFERRED
    assert settled.due_at == NOW + FIRST_RETRY


def test_it_gives_up_at_the_last_attempt() -> None:
    settled = settle(Outcome(Fate.REFUSED_FOR_NOW, "451 later"), attempts=MAX_ATTEMPTS - 1, now=NOW)

    assert settled.status is DeliveryStatus.FAILED
    assert settled.due_at is None
    assert settled.reply.startswith("451 later")


@given(st.lists(st.sampled_from(Fate), min_size=1, max_size=3 * MAX_ATTEMPTS))
def test_whatever_happens_it_ends_once_and_within_bounds(fates: list[Fate]) -> None:
    """A delivery goes through attempts until it is settled for good, and then no further."""
    attempts, status, now = 0, DeliveryStatus.QUEUED, NOW
    for fate in fates:
        if status not in OPEN_STATUSES:
            break
        settled = settle(Outcome(fate), attempts=attempts, now=now)
        assert settled.attempts == attempts + 1
        assert settled.attempts <= MAX_ATTEMPTS
        assert (settled.status is DeliveryStatus.DEFERRED) == (settled.due_at is not None)
        assert settled.due_at is None or settled.due_at > now
        attempts, status, now = settled.attempts, settled.status, settled.due_at or now
    assert attempts < MAX_ATTEMPTS or status not in OPEN_STATUSES


def test_a_message_that_cannot_be_made_fails_without_an_attempt() -> None:
    settled = unsendable("not sent: customer_name is empty", attempts=0)

    assert (settled.status, settled.attempts) == (DeliveryStatus.FAILED, 0)


@given(st.integers(min_value=1, max_value=10_000))
def test_backoff_grows_and_is_bounded(attempts: int) -> None:
    assert FIRST_RETRY <= backoff(attempts) <= LONGEST_RETRY
    assert backoff(attempts) <= backoff(attempts + 1)


def test_backoff_doubles_at_first() -> None:
    assert [backoff(n) / timedelta(minutes=1) for n in (1, 2, 3)] == [5, 10, 20]


@given(st.dictionaries(st.sampled_from(DeliveryStatus), st.integers(min_value=0, max_value=1_000_000)))
def test_counts_always_balance(by_status: dict[DeliveryStatus, int]) -> None:
    counts = Counts.of(by_status)

    others = (counts.sent, counts.failed, counts.suppressed, counts.cancelled, counts.unknown)
    assert counts.targeted == sum(others) + counts.queued + counts.deferred


def test_a_claimed_delivery_counts_as_queued() -> None:
    counts = Counts.of({DeliveryStatus.QUEUED: 2, DeliveryStatus.SENDING: 1})

    assert (counts.queued, counts.targeted, counts.open) == (3, 3, 3)


def test_a_tally_counts_down() -> None:
    tally = Tally(remaining=2)
    tally.count(settle(Outcome(Fate.ACCEPTED), attempts=0, now=NOW))
    tally.count(settle(Outcome(Fate.REFUSED), attempts=0, now=NOW))

    assert (tally.sent, tally.failed, tally.remaining, tally.attempted) == (1, 1, 0, 2)
