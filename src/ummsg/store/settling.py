"""What an admin does to deliveries that came to an end: failed ones are sent again, unknown ones settled.

As in `outbox.py`, each transition of `domain/delivery.py` is one statement, guarded by the state that it starts from.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlmodel import Session

from ummsg.domain.delivery import TRANSITIONS, Requeue
from ummsg.store.attempts import noting
from ummsg.store.gone import still_there
from ummsg.store.tables import DeliveryRow, SuppressionRow, table_of
from ummsg.vocabulary import DeliveryStatus

deliveries = table_of(DeliveryRow)
suppressions = table_of(SuppressionRow)


class Settling:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def requeueable(self, broadcast_id: int, was: DeliveryStatus, customer_ids: Collection[int] = ()) -> Requeue:
        """What `requeue` would do to a broadcast's deliveries in the state `was`, or to those of these customers."""
        mine = _of(broadcast_id, was, customer_ids)
        can_be, suppressed = _has_customer_and_address(), _is_suppressed()
        row = self._execute(
            select(
                func.count().filter(can_be).label("number"),
                func.count().filter(suppressed).label("suppressed"),
                func.count().label("all"),
            ).where(mine)
        ).one()
        return Requeue(row.number, row.suppressed, row.all - row.number - row.suppressed)

    def requeue(
        self, broadcast_id: int, was: DeliveryStatus, why: str, now: datetime, customer_ids: Collection[int] = ()
    ) -> int:
        """Have them sent again: due now, attempts counted anew, the Message-ID as it was. Not to suppressed addresses,
        and not to customers who are no longer there."""
        mine = and_(_of(broadcast_id, was, customer_ids), _has_customer_and_address())
        anew = {"attempts_before": deliveries.c.attempts, "tried_since": None, "due_at": now}
        return self._settle_by_hand(mine, was, DeliveryStatus.QUEUED, why, now, **anew)

    def resolve(
        self, broadcast_id: int, to: DeliveryStatus, why: str, now: datetime, customer_ids: Collection[int] = ()
    ) -> int:
        """Settle those whose fate nobody knew as sent or failed."""
        mine = _of(broadcast_id, DeliveryStatus.UNKNOWN, customer_ids)
        return self._settle_by_hand(mine, DeliveryStatus.UNKNOWN, to, why, now)

    def _settle_by_hand(
        self, mine: ColumnElement[bool], was: DeliveryStatus, to: DeliveryStatus, why: str, now: datetime, **values: Any
    ) -> int:
        if to not in TRANSITIONS[was]:
            raise ValueError(f"a delivery does not go from {was} to {to}")
        self._execute(noting(mine, to, why, now))
        done = self._execute(update(deliveries).where(mine).values(status=to, reply=why, updated_at=now, **values))
        return done.rowcount


def _of(broadcast_id: int, status: DeliveryStatus, customer_ids: Collection[int]) -> ColumnElement[bool]:
    """A broadcast's deliveries in one state; only those of these customers, if there are any."""
    theirs = [deliveries.c.customer_id.in_(customer_ids)] if customer_ids else []
    return and_(deliveries.c.broadcast_id == broadcast_id, deliveries.c.status == status, *theirs)


def _is_suppressed() -> ColumnElement[bool]:
    return deliveries.c.email_key.in_(select(suppressions.c.email_key))


def _has_customer_and_address() -> ColumnElement[bool]:
    return and_(deliveries.c.customer_id.is_not(None), still_there(deliveries.c.customer_id), ~_is_suppressed())
