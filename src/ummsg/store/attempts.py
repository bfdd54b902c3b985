"""The history of deliveries: what each attempt, each act of an admin and each bounce came to. Rows are only added."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, literal, select
from sqlmodel import Session

from ummsg.domain.delivery import Attempt
from ummsg.store.tables import AttemptRow, DeliveryRow, table_of
from ummsg.vocabulary import DeliveryStatus

attempts = table_of(AttemptRow)
deliveries = table_of(DeliveryRow)


class Attempts:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def of(self, delivery_id: int) -> list[Attempt]:
        """The oldest first. A delivery that was sent at its first attempt, and did not come back, has none."""
        rows = self._execute(select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.id))
        return [Attempt(row.number, row.at, DeliveryStatus(row.status), row.reply) for row in rows]


def noting(
    condition: ColumnElement[bool],
    status: DeliveryStatus,
    reply: str | ColumnElement[str],
    now: datetime,
    *,
    more: int = 0,
) -> Any:
    """The statement that writes down what the deliveries of `condition` are about to become, after `more` attempts."""
    words = literal(reply) if isinstance(reply, str) else reply
    return _noting(condition, deliveries.c.attempts + more, literal(now, attempts.c.at.type), status, words)


def noting_success(condition: ColumnElement[bool]) -> Any:
    """The statement that writes down the success that the deliveries of `condition` hold without a history, if they
    do: what `domain/why.history` adds while they are sent would be lost with what they become."""
    last = (
        select(attempts.c.status)
        .where(attempts.c.delivery_id == deliveries.c.id)
        .order_by(attempts.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    sent = DeliveryStatus.SENT
    unlogged = and_(condition, deliveries.c.status == sent, last.is_distinct_from(sent))
    return _noting(unlogged, deliveries.c.attempts, deliveries.c.updated_at, sent, deliveries.c.reply)


def _noting(
    condition: ColumnElement[bool],
    number: ColumnElement[int],
    at: ColumnElement[datetime],
    status: DeliveryStatus,
    reply: ColumnElement[str],
) -> Any:
    columns = {
        "delivery_id": deliveries.c.id,
        "number": number,
        "at": at,
        "status": literal(status.value),
        "reply": reply,
    }
    return insert(attempts).from_select(list(columns), select(*columns.values()).where(condition))
