"""The ledger: freezing an audience into deliveries, claiming, recording, counting.

Each transition of `domain/delivery.py` is one statement here; those at an admin's word are in `settling.py`. Whatever
changes a delivery that a drain may hold names the claim token, so that a process which lost its lease changes nothing.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlmodel import Session

from ummsg.domain.audience import Audience
from ummsg.domain.delivery import GONE, LEASE, Counts, Delivery, Settled
from ummsg.domain.wall_time import LocalMoments
from ummsg.store.attempts import attempts, noting
from ummsg.store.audience import customers, members, suppressions
from ummsg.store.freezing import FREEZE_CHUNK, freezing
from ummsg.store.sets import listed, listed_as, paired, rows_as_one, rows_in, stored_moment
from ummsg.store.tables import BroadcastRow, DeliveryRow, table_of
from ummsg.vocabulary import OPEN_STATUSES, BroadcastStatus, DeliveryStatus

broadcasts = table_of(BroadcastRow)
deliveries = table_of(DeliveryRow)

_OF_EVENT = deliveries.c.broadcast_id.is_(None)
"""System emails' deliveries; the partial indexes are over these."""

_SENDING = DeliveryStatus.SENDING
_CLAIMABLE = (DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED)


class Outbox:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    # Freezing

    def freeze_chunk(
        self,
        broadcast_id: int,
        audience: Audience,
        domain: str,
        now: datetime,
        size: int = FREEZE_CHUNK,
        due: LocalMoments | None = None,
    ) -> bool:
        """Write the next `size` recipients down, due now or when it is `due` in their time zone; True once the last
        one is.

        Interrupted and repeated, even by two processes at once, it ends with every recipient once: it goes on from
        the broadcast's `frozen_through`, and (broadcast, normalised address) is unique.
        """
        start = self._execute(select(broadcasts.c.frozen_through).where(broadcasts.c.id == broadcast_id)).scalar_one()
        condition = and_(customers.c.id > start, members(audience))
        chunk = select(customers.c.id).where(condition).order_by(customers.c.id).limit(size).subquery()
        number, last = self._execute(select(func.count(), func.max(chunk.c.id))).one()
        if number:
            self._execute(freezing(broadcast_id, and_(condition, customers.c.id <= last), domain, now, due))
            self._execute(update(broadcasts).where(broadcasts.c.id == broadcast_id).values(frozen_through=last))
        return bool(number < size)

    def everybody(self, broadcast_id: int) -> Iterator[tuple[int, str, str]]:
        """Of a broadcast that is frozen and not sent yet, as `Audiences.everybody` tells them."""
        chosen = select(deliveries.c.customer_id, deliveries.c.email_key, deliveries.c.reply)
        rows = self._execute(
            chosen.where(deliveries.c.broadcast_id == broadcast_id).order_by(deliveries.c.customer_id),
            execution_options={"yield_per": 2_000},
        )
        for row in rows:
            yield row[0], row[1], row[2]

    def finish_freezing(self, broadcast_id: int, now: datetime) -> int:
        """Make the frozen audience visible; returns how many were targeted."""
        targeted = self.counts(broadcast_id).targeted
        self._execute(
            update(broadcasts)
            .where(broadcasts.c.id == broadcast_id)
            .values(status=BroadcastStatus.QUEUED, targeted=targeted, updated_at=now)
        )
        return targeted

    # Claiming and recording

    def claim(self, broadcast_id: int, token: str, now: datetime, number: int = 1) -> list[Delivery]:
        """Take a broadcast's next deliveries that are due for ourselves, for as long as LEASE."""
        return self._claim(_FIRST_DUE_OF_BROADCAST, {"broadcast_id": broadcast_id}, token, now, number)

    def claim_of_event(self, token: str, now: datetime, number: int = 1) -> list[Delivery]:
        """Take the next deliveries of any system email that are due for ourselves, for as long as LEASE."""
        return self._claim(_FIRST_DUE_OF_EVENTS, {}, token, now, number)

    def record(self, settled: Mapping[int, Settled], token: str, now: datetime) -> int:
        """Write down what became of claimed deliveries; how many of the claims were still ours."""
        plain: dict[int, str] = {}
        others: dict[int, Settled] = {}
        for number, each in settled.items():
            if each.is_history:
                others[number] = each
            else:
                plain[number] = each.reply
        return self._record_sent(plain, token, now) + self._record_others(others, token, now)

    def _record_sent(self, replies: Mapping[int, str], token: str, now: datetime) -> int:
        """First attempts that succeeded: nearly all, and alike but for the server's reply."""
        if not replies:
            return 0
        number, reply = paired(replies)
        done = self._execute(
            update(deliveries)
            .where(deliveries.c.id == number, *_held(token))
            .values(
                status=DeliveryStatus.SENT,
                attempts=1,
                due_at=None,
                claim_token=None,
                lease_until=None,
                reply=reply,
                tried_since=None,
                updated_at=now,
            )
        )
        return done.rowcount

    def _record_others(self, settled: Mapping[int, Settled], token: str, now: datetime) -> int:
        if not settled:
            return 0
        ours = self._still(settled.keys(), token)
        rows = [
            {
                "b_id": number,
                "b_status": settled[number].status,
                "b_attempts": settled[number].attempts,
                "b_due_at": settled[number].due_at,
                "b_reply": settled[number].reply,
                "b_tried_since": settled[number].tried_since,
            }
            for number in ours
        ]
        self._release(
            rows,
            token,
            now,
            status=bindparam("b_status"),
            attempts=bindparam("b_attempts"),
            due_at=bindparam("b_due_at"),
            reply=bindparam("b_reply"),
            tried_since=bindparam("b_tried_since"),
        )
        history = [_attempt_row(number, settled[number], now) for number in ours]
        if history:
            self._execute(insert(attempts), history)
        self._cancel_of_cancelled(ours, now)
        return len(ours)

    def give_back(self, ids: Collection[int], token: str, now: datetime) -> None:
        """Return claimed deliveries that were not put on the wire; no attempt is counted."""
        if not ids:
            return
        ours = self._still(ids, token)
        self._release([{"b_id": number} for number in ours], token, now, status=DeliveryStatus.QUEUED, due_at=now)
        self._cancel_of_cancelled(ours, now)

    def claimed_by(self, token: str) -> dict[int, tuple[int, datetime]]:
        """Attempts and lease of what a drain holds, by id."""
        columns = (deliveries.c.id, deliveries.c.attempts, deliveries.c.lease_until)
        held = _held(token)
        return {
            row.id: (row.attempts, row.lease_until)
            for whose in (deliveries.c.broadcast_id.in_(_in_flight()), _OF_EVENT)
            for row in self._execute(select(*columns).where(whose, *held))
        }

    def expire_leases(self, now: datetime) -> int:
        """Whoever held these is gone, and may have been at the final dot: nobody knows what became of them."""
        return sum(self._expire(whose, now) for whose in (deliveries.c.broadcast_id.in_(_in_flight()), _OF_EVENT))

    def _expire(self, whose: Any, now: datetime) -> int:
        lost = and_(whose, deliveries.c.status == DeliveryStatus.SENDING, deliveries.c.lease_until <= now)
        self._execute(noting(lost, DeliveryStatus.UNKNOWN, GONE, now, more=1))
        done = self._execute(
            update(deliveries)
            .where(lost)
            .values(
                status=DeliveryStatus.UNKNOWN,
                attempts=deliveries.c.attempts + 1,
                claim_token=None,
                lease_until=None,
                reply=GONE,
                updated_at=now,
            )
        )
        return done.rowcount

    def cancel_open(self, broadcast_id: int, reason: str, now: datetime) -> int:
        """Cancel what no drain holds at this moment."""
        return self._cancel(deliveries.c.broadcast_id == broadcast_id, reason, now)

    def cancel_for_customer(self, customer_id: int, reason: str, now: datetime) -> int:
        """Cancel what waits to be sent to a customer; returns how many deliveries that were."""
        return self._cancel(deliveries.c.customer_id == customer_id, reason, now)

    def _cancel_of_cancelled(self, ids: Collection[int], now: datetime) -> None:
        """A broadcast may have been cancelled while a drain held these; nothing would ever claim them again."""
        cancelled = select(broadcasts.c.id).where(broadcasts.c.status == BroadcastStatus.CANCELLED)
        mine = and_(deliveries.c.id.in_(listed(ids)), deliveries.c.broadcast_id.in_(cancelled))
        self._cancel(mine, "the broadcast was cancelled", now)

    def _cancel(self, whose: ColumnElement[bool], reason: str, now: datetime) -> int:
        mine = and_(whose, deliveries.c.status.in_(_CLAIMABLE))
        self._execute(noting(mine, DeliveryStatus.CANCELLED, reason, now))
        done = self._execute(
            update(deliveries)
            .where(mine)
            .values(status=DeliveryStatus.CANCELLED, due_at=None, reply=reason, updated_at=now)
        )
        return done.rowcount

    def finish(self, broadcast_id: int, now: datetime) -> bool:
        """Whether a queued broadcast has nothing open any more, and is finished from now on."""
        open_ones = select(deliveries.c.id).where(
            deliveries.c.broadcast_id == broadcast_id, deliveries.c.status.in_(OPEN_STATUSES)
        )
        done = self._execute(
            update(broadcasts)
            .where(broadcasts.c.id == broadcast_id, broadcasts.c.status == BroadcastStatus.QUEUED, ~exists(open_ones))
            .values(status=BroadcastStatus.FINISHED, note="", updated_at=now)
        )
        return bool(done.rowcount)

    # Looking

    def suppressed(self, ids: Collection[int]) -> dict[int, str]:
        """Why those of these deliveries must not be sent whose address is suppressed by now."""
        return {row.id: row.reason for row in self._execute(_SUPPRESSED, {"ids": json.dumps(list(ids))})}

    def addresses(self, ids: Collection[int]) -> dict[int, str]:
        """Of these deliveries."""
        found = select(deliveries.c.id, deliveries.c.email).where(deliveries.c.id.in_(ids))
        return {row.id: row.email for row in self._execute(found)}

    def counts(self, broadcast_id: int) -> Counts:
        rows = self._execute(
            select(deliveries.c.status, func.count())
            .where(deliveries.c.broadcast_id == broadcast_id)
            .group_by(deliveries.c.status)
        )
        return Counts.of({DeliveryStatus(status): number for status, number in rows})

    def waiting(self, broadcast_id: int, now: datetime) -> int:
        """A broadcast's deliveries that are due, or were refused for now; not those whose local time is to come."""
        later = select(func.count()).where(
            deliveries.c.broadcast_id == broadcast_id,
            deliveries.c.status == DeliveryStatus.QUEUED,
            deliveries.c.due_at > now,
        )
        return self.counts(broadcast_id).open - int(self._execute(later).scalar_one())

    def waiting_of_events(self, now: datetime) -> int:
        """Deliveries of system emails that are due, or were refused for now; not those whose time is to come."""
        open_now = or_(
            and_(deliveries.c.status == DeliveryStatus.QUEUED, deliveries.c.due_at <= now),
            and_(deliveries.c.status == DeliveryStatus.QUEUED, deliveries.c.waits_for.is_not(None)),
            deliveries.c.status.in_((DeliveryStatus.DEFERRED, DeliveryStatus.SENDING)),
        )
        return int(self._execute(select(func.count()).select_from(deliveries).where(_OF_EVENT, open_now)).scalar_one())

    def open_of_emails(self) -> list[tuple[int, Counts, datetime | None]]:
        """Each system email with open deliveries: its id, their balance, and when the next one is due."""
        rows = self._execute(
            select(deliveries.c.email_id, deliveries.c.status, func.count(), func.min(deliveries.c.due_at))
            .where(_OF_EVENT, deliveries.c.status.in_(OPEN_STATUSES))
            .group_by(deliveries.c.email_id, deliveries.c.status)
            .order_by(deliveries.c.email_id)
        )
        found: dict[int, tuple[dict[DeliveryStatus, int], list[datetime]]] = {}
        for email_id, status, number, due in rows:
            by_status, moments = found.setdefault(email_id, ({}, []))
            by_status[DeliveryStatus(status)] = number
            if status != DeliveryStatus.SENDING and due is not None:  # none of what waits for its domain's turn
                moments.append(due)
        return [
            (email_id, Counts.of(by_status), min(moments, default=None))
            for email_id, (by_status, moments) in found.items()
        ]

    def to_customer(self, broadcast_id: int, customer_id: int) -> Delivery | None:
        """A broadcast's delivery to a customer."""
        return self._only(deliveries.c.broadcast_id == broadcast_id, deliveries.c.customer_id == customer_id)

    def to_address(self, broadcast_id: int, key: str) -> Delivery | None:
        """A broadcast's delivery to a normalised address, whoever's it is now."""
        return self._only(deliveries.c.broadcast_id == broadcast_id, deliveries.c.email_key == key)

    def _only(self, *conditions: ColumnElement[bool]) -> Delivery | None:
        row = self._execute(select(deliveries).where(*conditions)).first()
        return None if row is None else delivery_of(row)

    def next_due(self, broadcast_id: int) -> datetime | None:
        """When the next open delivery of a broadcast may be tried."""
        moments = [
            self._execute(
                select(func.min(deliveries.c.due_at)).where(
                    deliveries.c.broadcast_id == broadcast_id, deliveries.c.status == status
                )
            ).scalar_one()
            for status in _CLAIMABLE
        ]
        return min((moment for moment in moments if moment is not None), default=None)

    def deliveries(
        self, broadcast_id: int | None = None, status: DeliveryStatus | None = None, limit: int | None = None
    ) -> Iterator[Delivery]:
        """A broadcast's deliveries, or the whole outbox; of one status, or of all."""
        conditions: list[Any] = []
        if broadcast_id is not None:
            conditions.append(deliveries.c.broadcast_id == broadcast_id)
        else:
            conditions.append(or_(deliveries.c.broadcast_id.in_(_in_flight()), _OF_EVENT))
            conditions.append(deliveries.c.status.in_(OPEN_STATUSES))
        if status is not None:
            conditions.append(deliveries.c.status == status)
        rows = self._execute(select(deliveries).where(*conditions).order_by(deliveries.c.id).limit(limit))
        return map(delivery_of, rows)

    def _claim(
        self, first_due: Select[Any], whose: Mapping[str, int], token: str, now: datetime, number: int
    ) -> list[Delivery]:
        """The untried before the deferred."""
        found: list[Any] = []
        for status in _CLAIMABLE:
            if len(found) < number:
                wanted = {**whose, "due_status": status, "now": now, "wanted": number - len(found)}
                found += rows_in(self._execute(first_due, wanted).scalar_one())
        if not found:
            return []
        found.sort()  # by id, which comes first and is unique
        lease = now + LEASE
        taken = {"ids": json.dumps([row[0] for row in found]), "token": token, "lease": lease, "now": now}
        self._execute(_TAKE, taken)
        return [_claimed(row, lease, now) for row in found]

    def _still(self, ids: Collection[int], token: str) -> list[int]:
        """Those of these deliveries that are still claimed with this token."""
        ours = select(deliveries.c.id).where(deliveries.c.id.in_(listed(ids)), *_held(token))
        return list(self._execute(ours).scalars())

    def _release(self, rows: list[dict[str, Any]], token: str, now: datetime, **values: Any) -> None:
        if not rows:
            return
        statement = (
            update(deliveries)
            .where(deliveries.c.id == bindparam("b_id"), *_held(token))
            .values(claim_token=None, lease_until=None, updated_at=now, **values)
        )
        self._execute(statement, rows)


