"""Events as they were stored, and the deliveries that came of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, insert, select
from sqlmodel import Session

from ummsg.domain.delivery import Delivery
from ummsg.domain.event import Event, Payload, Standing
from ummsg.errors import UnknownReference
from ummsg.store.outbox import delivery_of
from ummsg.store.tables import DeliveryRow, EventRow, table_of
from ummsg.vocabulary import DeliveryStatus

events = table_of(EventRow)
deliveries = table_of(DeliveryRow)

_FAILED = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)


class Events:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def add(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        """Store events (`slug`, `payload`, `dedupe_key`, `not_after`, `fired_at`); returns their ids in that order."""
        statement = insert(events).returning(events.c.id, sort_by_parameter_order=True)
        return list(self._execute(statement, list(rows)).scalars())

    def queue(self, rows: Sequence[dict[str, Any]]) -> None:
        """Store deliveries of events, as the columns of the ledger."""
        if rows:
            self._execute(insert(deliveries), list(rows))

    def kinds_with(self, key: str) -> set[str]:
        """Of which kinds there are events with this dedupe key."""
        return set(self._execute(select(events.c.slug).where(events.c.dedupe_key == key)).scalars())

    def known_keys(self, slug: str, keys: Sequence[str]) -> dict[str, Event]:
        """The events of this kind that carry one of these dedupe keys, by key."""
        found = self._execute(select(events).where(events.c.slug == slug, events.c.dedupe_key.in_(keys)))
        return {row.dedupe_key: _event_of(row) for row in found}

    def has_fired(self, slug: str) -> bool:
        """Whether an event of this kind is stored."""
        return self._execute(select(events.c.id).where(events.c.slug == slug).limit(1)).first() is not None

    def get(self, event_id: int) -> Event:
        """Raises UnknownReference."""
        row = self._execute(select(events).where(events.c.id == event_id)).first()
        if row is None:
            raise UnknownReference(f"There is no event {event_id}", hint="ummsg events log")
        return _event_of(row)

    def log(
        self, *, slug: str | None = None, since: datetime | None = None, failed: bool = False, limit: int | None = None
    ) -> Iterator[Standing]:
        """What fired, the newest first, and what became of it."""
        statement = select(events).order_by(events.c.fired_at.desc(), events.c.id.desc()).limit(limit)
        if slug is not None:
            statement = statement.where(events.c.slug == slug)
        if since is not None:
            statement = statement.where(events.c.fired_at >= since)
        if failed:
            of_event = (deliveries.c.event_id == events.c.id) & deliveries.c.broadcast_id.is_(None)
            statement = statement.where(exists().where(of_event & deliveries.c.status.in_(_FAILED)))
        rows = self._execute(statement, execution_options={"yield_per": 500})
        for page in rows.partitions():
            standings = self._outcomes([row.id for row in page])
            for row in page:
                counts, note = standings.get(row.id, ({}, ""))
                yield Standing(_event_of(row), counts, note)

    def deliveries(self, event_id: int) -> list[Delivery]:
        """An event's deliveries, by id."""
        rows = self._execute(
            select(deliveries)
            .where(deliveries.c.broadcast_id.is_(None), deliveries.c.event_id == event_id)
            .order_by(deliveries.c.id)
        )
        return [delivery_of(row) for row in rows]

    def drop(self, delivery_id: int) -> None:
        """Take away a failed delivery, for another in its place."""
        self._execute(delete(deliveries).where(deliveries.c.id == delivery_id))

    def _outcomes(self, ids: Sequence[int]) -> dict[int, tuple[dict[str, int], str]]:
        failed_reply = func.max(deliveries.c.reply).filter(deliveries.c.status != DeliveryStatus.SENT)
        rows = self._execute(
            select(deliveries.c.event_id, deliveries.c.status, func.count(), failed_reply)
            .where(deliveries.c.broadcast_id.is_(None), deliveries.c.event_id.in_(ids))
            .group_by(deliveries.c.event_id, deliveries.c.status)
        )
        found: dict[int, tuple[dict[str, int], str]] = {}
        for event_id, status, number, reply in rows:
            counts, note = found.get(event_id, ({}, ""))
            # A failure says more than what was dropped or waits.
            note = (reply or note) if status in _FAILED else (note or reply)
            found[event_id] = (counts | {status: number}, note or "")
        return found


def _event_of(row: Any) -> Event:
    payload: Payload = row.payload
    return Event(row.id, row.slug, payload, row.fired_at, row.dedupe_key, row.not_after)
