"""When it is a customer's own time: zones as SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, func, literal, select
from sqlmodel import Session

from ummsg.domain.audience import Audience
from ummsg.domain.wall_time import LocalMoments
from ummsg.store.audience import customers, members, suppressions, with_suppression
from ummsg.store.tables import DeliveryRow, table_of

deliveries = table_of(DeliveryRow)


def when_due(due: LocalMoments | None, now: datetime, moment: Any) -> Any:
    """The expression for when a customer's message is due, of the type `moment`.

    The six hundred zones have some forty moments between them. A CASE over those makes freezing half as long again at
    most; a join with a list of the zones, which SQLite gives no index, makes it eight times as long.
    """
    if due is None:
        return literal(now, moment)
    zones: dict[datetime, list[str]] = {}
    for name, when in due.by_zone.items():
        zones.setdefault(when, []).append(name)
    cases = [(customers.c.timezone.in_(names), literal(when, moment)) for when, names in zones.items()]
    return case(*cases, else_=literal(due.elsewhere, moment))


class LocalTimes:
    """How many customers there are in which time zone."""

    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def of_audience(self, audience: Audience) -> dict[str, int]:
        """Of those who would be mailed."""
        return self._counted(
            select(customers.c.timezone, func.count())
            .select_from(with_suppression())
            .where(members(audience), suppressions.c.email_key.is_(None))
        )

    def of_broadcast(self, broadcast_id: int) -> dict[str, int]:
        """Of those that its audience was frozen to; customers who are gone are not among them."""
        return self._counted(
            select(customers.c.timezone, func.count())
            .select_from(deliveries.join(customers, customers.c.id == deliveries.c.customer_id))
            .where(deliveries.c.broadcast_id == broadcast_id)
        )

    def _counted(self, chosen: Any) -> dict[str, int]:
        return {row[0]: row[1] for row in self._execute(chosen.group_by(customers.c.timezone))}
