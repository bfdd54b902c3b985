"""Broadcasts as they are stored: the draft, its audience as a rule, and where it stands."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, insert, literal, or_, select, update
from sqlmodel import Session

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import Broadcast, BroadcastDraft
from ummsg.domain.wall_time import FIRST_OFFSET, LocalTime
from ummsg.errors import UnknownReference
from ummsg.store.tables import BroadcastRow, DeliveryRow, TargetRow, table_of
from ummsg.vocabulary import (
    BroadcastStatus,
    BroadcastType,
    ContentFormat,
    DeliveryStatus,
    MembershipStatus,
    NoticeType,
    TargetKind,
)

broadcasts = table_of(BroadcastRow)
targets = table_of(TargetRow)
deliveries = table_of(DeliveryRow)


END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
"""When a notice without an end is over."""

LEAST_PACED = 100
"""Messages that say something about how fast a broadcast went."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a broadcast went out."""

    broadcast_id: int
    per_second: float


class Broadcasts:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._execute = session.connection().execute

    def add(
        self,
        draft: BroadcastDraft,
        status: BroadcastStatus,
        now: datetime,
        *,
        html: str = "",
        key: str | None = None,
        planned_audience: str = "",
    ) -> Broadcast:
        row = BroadcastRow(
            **_columns_of(draft),
            status=status,
            html=html,
            idempotency_key=key,
            planned_audience=planned_audience,
            created_at=now,
            updated_at=now,
        )
        self._session.add(row)
        self._session.flush()
        self._add_targets(row.id, draft.audience)
        self._note_when_live(row.id)
        return self.get(row.id)

    def replace(self, broadcast_id: int, draft: BroadcastDraft, now: datetime, *, html: str = "") -> Broadcast:
        """Store another draft in the place of the one that `broadcast_id` holds.

        The digest stays that of the first: it is what `--idempotency-key` compares a repeated call with.
        """
        self._execute(delete(targets).where(targets.c.broadcast_id == broadcast_id))
        self._add_targets(broadcast_id, draft.audience)
        columns = _columns_of(draft)
        del columns["digest"]
        self._update(broadcast_id, **columns, html=html, updated_at=now)
        self._note_when_live(broadcast_id)
        return self.get(broadcast_id)

    def get(self, broadcast_id: int) -> Broadcast:
        """Raises UnknownReference, which says which ids there are."""
        row = self._session.get(BroadcastRow, broadcast_id, populate_existing=True)
        if row is None:
            raise UnknownReference(
                f"There is no broadcast {broadcast_id}", details=[self._known_ids()], hint="ummsg broadcast list"
            )
        return self._broadcast_of(row)

    def standing(self, broadcast_id: int) -> tuple[BroadcastStatus, datetime | None]:
        """Status and `not_after`: what a drain asks before every message."""
        row = self._execute(
            select(broadcasts.c.status, broadcasts.c.not_after).where(broadcasts.c.id == broadcast_id)
        ).one()
        return BroadcastStatus(row.status), row.not_after

    def by_key(self, key: str) -> Broadcast | None:
        found = self._execute(select(broadcasts.c.id).where(broadcasts.c.idempotency_key == key)).first()
        return None if found is None else self.get(found.id)

    def newest(
        self, *, type: BroadcastType | None = None, status: BroadcastStatus | None = None, limit: int | None = None
    ) -> Iterator[Broadcast]:
        statement = select(broadcasts.c.id).order_by(broadcasts.c.id.desc()).limit(limit)
        if type is not None:
            statement = statement.where(broadcasts.c.type == type)
        if status is not None:
            statement = statement.where(broadcasts.c.status == status)
        for (broadcast_id,) in self._execute(statement).all():
            yield self.get(broadcast_id)

    def in_status(self, statuses: Collection[BroadcastStatus]) -> list[int]:
        rows = self._execute(select(broadcasts.c.id).where(broadcasts.c.status.in_(statuses)).order_by(broadcasts.c.id))
        return [row.id for row in rows]

    def due(self, now: datetime) -> list[int]:
        """Scheduled emails whose time has come; of a local time, when the first clock on Earth shows it."""
        first_clock = (now + FIRST_OFFSET).astimezone(UTC).replace(tzinfo=None)
        rows = self._execute(
            select(broadcasts.c.id)
            .where(
                broadcasts.c.status == BroadcastStatus.SCHEDULED,
                or_(broadcasts.c.at <= now, broadcasts.c.at_local <= first_clock),
            )
            .order_by(broadcasts.c.at, broadcasts.c.id)
        )
        return [row.id for row in rows]

    def last_pace(self) -> Pace | None:
        """That of the last email that went out in one go, to enough recipients to tell."""
        last = self._execute(
            select(broadcasts.c.id)
            .where(
                broadcasts.c.status == BroadcastStatus.FINISHED,
                broadcasts.c.targeted >= LEAST_PACED,
                broadcasts.c.at_local.is_(None),
            )
            .order_by(broadcasts.c.id.desc())
            .limit(1)
        ).scalar_one_or_none()
        if last is None:
            return None
        sent = (deliveries.c.broadcast_id == last, deliveries.c.status == DeliveryStatus.SENT)
        number, first, end = self._execute(
            select(func.count(), func.min(deliveries.c.updated_at), func.max(deliveries.c.updated_at)).where(*sent)
        ).one()
        if number < LEAST_PACED or end <= first:
            return None
        return Pace(last, number / (end - first).total_seconds())

    def set_status(self, broadcast_id: int, status: BroadcastStatus, now: datetime, note: str = "") -> None:
        """What is resumed starts without the results for which it was paused."""
        self._update(broadcast_id, status=status, note=note, recent="", updated_at=now)
        self._note_when_live(broadcast_id)

    def give_up_plan(self, broadcast_id: int, now: datetime, note: str) -> None:
        """Cancel one that would not do what was planned; its idempotency key is free again."""
        self._update(broadcast_id, status=BroadcastStatus.CANCELLED, note=note, idempotency_key=None, updated_at=now)

    def reopen(self, broadcast_id: int, now: datetime) -> None:
        """Queue a finished broadcast again, of which something is to be sent once more; leave any other alone."""
        finished = (broadcasts.c.id == broadcast_id) & (broadcasts.c.status == BroadcastStatus.FINISHED)
        self._execute(
            update(broadcasts).where(finished).values(status=BroadcastStatus.QUEUED, recent="", updated_at=now)
        )

    def delete(self, broadcast_id: int) -> None:
        """For one without deliveries: a ledger is never deleted."""
        self._execute(delete(broadcasts).where(broadcasts.c.id == broadcast_id))

    def _update(self, broadcast_id: int, **values: Any) -> None:
        self._execute(update(broadcasts).where(broadcasts.c.id == broadcast_id).values(**values))

    def _add_targets(self, broadcast_id: int, audience: Audience) -> None:
        rows = [{"broadcast_id": broadcast_id, "kind": t.kind, "ref_id": t.ref_id} for t in audience.targets]
        if rows:
            self._execute(insert(targets), rows)

    def _note_when_live(self, broadcast_id: int) -> None:
        """Keep what dashboards look notices up by in step with the notice."""
        published = (broadcasts.c.type == BroadcastType.NOTICE) & (broadcasts.c.status == BroadcastStatus.PUBLISHED)
        end = func.coalesce(broadcasts.c.ends, literal(END_OF_TIME, broadcasts.c.ends.type))
        live_until = select(case((published, end))).where(broadcasts.c.id == broadcast_id).scalar_subquery()
        own = targets.c.broadcast_id == broadcast_id
        self._execute(
            update(targets).where(own, targets.c.live_until.is_distinct_from(live_until)).values(live_until=live_until)
        )

    def _broadcast_of(self, row: BroadcastRow) -> Broadcast:
        rows = self._execute(select(targets.c.kind, targets.c.ref_id).where(targets.c.broadcast_id == row.id))
        audience = Audience.of(
            [Target(TargetKind(kind), ref_id) for kind, ref_id in rows],
            [MembershipStatus(status) for status in row.membership_statuses],
        )
        return Broadcast(
            id=row.id,
            status=BroadcastStatus(row.status),
            draft=_draft_of(row, audience),
            html=row.html,
            created_at=row.created_at,
            updated_at=row.updated_at,
            note=row.note,
            targeted=row.targeted,
            idempotency_key=row.idempotency_key,
            planned_audience=row.planned_audience,
            digest=row.digest,
        )

    def _known_ids(self) -> str:
        lowest, highest = self._execute(select(func.min(broadcasts.c.id), func.max(broadcasts.c.id))).one()
        return "there are none yet" if highest is None else f"ids run from {lowest} to {highest}"