def _held(token: str) -> tuple[ColumnElement[bool], ...]:
    """The conditions by which a claim is still the one that was made with this token."""
    return deliveries.c.status == DeliveryStatus.SENDING, deliveries.c.claim_token == token


def _attempt_row(delivery_id: int, settled: Settled, now: datetime) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "number": settled.attempts,
        "at": now,
        "status": settled.status,
        "reply": settled.reply,
    }


_CLAIMED_COLUMNS = (
    *(deliveries.c.id, deliveries.c.broadcast_id, deliveries.c.customer_id, deliveries.c.email),
    *(deliveries.c.message_id, deliveries.c.attempts),
    *(deliveries.c.event_id, deliveries.c.email_id, deliveries.c.attempts_before, deliveries.c.tried_since),
)


def _first_due(whose: ColumnElement[bool]) -> Select[Any]:
    """One status at a time, in the order of the index: with a million queued it reads these rows, not all of them."""
    return rows_as_one(
        select(*_CLAIMED_COLUMNS)
        .where(whose, deliveries.c.status == bindparam("due_status"), deliveries.c.due_at <= bindparam("now"))
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(bindparam("wanted"))
    )


# What runs with every window is built once.

_FIRST_DUE_OF_BROADCAST = _first_due(deliveries.c.broadcast_id == bindparam("broadcast_id"))
_FIRST_DUE_OF_EVENTS = _first_due(_OF_EVENT)
_TAKE = (
    update(deliveries)
    .where(deliveries.c.id.in_(listed_as("ids")))
    .values(
        status=DeliveryStatus.SENDING,
        claim_token=bindparam("token"),
        lease_until=bindparam("lease"),
        updated_at=bindparam("now"),
    )
)
_SUPPRESSED = (
    select(deliveries.c.id, suppressions.c.reason)
    .join(suppressions, suppressions.c.email_key == deliveries.c.email_key)
    .where(deliveries.c.id.in_(listed_as("ids")))
)


