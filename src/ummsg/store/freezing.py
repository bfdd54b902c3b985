"""Writing an audience down as deliveries: the statement, and how many customers it takes at once."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, func, insert, literal, select

from ummsg.domain.wall_time import LocalMoments
from ummsg.store.audience import customers, suppressions, with_suppression
from ummsg.store.local_times import when_due
from ummsg.store.tables import DeliveryRow, table_of
from ummsg.vocabulary import DeliveryStatus

deliveries = table_of(DeliveryRow)

FREEZE_CHUNK = 20_000
"""Customers frozen in one transaction, until it is known how long that takes."""
CHUNK_SECONDS = 0.15
SMALLEST_CHUNK, LARGEST_CHUNK = 2_000, 60_000

FREEZING_CACHE_KIB = 65_536
"""Deliveries go into an index in random order: with less of it at hand, nearly every page is read and written anew for
every chunk."""


def next_chunk(size: int, seconds: float) -> int:
    """How many customers to freeze at once, if so many took so long: on any disk no lock is held for much longer than
    CHUNK_SECONDS, and the more at once, the less is written."""
    fitting = int(size * CHUNK_SECONDS / max(seconds, 0.001))
    return max(SMALLEST_CHUNK, min(fitting, 2 * size, LARGEST_CHUNK))


def freezing(broadcast_id: int, condition: Any, domain: str, now: datetime, due: LocalMoments | None) -> Any:
    """The statement that makes the customers of a `condition` recipients, each once."""
    suppressed = suppressions.c.email_key.is_not(None)
    columns = {
        "broadcast_id": literal(broadcast_id),
        "customer_id": customers.c.id,
        "email": customers.c.email,
        "email_key": customers.c.email_key,
        "status": case((suppressed, DeliveryStatus.SUPPRESSED.value), else_=DeliveryStatus.QUEUED.value),
        "message_id": func.hex(func.randomblob(16)).op("||")("@" + domain),
        "attempts": literal(0),
        "due_at": case((suppressed, None), else_=when_due(due, now, deliveries.c.due_at.type)),
        "reply": func.coalesce(suppressions.c.reason, ""),
        "updated_at": literal(now, deliveries.c.updated_at.type),
    }
    chosen = select(*columns.values()).select_from(with_suppression()).where(condition).order_by(customers.c.id)
    return insert(deliveries).from_select(list(columns), chosen).prefix_with("OR IGNORE", dialect="sqlite")
