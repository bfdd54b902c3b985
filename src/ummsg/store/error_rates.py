"""The last results of each broadcast, beside its row: what says whether it may go on (`domain/error_rate.py`)."""

import json
from collections.abc import Collection

from sqlalchemy import Text, bindparam, func, select, update
from sqlmodel import Session

from ummsg.store.tables import BroadcastRow, DeliveryRow, table_of

broadcasts = table_of(BroadcastRow)
deliveries = table_of(DeliveryRow)

_THESE = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
_FIRST_ATTEMPTS = (
    select(deliveries.c.broadcast_id, func.json_group_array(deliveries.c.id))
    .join_from(_THESE, deliveries, deliveries.c.id == _THESE.c.value)
    .where(deliveries.c.broadcast_id.is_not(None), deliveries.c.attempts - deliveries.c.attempts_before == 1)
    .group_by(deliveries.c.broadcast_id)
)
"""Built once: it runs with every window that a drain records."""


class ErrorRates:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def first_attempts(self, ids: Collection[int]) -> dict[int, set[int]]:
        """Those of these deliveries whose first attempt that counts was the last, by their broadcast."""
        rows = self._execute(_FIRST_ATTEMPTS, {"ids": json.dumps(list(ids))})
        return {broadcast_id: set(json.loads(found)) for broadcast_id, found in rows}

    def recent(self, broadcast_id: int) -> str:
        return str(self._execute(select(broadcasts.c.recent).where(broadcasts.c.id == broadcast_id)).scalar_one())

    def keep(self, broadcast_id: int, recent: str) -> None:
        self._execute(update(broadcasts).where(broadcasts.c.id == broadcast_id).values(recent=recent))
