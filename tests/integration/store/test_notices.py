"""What a dashboard shows: the rule, evaluated at the moment of looking."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.store.engine import Store
from ummsg.vocabulary import BroadcastStatus, BroadcastType, MembershipStatus

from .conftest import NOW, Network

PRO, AGENCY = 1, 2
ANNA, BO, CLEO = 1, 2, 3
HOUR = timedelta(hours=1)
NOTICE = BroadcastDraft(
    type=BroadcastType.NOTICE, audience=Audience.of([Target.everyone()]), subject="Hello", content="Good morning."
)


@pytest.fixture(autouse=True)
def members(network: Network) -> None:
    network.customers("Anna", "Bo", "Cleo")
    network.products("pro", "agency")
    network.member(ANNA, PRO)
    network.member(BO, PRO, MembershipStatus.CANCELLED)


def publish(store: Store, draft: BroadcastDraft, status: BroadcastStatus = BroadcastStatus.PUBLISHED) -> int:
    with store.begin() as tx:
        return tx.broadcasts.add(draft, status, NOW, html="<p>Good morning.</p>").id


def shown(store: Store, customer_id: int, now: datetime = NOW) -> list[int]:
    with store.read() as tx:
        return tx.notices.shown_to(customer_id, now)


def to(*targets: Target, statuses: tuple[MembershipStatus, ...] = ()) -> BroadcastDraft:
    return replace(NOTICE, audience=Audience.of(targets, statuses))


@pytest.mark.parametrize(
    ("draft", "customers"),
    [
        (to(Target.everyone()), [ANNA, BO, CLEO]),
        (to(Target.customer(CLEO)), [CLEO]),
        (to(Target.product(PRO)), [ANNA]),
        (to(Target.product(AGENCY)), []),
        (to(Target.product(PRO), statuses=(MembershipStatus.CANCELLED,)), [BO]),
        (to(Target.product(PRO), Target.customer(BO)), [ANNA, BO]),
    ],
)
def test_who_sees_it(store: Store, draft: BroadcastDraft, customers: list[int]) -> None:
    notice = publish(store, draft)

    assert [customer for customer in (ANNA, BO, CLEO) if notice in shown(store, customer)] == customers


def test_it_follows_memberships_at_once(store: Store, network: Network) -> None:
    notice = publish(store, to(Target.product(PRO)))
    network.member(CLEO, PRO)
    assert shown(store, CLEO) == [notice]

    with store.begin() as tx:
        tx.session.connection().execute(text("UPDATE memberships SET status = 'expired'"))
    assert shown(store, CLEO) == shown(store, ANNA) == []


@pytest.mark.parametrize(
    ("starts", "ends", "visible"),
    [
        (None, None, True),
        (NOW, None, True),
        (NOW + HOUR, None, False),
        (None, NOW + HOUR, True),
        (None, NOW, False),
        (NOW - HOUR, NOW + HOUR, True),
    ],
)
def test_the_window(store: Store, starts: datetime | None, ends: datetime | None, visible: bool) -> None:
    publish(store, replace(NOTICE, starts=starts, ends=ends))

    assert bool(shown(store, ANNA)) is visible


def test_the_newest_first_and_no_cap(store: Store) -> None:
    ids = [publish(store, NOTICE) for _ in range(25)]

    assert shown(store, ANNA) == sorted(ids, reverse=True)


@pytest.mark.parametrize("status", [BroadcastStatus.DRAFT, BroadcastStatus.WITHDRAWN])
def test_what_is_not_published_is_not_shown(store: Store, status: BroadcastStatus) -> None:
    publish(store, NOTICE, status)

    assert shown(store, ANNA) == []


def test_an_email_is_not_a_notice(store: Store) -> None:
    publish(store, replace(NOTICE, type=BroadcastType.EMAIL))

    assert shown(store, ANNA) == []


def test_a_dismissal_is_one_customers_and_can_be_forgotten(store: Store) -> None:
    notice = publish(store, NOTICE)
    with store.begin() as tx:
        assert tx.notices.dismiss(notice, ANNA, NOW)
        assert not tx.notices.dismiss(notice, ANNA, NOW)
        assert tx.notices.dismissed_by(notice) == 1
    assert (shown(store, ANNA), shown(store, BO)) == ([], [notice])

    with store.begin() as tx:
        assert tx.notices.forget_dismissals(notice) == 1
    assert shown(store, ANNA) == [notice]


def test_what_is_live_is_looked_up_by_whom_it_is_for(store: Store) -> None:
    """However many customers and notices there are: nothing is read from end to end."""
    from sqlalchemy.dialects import sqlite

    from ummsg.store.notices import SHOWN

    asked = str(SHOWN.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
    with store.read() as tx:
        rows = tx.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", (None,) * asked.count("?"))
        plan = [row.detail for row in rows]

    assert not [step for step in plan if step.startswith("SCAN")]
    by_target = "SEARCH broadcast_targets USING COVERING INDEX ix_broadcast_targets_live (kind=? AND ref_id=?"
    assert len([step for step in plan if step.startswith(by_target)]) == 3
