"""What rate limits have to know: what was handed over, what is on the way, and what waits for its domain's turn."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, literal_column, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlmodel import Session

from ummsg.domain.delivery import LEASE, Delivery
from ummsg.domain.limits import ALL_MAIL, Use, booked_at, domain_of
from ummsg.store.outbox import delivery_of
from ummsg.store.tables import BroadcastRow, DeliveryRow, LimitHoldRow, LimitKeptRow, LimitUseRow, table_of
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus

broadcasts = table_of(BroadcastRow)
deliveries = table_of(DeliveryRow)
kept = table_of(LimitKeptRow)
uses = table_of(LimitUseRow)
holds = table_of(LimitHoldRow)

_CLAIMABLE = (DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED)
_IN_LINE: ColumnElement[bool] = literal_column("status = 'queued'")
"""Spelled as the index of those that wait for their domain has it, else SQLite does not use that."""


class LimitUses:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    # What was handed over

    def keep(self, windows: Collection[tuple[str, int]]) -> None:
        """From now on, whatever any process settles is booked for these limits too: a scope, and seconds."""
        if windows:
            rows = [{"scope": scope, "seconds": seconds} for scope, seconds in windows]
            self._execute(insert(kept).prefix_with("OR IGNORE", dialect="sqlite"), rows)

    @property
    def are_kept(self) -> bool:
        """Whether any process ever kept one."""
        return self._execute(select(kept).limit(1)).first() is not None

    def book(self, emails: Collection[str], now: datetime) -> None:
        """Count messages to these addresses, for every limit that is kept. To be called where they are settled, in the
        same transaction: from then on they are not on the way any more."""
        if not emails:
            return
        windows = [(row.scope, row.seconds) for row in self._execute(select(kept))]
        by_scope = Counter(map(domain_of, emails)) if any(scope for scope, _ in windows) else Counter[str]()
        by_scope[ALL_MAIL] = len(emails)
        self._add([Use(scope, seconds, now, by_scope[scope]) for scope, seconds in windows if by_scope[scope]])
        self._forget(now)

    def booked(self) -> list[Use]:
        return self._found()

    def set_right(self, now: datetime) -> None:
        """A booking in the future was made before the clock was set back: from now on it counts as made now."""
        early = [use for use in self._found(uses.c.booked_at > now) if use.at > booked_at(now, use.seconds)]
        for use in early:
            mine = (uses.c.scope == use.scope, uses.c.seconds == use.seconds, uses.c.booked_at == use.at)
            self._execute(delete(uses).where(*mine))
        self._add([replace(use, at=now) for use in early])
        self._execute(update(holds).where(holds.c.until > now + LEASE).values(until=now + LEASE))

    def _found(self, *conditions: ColumnElement[bool]) -> list[Use]:
        rows = self._execute(select(uses).where(*conditions))
        return [Use(row.scope, row.seconds, row.booked_at, row.number) for row in rows]

    def _add(self, made: Collection[Use]) -> None:
        rows = [
            {
                "scope": use.scope,
                "seconds": use.seconds,
                "booked_at": booked_at(use.at, use.seconds),
                "number": use.number,
            }
            for use in made
        ]
        statement = upsert(uses)
        more = {"number": uses.c.number + statement.excluded.number}
        if rows:
            self._execute(statement.on_conflict_do_update(index_elements=list(uses.primary_key), set_=more), rows)

    def _forget(self, now: datetime) -> None:
        """Bookings whose span is over."""
        spans = self._execute(select(uses.c.seconds).distinct()).scalars().all()
        for seconds in spans:
            self._execute(
                delete(uses).where(uses.c.seconds == seconds, uses.c.booked_at <= now - timedelta(seconds=seconds))
            )

    # What is on the way

    def on_the_way(self) -> list[tuple[str, str]]:
        """The claim token and the address of everything that is claimed, or held, and not settled."""
        held = [("", row.email) for row in self._execute(select(holds.c.email))]
        return held + [(row.claim_token, row.email) for row in self._sending()]

    def lost(self, now: datetime) -> list[str]:
        """The addresses of what is on the way with a lease that has run out."""
        return [row.email for row in self._sending(deliveries.c.lease_until <= now)]

    def hold(self, email: str, now: datetime) -> int:
        """Count a message outside the outbox as on the way; returns the hold's id."""
        row = {"email": email, "until": now + LEASE}
        return int(self._execute(insert(holds).returning(holds.c.id), row).scalar_one())

    def release(self, hold: int) -> None:
        self._execute(delete(holds).where(holds.c.id == hold))

    def release_lost(self, now: datetime) -> list[str]:
        """The addresses of holds whose process did not come back; they are no more."""
        return list(self._execute(delete(holds).where(holds.c.until <= now).returning(holds.c.email)).scalars())

    def _sending(self, *conditions: ColumnElement[bool]) -> Iterable[Any]:
        columns = (deliveries.c.claim_token, deliveries.c.email)
        statuses = (BroadcastStatus.QUEUED, BroadcastStatus.PAUSED, BroadcastStatus.CANCELLED)
        in_flight = select(broadcasts.c.id).where(broadcasts.c.status.in_(statuses))
        for whose in (deliveries.c.broadcast_id.in_(in_flight), deliveries.c.broadcast_id.is_(None)):
            found = select(*columns).where(whose, deliveries.c.status == DeliveryStatus.SENDING, *conditions)
            yield from self._execute(found)

    # What waits for its domain's turn; `broadcast_id` is None for system emails

    def due(self, broadcast_id: int | None, now: datetime, number: int) -> list[tuple[int, str]]:
        """The ids and addresses of what could be claimed, in the order in which it would be."""
        found: list[tuple[int, str]] = []
        for status in _CLAIMABLE:
            due = (
                select(deliveries.c.id, deliveries.c.email)
                .where(_of(broadcast_id), deliveries.c.status == status, deliveries.c.due_at <= now)
                .order_by(deliveries.c.due_at, deliveries.c.id)
                .limit(number - len(found))
            )
            found += [(row.id, row.email) for row in self._execute(due)]
        return found

    def in_line(self, broadcast_id: int | None, domain: str, number: int) -> list[int]:
        """The first that wait for a domain's turn."""
        first = (
            select(deliveries.c.id)
            .where(deliveries.c.waits_for == domain, deliveries.c.waits_for.is_not(None), _of(broadcast_id), _IN_LINE)
            .order_by(deliveries.c.id)
            .limit(number)
        )
        return list(self._execute(first).scalars())

    def length_of_lines(self) -> dict[str, int]:
        """How many wait for each domain's turn."""
        waiting = (
            select(deliveries.c.waits_for, func.count().label("number"))
            .where(deliveries.c.waits_for.is_not(None), _IN_LINE)
            .group_by(deliveries.c.waits_for)
        )
        return {row.waits_for: row.number for row in self._execute(waiting)}

    def put_in_line(self, domains: Collection[tuple[int, str]], now: datetime) -> None:
        """Let deliveries that are due wait for their domain's turn: nobody comes upon them before."""
        rows = [{"b_id": number, "b_domain": domain} for number, domain in domains]
        if rows:
            self._execute(_putting_in_line(now), rows)

    def claim(self, ids: Collection[int], token: str, now: datetime) -> list[Delivery]:
        """Take these for ourselves, for as long as LEASE."""
        if not ids:
            return []
        statement = (
            update(deliveries)
            .where(deliveries.c.id.in_(ids), deliveries.c.status.in_(_CLAIMABLE))
            .values(
                status=DeliveryStatus.SENDING,
                claim_token=token,
                lease_until=now + LEASE,
                waits_for=None,
                updated_at=now,
            )
            .returning(*deliveries.c)
        )
        return sorted(map(delivery_of, self._execute(statement)), key=lambda delivery: delivery.id)

    def let_go(self, domains: Collection[str], now: datetime, number: int) -> int:
        """Make due what waits for other domains than these, up to so many; returns how many those were."""
        others = (
            select(deliveries.c.id)
            .where(deliveries.c.waits_for.is_not(None), deliveries.c.waits_for.not_in(domains), _IN_LINE)
            .limit(number)
        )
        done = self._execute(
            update(deliveries).where(deliveries.c.id.in_(others.scalar_subquery())).values(waits_for=None, due_at=now)
        )
        return done.rowcount


def _of(broadcast_id: int | None) -> ColumnElement[bool]:
    return deliveries.c.broadcast_id.is_(None) if broadcast_id is None else deliveries.c.broadcast_id == broadcast_id


def _putting_in_line(now: datetime) -> Any:
    return (
        update(deliveries)
        .where(deliveries.c.id == bindparam("b_id"), or_(*(deliveries.c.status == status for status in _CLAIMABLE)))
        .values(status=DeliveryStatus.QUEUED, due_at=None, waits_for=bindparam("b_domain"), updated_at=now)
    )