def _claimed(row: Any, lease_until: datetime, now: datetime) -> Delivery:
    """With what a drain has to know of it; of `_CLAIMED_COLUMNS`."""
    number, broadcast_id, customer_id, email, message_id, attempts, event_id, email_id, before, since = row
    since = stored_moment(since) if since else None
    claimed = _SENDING, message_id, attempts, None, lease_until, "", now
    return Delivery(number, broadcast_id, customer_id, email, *claimed, event_id, email_id, before, since)


def _in_flight() -> Select[Any]:
    """Broadcasts that may have open deliveries: what keeps finished ledgers out of every look at the outbox."""
    return select(broadcasts.c.id).where(
        broadcasts.c.status.in_((BroadcastStatus.QUEUED, BroadcastStatus.PAUSED, BroadcastStatus.CANCELLED))
    )


def delivery_of(row: Any) -> Delivery:
    return Delivery(
        id=row.id,
        broadcast_id=row.broadcast_id,
        customer_id=row.customer_id,
        email=row.email,
        status=DeliveryStatus(row.status),
        message_id=row.message_id,
        attempts=row.attempts,
        due_at=row.due_at,
        lease_until=row.lease_until,
        reply=row.reply,
        updated_at=row.updated_at,
        event_id=row.event_id,
        email_id=row.email_id,
        attempts_before=row.attempts_before,
        tried_since=row.tried_since,
    )
