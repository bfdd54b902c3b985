"""How the outbox gets on, from the facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import Broadcast, BroadcastDraft
from ummsg.domain.delivery import Counts
from ummsg.domain.email import EmailDraft, SystemEmail
from ummsg.domain.limits import Limit
from ummsg.domain.limits import Standing as LimitStanding
from ummsg.domain.outlook import Standing, Why
from ummsg.vocabulary import BroadcastStatus, BroadcastType, EmailTarget

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPENT = LimitStanding("", Limit(60, 3600), used=60, room_at=NOW + 9 * MINUTE)
FREE = LimitStanding("", Limit(1000, 1), used=3, room_at=NOW)
DRAFT = BroadcastDraft(BroadcastType.EMAIL, Audience.of([Target.everyone()]), "Hello", "Good morning.")


def standing(status: BroadcastStatus = BroadcastStatus.QUEUED, *, note: str = "", **facts: Any) -> Standing:
    draft = replace(DRAFT, not_after=facts.pop("not_after", None))
    broadcast = Broadcast(7, status, draft, "", NOW, NOW, note)
    counts = Counts(**facts.pop("counts", {"queued": 100}))
    return Standing(counts, **{"next_due": NOW, "attended": True, "broadcast": broadcast} | facts)


def why(one: Standing) -> list[tuple[Why, int]]:
    return [(stuck.why, stuck.number) for stuck in one.stuck(NOW)]


def test_the_rate_is_over_the_time_in_which_something_went_out() -> None:
    assert standing(done=600, done_since=NOW - 5 * MINUTE).per_minute(NOW) == pytest.approx(120)
    assert standing(done=600, done_since=NOW - 2 * MINUTE).per_minute(NOW) == pytest.approx(300)
    assert standing(done=1, done_since=NOW).per_minute(NOW) == pytest.approx(6)
    assert standing().per_minute(NOW) == 0


def test_the_time_left_is_told_of_what_is_being_sent() -> None:
    going = standing(done=100, done_since=NOW - MINUTE, counts={"queued": 1000, "deferred": 5})
    assert going.left(NOW) == 10 * MINUTE
    assert replace(going, attended=False).left(NOW) is None
    assert replace(going, done=0).left(NOW) is None
    assert standing(BroadcastStatus.PAUSED, done=100, done_since=NOW - MINUTE).left(NOW) is None


def test_what_is_being_sent_is_not_stuck() -> None:
    assert why(standing()) == []


def test_a_paused_one_says_why_and_how_to_go_on() -> None:
    (stuck,) = standing(BroadcastStatus.PAUSED, note="too much is refused", attended=False).stuck(NOW)
    assert (stuck.why, stuck.number, stuck.words) == (Why.PAUSED, 100, "too much is refused")
    assert stuck.command == "ummsg broadcast resume 7"


def test_the_deferred_say_what_most_of_them_met() -> None:
    facts: dict[str, Any] = {"counts": {"deferred": 5}, "deferred_until": NOW + MINUTE, "next_due": NOW + MINUTE}
    (stuck,) = standing(reply="451 later", replied=3, **facts).stuck(NOW)
    assert (stuck.why, stuck.number, stuck.until) == (Why.DEFERRED, 5, NOW + MINUTE)
    assert stuck.words == "most often with: 451 later"
    (stuck,) = standing(reply="451 later", replied=5, **facts).stuck(NOW)
    assert stuck.words == "with: 451 later"


def test_the_unknown_wait_for_an_admin_even_when_it_is_over() -> None:
    (stuck,) = standing(BroadcastStatus.FINISHED, counts={"unknown": 2, "sent": 5}, next_due=None).stuck(NOW)
    assert (stuck.why, stuck.number, stuck.command) == (Why.UNKNOWN, 2, "ummsg broadcast resolve 7")


def test_what_a_run_held_that_is_gone() -> None:
    (stuck,) = standing(held=3, held_until=NOW + MINUTE, counts={"queued": 3}).stuck(NOW)
    assert (stuck.why, stuck.number, stuck.until) == (Why.HELD, 3, NOW + MINUTE)


@pytest.mark.parametrize("status", [BroadcastStatus.QUEUED, BroadcastStatus.SCHEDULED, BroadcastStatus.FREEZING])
def test_what_is_due_while_nobody_sends(status: BroadcastStatus) -> None:
    assert why(standing(status, attended=False, due=60)) == [(Why.UNATTENDED, 60)]
    assert why(standing(status, attended=False, next_due=NOW + MINUTE)) == []


def test_what_is_due_while_nobody_could_send() -> None:
    (stuck,) = standing(attended=False, due=100, limits=[SPENT, FREE]).stuck(NOW)
    assert (stuck.words, stuck.until) == ("due, and no run is sending; the limit of 60/h is used up", NOW + 9 * MINUTE)


def test_limits_may_take_longer_than_the_rate_says() -> None:
    going = standing(done=100, done_since=NOW - MINUTE, counts={"queued": 30}, limits=[SPENT, FREE])
    assert going.left(NOW) == 9 * MINUTE + 30 * MINUTE
    assert replace(going, done=0).left(NOW) == 39 * MINUTE
    assert replace(going, limits=[FREE]).left(NOW) == 18 * timedelta(seconds=1)
    assert replace(going, done=0, limits=[FREE]).left(NOW) is None


def test_what_will_be_too_late() -> None:
    going: dict[str, Any] = {"done": 10, "done_since": NOW - MINUTE}
    assert why(standing(not_after=NOW + 4 * MINUTE, **going)) == [(Why.EXPIRING, 60)]
    assert why(standing(not_after=NOW + 11 * MINUTE, **going)) == []
    assert why(standing(not_after=NOW - MINUTE, **going)) == [(Why.EXPIRING, 100)]


def test_what_is_near_its_end_while_nothing_goes_out() -> None:
    soon, late = NOW + 59 * MINUTE, NOW + 61 * MINUTE
    assert (Why.EXPIRING, 100) in why(standing(BroadcastStatus.PAUSED, not_after=soon))
    assert (Why.EXPIRING, 100) not in why(standing(BroadcastStatus.PAUSED, not_after=late))
    assert why(standing(BroadcastStatus.FINISHED, not_after=soon, counts={"sent": 5}, next_due=None)) == []


def test_a_system_email_that_was_switched_off() -> None:
    draft = EmailDraft("receipt", "payment_received", EmailTarget.CUSTOMER, "The receipt", {}, active=False)
    email = SystemEmail(3, draft, NOW, NOW)
    (stuck,) = Standing(Counts(queued=2), NOW + MINUTE, email=email).stuck(NOW)
    assert (stuck.why, stuck.number, stuck.command) == (Why.SWITCHED_OFF, 2, "ummsg emails enable receipt")
