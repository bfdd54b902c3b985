"""Plans: what is written down is read again, and nothing else is; what has changed is named."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.audience import Audience, AudienceCount, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.plan import (
    Plan,
    Standing,
    differences,
    keyed_digest,
    least_seconds,
    read_plan,
    reasons_of,
    seal,
)
from ummsg.domain.wall_time import LocalTime
from ummsg.errors import InvalidInput
from ummsg.vocabulary import BroadcastType, ContentFormat, MembershipStatus, NoticeType

KEY = b"secret"
STANDING = Standing({"recipients": 5}, {"bounced": 1}, "a1", {"text": "t", "sender": "s"})
DRAFT = BroadcastDraft(
    type=BroadcastType.EMAIL,
    audience=Audience.of([Target.product(3), Target.customer(1)]),
    subject="Hej",
    content="Hälsningar",
    at=datetime(2026, 12, 1, 8, tzinfo=UTC),
    not_after=datetime(2026, 12, 2, 8, tzinfo=UTC),
)
PLAN = Plan(datetime(2026, 11, 25, tzinfo=UTC), "db", DRAFT, [{"target": "Pro", "customers": 5}], STANDING, "k")


def written(plan: Plan = PLAN, **changes: Any) -> Any:
    return json.loads(json.dumps({**plan.as_json(KEY), **changes}))


@pytest.mark.parametrize(
    "draft",
    [
        DRAFT,
        replace(DRAFT, at=None, at_local=LocalTime(datetime.fromisoformat("2026-12-01T09:00"), "Asia/Tokyo")),
        replace(DRAFT, type=BroadcastType.NOTICE, at=None, not_after=None, ends=DRAFT.at, sender="A <a@example.com>"),
    ],
)
def test_what_is_written_down_is_read_again(draft: BroadcastDraft) -> None:
    plan = replace(PLAN, draft=draft)
    assert read_plan(written(plan), KEY, "db") == plan


def test_every_field_of_a_draft_is_written_down_and_read_again() -> None:
    given = {
        "type": BroadcastType.NOTICE,
        "audience": Audience.of([Target.everyone()], [MembershipStatus.EXPIRED]),
        "subject": "Hej",
        "content": "Hälsningar",
        "content_format": ContentFormat.HTML,
        "notice_type": NoticeType.ERROR,
        "at": DRAFT.at,
        "not_after": DRAFT.not_after,
        "starts": DRAFT.at,
        "ends": DRAFT.not_after,
        "sender": "A <a@example.com>",
        "reply_to": "b@example.com",
        "at_local": LocalTime(datetime.fromisoformat("2026-12-01T09:00"), "Asia/Tokyo"),
        "attempts": 3,
        "retry_for": timedelta(hours=12),
    }
    assert set(given) == {field.name for field in fields(BroadcastDraft)}
    plan = replace(PLAN, draft=BroadcastDraft(**given))
    assert read_plan(written(plan), KEY, "db") == plan


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*PLAN.as_json(KEY), "x"]), inner),
    )
)
def test_nothing_else_is_a_plan(content: Any) -> None:
    with pytest.raises(InvalidInput):
        read_plan(content, KEY, "db")


@pytest.mark.parametrize("name", PLAN.as_json(KEY))
def test_each_field_is_sealed(name: str) -> None:
    with pytest.raises(InvalidInput):
        read_plan(written(**{name: "other"}), KEY, "db")


@pytest.mark.parametrize(
    ("content", "key", "said"),
    [
        ([], KEY, "not a plan"),
        ({"format": "ummsg bundle"}, KEY, "not a plan"),
        (written(version=2), KEY, "newer ummsg"),
        (written(version="1"), KEY, "newer ummsg"),
        (written(database="other"), KEY, "another database"),
        (written(subject="added"), KEY, "changed after it was made"),
        (written(seal=None), KEY, "changed after it was made"),
        (written(), b"other", "another secret key"),
    ],
)
def test_what_is_wrong_is_named(content: Any, key: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_plan(content, key, "db")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (STANDING, []),
        (replace(STANDING, audience="b", counts={"recipients": 8}), ["3 customers more than planned"]),
        (replace(STANDING, audience="b", counts={"recipients": 4}), ["1 customer fewer than planned"]),
        (replace(STANDING, audience="b"), ["as many customers as planned, but others"]),
        (replace(STANDING, audience="b", left_out={"bounced": 2}), ["left out (bounced): 2, planned 1"]),
        (replace(STANDING, content={"text": "t", "sender": "x"}), ["content differs: sender"]),
        (
            replace(STANDING, audience="b", counts={"recipients": 6}, content={"text": "x"}),
            ["1 customer more than planned", "content differs: sender", "content differs: text"],
        ),
    ],
)
def test_what_has_changed_is_named(now: Standing, said: list[str]) -> None:
    assert list(differences(STANDING, now)) == said


def test_a_digest_is_of_the_whole_stream_and_of_the_key() -> None:
    assert keyed_digest(KEY, "x", [b"ab", b"c"]) == keyed_digest(KEY, "x", [b"a", b"bc"])
    others = [keyed_digest(KEY, "x", [b"ab"]), keyed_digest(KEY, "y", [b"abc"]), keyed_digest(b"k", "x", [b"abc"])]
    assert keyed_digest(KEY, "x", [b"abc"]) not in others
    assert seal({"a": 1, "b": 2}, KEY) == seal({"b": 2, "a": 1}, KEY)


def test_a_reason_is_told_without_the_address_in_it() -> None:
    suppressed = {"550 5.1.1 <a@example.com>: no": 1, "550 5.1.1 <bo.ek@example.com>: no": 2, "": 3}
    count = AudienceCount((), 0, suppressed)
    assert reasons_of(count) == {"550 5.1.1 <…>: no": 3, "suppressed": 3}


@pytest.mark.parametrize(
    ("recipients", "limits", "seconds"),
    [
        (10, [], None),
        (1, [(50, 1)], 0),
        (50, [(50, 1)], 0),
        (51, [(50, 1)], 1),
        (10_000, [(50, 1), (5_000, 3600)], 3600),
        (10_001, [(50, 1), (5_000, 3600)], 7200),
    ],
)
def test_limits_say_how_long_it_takes_at_least(
    recipients: int, limits: list[tuple[int, int]], seconds: float | None
) -> None:
    assert least_seconds(recipients, limits) == seconds
