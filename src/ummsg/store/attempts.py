"""The history of deliveries: what each attempt, and each act of an admin, came to. Rows are only ever added."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, literal, select
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
        """The oldest first. A delivery that was sent at its first attempt has none."""
        rows = self._execute(select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.id))
        return [Attempt(row.number, row.at, DeliveryStatus(row.status), row.reply) for row in rows]


def noting(condition: ColumnElement[bool], status: DeliveryStatus, reply: str, now: datetime, *, more: int = 0) -> Any:
    """The statement that writes down what the deliveries of `condition` are about to become, after `more` attempts."""
    columns = {
        "delivery_id": deliveries.c.id,
        "number": deliveries.c.attempts + more,
        "at": literal(now, attempts.c.at.type),
        "status": literal(status.value),
        "reply": literal(reply),
    }
    return insert(attempts).from_select(list(columns), select(*columns.values()).where(condition))
