"""The state machine of a delivery."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.delivery import (
    FIRST_RETRY,
    JITTER,
    LONGEST_RETRY,
    MAX_AGE,
    MAX_ATTEMPTS,
    TRANSITIONS,
    Counts,
    Fate,
    Outcome,
    Retries,
    Tally,
    backoff,
    refusal,
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


@pytest.mark.parametrize(
    ("code", "enhanced", "fate"),
    [
        (450, "", Fate.REFUSED_FOR_NOW),
        (451, "4.7.1", Fate.REFUSED_FOR_NOW),
        (550, "", Fate.REFUSED),
        (550, "5.1.1", Fate.REFUSED),
        (554, "5.7.1", Fate.REFUSED),
        # where the two disagree, the enhanced code is the more exact
        (550, "4.2.1", Fate.REFUSED_FOR_NOW),
        (450, "5.7.1", Fate.REFUSED),
        # a full mailbox, however it is put
        (452, "", Fate.REFUSED_FOR_NOW),
        (452, "4.2.2", Fate.REFUSED_FOR_NOW),
        (552, "", Fate.REFUSED_FOR_NOW),
        (552, "5.2.2", Fate.REFUSED_FOR_NOW),
        (550, "5.2.2", Fate.REFUSED_FOR_NOW),
        # 552 that says that it is about something else
        (552, "5.3.4", Fate.REFUSED),
        # about the connection
        (421, "", Fate.REFUSED_FOR_NOW),
        (421, "5.7.0", Fate.REFUSED_FOR_NOW),
    ],
)
def test_what_a_refusal_means(code: int, enhanced: str, fate: Fate) -> None:
    assert refusal(code, enhanced) is fate


@pytest.mark.parametrize(
    ("attempts", "attempts_before", "age", "status"),
    [
        (0, 0, timedelta(0), DeliveryStatus.DEFERRED),
        (MAX_ATTEMPTS - 2, 0, timedelta(hours=9), DeliveryStatus.DEFERRED),
        (MAX_ATTEMPTS - 1, 0, timedelta(hours=9), DeliveryStatus.FAILED),
        (3, 0, MAX_AGE - timedelta(seconds=1), DeliveryStatus.DEFERRED),
        (3, 0, MAX_AGE, DeliveryStatus.FAILED),
        # sent again by an admin: counted anew
        (MAX_ATTEMPTS, MAX_ATTEMPTS, timedelta(0), DeliveryStatus.DEFERRED),
        (2 * MAX_ATTEMPTS - 1, MAX_ATTEMPTS, timedelta(hours=9), DeliveryStatus.FAILED),
    ],
)
def test_when_it_is_tried_again_and_when_not(
    attempts: int, attempts_before: int, age: timedelta, status: DeliveryStatus
) -> None:
    settled = settle(
        Outcome(Fate.REFUSED_FOR_NOW, "451 later"),
        attempts=attempts,
        attempts_before=attempts_before,
        tried_since=NOW - age,
        now=NOW,
    )

    assert settled.status is status
    assert settled.attempts == attempts + 1
    if status is DeliveryStatus.FAILED:
        assert settled.reply == f"451 later (gave up after {attempts + 1 - attempts_before})"
    else:
        assert settled.tried_since == NOW - age


def test_its_age_counts_from_the_first_attempt() -> None:
    first = settle(Outcome(Fate.REFUSED_FOR_NOW), attempts=0, now=NOW)
    second = settle(
        Outcome(Fate.REFUSED_FOR_NOW), attempts=1, now=NOW + timedelta(days=1), tried_since=first.tried_since
    )

    assert (first.tried_since, second.tried_since) == (NOW, NOW)


def test_after_a_retry_the_waits_begin_anew() -> None:
    settled = settle(Outcome(Fate.REFUSED_FOR_NOW), attempts=5, attempts_before=5, now=NOW)

    assert settled.due_at == NOW + FIRST_RETRY


@pytest.mark.parametrize(
    ("fate", "attempts", "is_history"),
    [(Fate.ACCEPTED, 0, False), (Fate.ACCEPTED, 1, True), (Fate.REFUSED, 0, True), (Fate.IN_DOUBT, 0, True)],
)
def test_only_a_first_attempt_that_succeeds_is_no_history(fate: Fate, attempts: int, is_history: bool) -> None:
    assert settle(Outcome(fate), attempts=attempts, now=NOW).is_history is is_history


@pytest.mark.parametrize("outcome", [Outcome(fate) for fate in Fate])
def test_what_an_attempt_leads_to_is_allowed(outcome: Outcome) -> None:
    for attempts in (0, MAX_ATTEMPTS - 1):
        assert settle(outcome, attempts=attempts, now=NOW).status in TRANSITIONS[DeliveryStatus.SENDING]


def test_every_state_says_where_it_may_go() -> None:
    assert set(TRANSITIONS) == set(DeliveryStatus)
    final = {status for status, to in TRANSITIONS.items() if not to}
    assert final == {DeliveryStatus.SENT, DeliveryStatus.SUPPRESSED, DeliveryStatus.CANCELLED}
    on_the_wire = {status for status, to in TRANSITIONS.items() if DeliveryStatus.SENDING in to}
    assert on_the_wire == {DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED}


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


@given(st.integers(min_value=1, max_value=20), st.floats(min_value=0, max_value=1))
def test_chance_only_lengthens_a_wait_and_within_bounds(attempts: int, chance: float) -> None:
    assert backoff(attempts) <= backoff(attempts, chance) <= backoff(attempts) * (1 + JITTER)


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


def test_a_broadcast_may_give_up_sooner_or_later() -> None:
    refused = Outcome(Fate.REFUSED_FOR_NOW, "451 later")
    twice, for_an_hour = Retries(attempts=2), Retries(age=timedelta(hours=1))

    assert settle(refused, attempts=0, now=NOW, retries=twice).status is DeliveryStatus.DEFERRED
    assert settle(refused, attempts=1, now=NOW, retries=twice).reply == "451 later (gave up after 2)"
    assert (
        settle(refused, attempts=MAX_ATTEMPTS, now=NOW, retries=Retries(attempts=50)).status is DeliveryStatus.DEFERRED
    )
    since = NOW - timedelta(hours=1)
    assert settle(refused, attempts=1, now=NOW, tried_since=since).status is DeliveryStatus.DEFERRED
    assert settle(refused, attempts=1, now=NOW, tried_since=since, retries=for_an_hour).status is DeliveryStatus.FAILED