def _columns_of(draft: BroadcastDraft) -> dict[str, Any]:
    return {
        "type": draft.type,
        "subject": draft.subject,
        "content": draft.content,
        "content_format": draft.content_format,
        "notice_type": draft.notice_type,
        "membership_statuses": [status.value for status in draft.audience.statuses],
        "at": draft.at,
        "at_local": draft.at_local.wall if draft.at_local else None,
        "default_zone": draft.at_local.default_zone if draft.at_local else "",
        "not_after": draft.not_after,
        "starts": draft.starts,
        "ends": draft.ends,
        "sender": draft.sender,
        "reply_to": draft.reply_to,
        "attempts": draft.attempts,
        "retry_seconds": None if draft.retry_for is None else int(draft.retry_for.total_seconds()),
        "digest": draft.digest(),
    }


def _draft_of(row: BroadcastRow, audience: Audience) -> BroadcastDraft:
    return BroadcastDraft(
        type=BroadcastType(row.type),
        audience=audience,
        subject=row.subject,
        content=row.content,
        content_format=ContentFormat(row.content_format),
        notice_type=NoticeType(row.notice_type),
        at=row.at,
        at_local=LocalTime(row.at_local, row.default_zone) if row.at_local else None,
        not_after=row.not_after,
        starts=row.starts,
        ends=row.ends,
        sender=row.sender,
        reply_to=row.reply_to,
        attempts=row.attempts,
        retry_for=None if row.retry_seconds is None else timedelta(seconds=row.retry_seconds),
    )
