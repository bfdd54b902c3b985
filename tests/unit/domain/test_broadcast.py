"""What a draft is refused for, before any directory or template engine is asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.message_text import SUBJECT_MAXIMUM
from ummsg.vocabulary import BroadcastType, MembershipStatus

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
EMAIL = BroadcastDraft(
    type=BroadcastType.EMAIL, audience=Audience.of([Target.everyone()]), subject="Hello", content="Good morning."
)
NOTICE = replace(EMAIL, type=BroadcastType.NOTICE)


def fields(draft: BroadcastDraft) -> list[str]:
    return [problem.field for problem in draft.problems(NOW)]


@pytest.mark.parametrize("draft", [EMAIL, NOTICE])
def test_a_good_draft_has_no_problems(draft: BroadcastDraft) -> None:
    assert fields(draft) == []


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (replace(EMAIL, audience=Audience.of([])), "targets"),
        (replace(EMAIL, subject="x"), "subject"),
        (replace(EMAIL, subject=" x "), "subject"),
        (replace(EMAIL, subject="x" * (SUBJECT_MAXIMUM + 1)), "subject"),
        (replace(EMAIL, subject="Hello\nBcc: x@example.com"), "subject"),
        (replace(EMAIL, subject="Hello\rthere"), "subject"),
        (replace(EMAIL, subject="Hello\x1b[2J"), "subject"),
        (replace(EMAIL, content="ab"), "content"),
        (replace(EMAIL, content=" \n ab \n"), "content"),
        (replace(EMAIL, content="abc\0"), "content"),
        (replace(EMAIL, at=NOW - HOUR), "at"),
        (replace(EMAIL, at=NOW), "at"),
        (replace(EMAIL, not_after=NOW - HOUR), "not-after"),
        (replace(EMAIL, at=NOW + 2 * HOUR, not_after=NOW + HOUR), "not-after"),
        (replace(EMAIL, starts=NOW + HOUR), "starts"),
        (replace(EMAIL, ends=NOW + HOUR), "ends"),
        (replace(EMAIL, attempts=0), "attempts"),
        (replace(EMAIL, attempts=51), "attempts"),
        (replace(EMAIL, retry_for=timedelta()), "retry-for"),
        (replace(EMAIL, retry_for=timedelta(days=30, minutes=1)), "retry-for"),
        (replace(NOTICE, attempts=3), "attempts"),
        (replace(NOTICE, retry_for=HOUR), "retry-for"),
        (replace(NOTICE, at=NOW + HOUR), "at"),
        (replace(NOTICE, ends=NOW - HOUR), "ends"),
        (replace(NOTICE, starts=NOW + 2 * HOUR, ends=NOW + HOUR), "ends"),
        (replace(NOTICE, starts=NOW + HOUR, ends=NOW + HOUR), "ends"),
    ],
)
def test_each_fault_is_named_by_its_flag(draft: BroadcastDraft, field: str) -> None:
    assert fields(draft) == [field]


def test_all_faults_are_told_at_once() -> None:
    draft = replace(EMAIL, audience=Audience.of([]), subject="", content="", at=NOW - HOUR)

    assert fields(draft) == ["targets", "subject", "content", "at"]


def test_the_shortest_texts_that_are_allowed() -> None:
    assert fields(replace(EMAIL, subject="Hi", content="abc")) == []


def test_equal_drafts_have_equal_digests_whatever_the_order_of_their_targets() -> None:
    one = replace(EMAIL, audience=Audience.of([Target.product(2), Target.customer(1), Target.product(2)]))
    other = replace(EMAIL, audience=Audience.of([Target.customer(1), Target.product(2)]))

    assert one.digest() == other.digest()


@pytest.mark.parametrize(
    "other",
    [
        replace(EMAIL, subject="Hello!"),
        replace(EMAIL, content="Good evening."),
        replace(EMAIL, at=NOW),
        NOTICE,
        replace(EMAIL, audience=Audience.of([Target.product(1)])),
        replace(EMAIL, audience=Audience.of([Target.everyone()], [MembershipStatus.EXPIRED])),
    ],
)
def test_other_content_or_targets_have_another_digest(other: BroadcastDraft) -> None:
    assert other.digest() != EMAIL.digest()


def test_a_digest_that_was_stored_before_there_were_bounds_of_trying_again_still_holds() -> None:
    assert EMAIL.digest() == "3b3e7f3bbe5224a1807692ef6ba936286da6919b8d6454dc9fed140f74de87c4"
    assert len({draft.digest() for draft in (EMAIL, replace(EMAIL, attempts=3), replace(EMAIL, retry_for=HOUR))}) == 3
