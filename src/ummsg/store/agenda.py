"""When the outbox next has something to do, whichever broadcast or event it is of; each question is one look into an
index."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlmodel import Session

from ummsg.domain.wall_time import first_clock_at
from ummsg.store.tables import BroadcastRow, DeliveryRow, NetworkRow, PublicationRow, table_of
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus

broadcasts = table_of(BroadcastRow)
deliveries = table_of(DeliveryRow)
networks = table_of(NetworkRow)
publications = table_of(PublicationRow)

_WAITING = (DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED)


class Agenda:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def next_moment(self) -> datetime | None:
        """The earliest time at which a drain, or the release of what is scheduled, has work; None for never."""
        return _earliest([self._of_schedule(), self._of_events(), *self._of_broadcasts(), self._of_notices()])

    def _of_schedule(self) -> datetime | None:
        """The time of the next scheduled email, or when the first clock on Earth shows its local one; what is half
        frozen has been due since then."""
        scheduled = broadcasts.c.status == BroadcastStatus.SCHEDULED
        freezing = select(func.min(broadcasts.c.updated_at)).where(broadcasts.c.status == BroadcastStatus.FREEZING)
        local = self._moment(select(func.min(broadcasts.c.at_local)).where(scheduled))
        return _earliest(
            [
                self._moment(select(func.min(broadcasts.c.at)).where(scheduled)),
                local and first_clock_at(local),
                self._moment(freezing),
            ]
        )

    def _of_notices(self) -> datetime | None:
        """Those that the network is to be told of; it is told nothing before it has been read."""
        known = exists().where(networks.c.synced_at.is_not(None))
        return self._moment(select(func.min(publications.c.due_at)).where(known))

    def _of_events(self) -> datetime | None:
        whose = deliveries.c.broadcast_id.is_(None)
        return _earliest([*self._waiting(whose), self._lease(whose)])

    def _of_broadcasts(self) -> Iterable[datetime | None]:
        """A paused one's deliveries wait for nothing but the leases of a drain that was killed."""
        standing = (BroadcastStatus.QUEUED, BroadcastStatus.PAUSED, BroadcastStatus.CANCELLED)
        rows = self._execute(
            select(broadcasts.c.id, broadcasts.c.status, broadcasts.c.not_after).where(
                broadcasts.c.status.in_(standing)
            )
        ).all()
        for row in rows:
            whose = deliveries.c.broadcast_id == row.id
            yield self._lease(whose)
            if row.status == BroadcastStatus.QUEUED and (due := _earliest(self._waiting(whose))) is not None:
                yield due if row.not_after is None else min(due, row.not_after)

    def _waiting(self, whose: Any) -> list[datetime | None]:
        """What waits for its domain's turn is due, as far as anybody can tell without the limits."""
        due = select(func.min(deliveries.c.due_at))
        in_line = deliveries.c.waits_for.is_not(None) & (deliveries.c.status == DeliveryStatus.QUEUED)
        return [
            *(self._moment(due.where(whose, deliveries.c.status == status)) for status in _WAITING),
            self._moment(select(deliveries.c.updated_at).where(whose, in_line).limit(1)),
        ]

    def _lease(self, whose: Any) -> datetime | None:
        sending = deliveries.c.status == DeliveryStatus.SENDING
        return self._moment(select(func.min(deliveries.c.lease_until)).where(whose, sending))

    def _moment(self, statement: Select[Any]) -> datetime | None:
        found: datetime | None = self._execute(statement).scalar()
        return found


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
