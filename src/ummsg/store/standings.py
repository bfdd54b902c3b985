"""How the open deliveries of a broadcast or a system email get on. Each question is answered from an index and a
bounded number of rows, however large the ledger is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlmodel import Session

from ummsg.store.tables import BroadcastRow, DeliveryRow, table_of
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus

broadcasts = table_of(BroadcastRow)
deliveries = table_of(DeliveryRow)

LOOKED_AT = 5_000
"""Rows that an answer is taken from."""

_DONE = (DeliveryStatus.SENT, DeliveryStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries that a run holds, or held when it died."""

    token: str
    number: int
    until: datetime


class Standings:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def done(self, whose: ColumnElement[bool], since: datetime) -> tuple[int, datetime | None]:
        """How many were settled since then, and when the first of them.

        Among the last LOOKED_AT in the order of the ledger, in which a broadcast is sent: of those that are tried
        again some may be missing.
        """
        found = [self._done(whose, status, since) for status in _DONE]
        first = [moment for _, moment in found if moment is not None]
        return sum(number for number, _ in found), min(first, default=None)

    def _done(self, whose: ColumnElement[bool], status: DeliveryStatus, since: datetime) -> tuple[int, datetime | None]:
        last = (
            select(deliveries.c.updated_at)
            .where(whose, deliveries.c.status == status, deliveries.c.due_at.is_(None))
            .order_by(deliveries.c.id.desc())
            .limit(LOOKED_AT)
            .subquery()
        )
        statement = select(func.count(), func.min(last.c.updated_at)).where(last.c.updated_at >= since)
        number, first = self._execute(statement).one()
        return number, first

    def commonest_reply(self, whose: ColumnElement[bool]) -> tuple[str, int]:
        """Of those that are deferred, or of the first LOOKED_AT of them."""
        some = (
            select(deliveries.c.reply)
            .where(whose, deliveries.c.status == DeliveryStatus.DEFERRED)
            .limit(LOOKED_AT)
            .subquery()
        )
        by_reply = select(some.c.reply, func.count()).group_by(some.c.reply).order_by(func.count().desc(), some.c.reply)
        row = self._execute(by_reply.limit(1)).first()
        return ("", 0) if row is None else (row[0], row[1])

    def deferred_until(self, whose: ColumnElement[bool]) -> datetime | None:
        """When the next of them is tried again."""
        soonest = select(func.min(deliveries.c.due_at)).where(whose, deliveries.c.status == DeliveryStatus.DEFERRED)
        found: datetime | None = self._execute(soonest).scalar_one()
        return found

    def due(self, whose: ColumnElement[bool], now: datetime) -> int:
        """How many could be claimed, but for limits."""
        claimable = deliveries.c.status.in_((DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED))
        in_line = and_(deliveries.c.status == DeliveryStatus.QUEUED, deliveries.c.waits_for.is_not(None))
        numbers = (
            select(func.count()).where(whose, which) for which in (claimable & (deliveries.c.due_at <= now), in_line)
        )
        return sum(self._execute(number).scalar_one() for number in numbers)

    def claims(self, whose: ColumnElement[bool]) -> list[Claim]:
        columns: tuple[Any, ...] = (deliveries.c.claim_token, func.count(), func.max(deliveries.c.lease_until))
        sending = deliveries.c.status == DeliveryStatus.SENDING
        rows = self._execute(select(*columns).where(whose, sending).group_by(deliveries.c.claim_token))
        return [Claim(*row) for row in rows]

    def over_but_unknown(self) -> list[int]:
        """Broadcasts that nothing more is sent of, and of which nobody knows whether some arrived."""
        unknown = and_(deliveries.c.broadcast_id == broadcasts.c.id, deliveries.c.status == DeliveryStatus.UNKNOWN)
        over = broadcasts.c.status.in_((BroadcastStatus.FINISHED, BroadcastStatus.CANCELLED))
        rows = self._execute(select(broadcasts.c.id).where(over, exists().where(unknown)).order_by(broadcasts.c.id))
        return [row.id for row in rows]


def of_broadcast(broadcast_id: int) -> ColumnElement[bool]:
    return deliveries.c.broadcast_id == broadcast_id


def of_email(email_id: int) -> ColumnElement[bool]:
    return and_(deliveries.c.broadcast_id.is_(None), deliveries.c.email_id == email_id)
