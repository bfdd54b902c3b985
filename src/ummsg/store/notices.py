"""Which notices are on whose dashboard: the audience evaluated as a rule, at the moment of looking."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
)
from sqlmodel import Session

from ummsg.store.tables import BroadcastRow, DismissalRow, MembershipRow, TargetRow, UtcDateTime, table_of
from ummsg.vocabulary import BroadcastStatus, BroadcastType, TargetKind

broadcasts = table_of(BroadcastRow)
dismissals = table_of(DismissalRow)
memberships = table_of(MembershipRow)
targets = table_of(TargetRow)


class Notices:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def shown_to(self, customer_id: int, now: datetime) -> list[int]:
        """The ids of the notices on this customer's dashboard at `now`: the newest first, no cap."""
        return [row.id for row in self._execute(SHOWN, {"customer_id": customer_id, "now": now})]

    def ids(self, limit: int | None = None) -> list[int]:
        """Every published or withdrawn notice, the newest first."""
        stored = (BroadcastStatus.PUBLISHED, BroadcastStatus.WITHDRAWN)
        rows = self._execute(
            select(broadcasts.c.id)
            .where(broadcasts.c.type == BroadcastType.NOTICE, broadcasts.c.status.in_(stored))
            .order_by(broadcasts.c.id.desc())
            .limit(limit)
        )
        return [row.id for row in rows]

    def dismiss(self, broadcast_id: int, customer_id: int, now: datetime) -> bool:
        """Whether it was not dismissed before."""
        if self.is_dismissed(broadcast_id, customer_id):
            return False
        self._execute(insert(dismissals).values(broadcast_id=broadcast_id, customer_id=customer_id, dismissed_at=now))
        return True

    def is_dismissed(self, broadcast_id: int, customer_id: int) -> bool:
        row = self._execute(
            select(dismissals.c.broadcast_id).where(
                dismissals.c.broadcast_id == broadcast_id, dismissals.c.customer_id == customer_id
            )
        )
        return row.first() is not None

    def dismissed_by(self, broadcast_id: int) -> int:
        """How many customers closed it."""
        number: int = self._execute(
            select(func.count()).select_from(dismissals).where(dismissals.c.broadcast_id == broadcast_id)
        ).scalar_one()
        return number

    def note_dismissals(self, dismissed: Iterable[tuple[int, int, datetime]]) -> None:
        """Closed by these customers at these times; what is known already, or is about no notice, changes nothing."""
        for broadcast_id, customer_id, at in dismissed:
            is_notice = select(broadcasts.c.id).where(
                broadcasts.c.id == broadcast_id, broadcasts.c.type == BroadcastType.NOTICE
            )
            if self._execute(is_notice).first() is not None:
                self.dismiss(broadcast_id, customer_id, at)

    def forget_dismissals(self, broadcast_id: int) -> int:
        return self._execute(delete(dismissals).where(dismissals.c.broadcast_id == broadcast_id)).rowcount


def _meant_for(customer_id: BindParameter[int], now: BindParameter[datetime]) -> Any:
    """Notices for everyone, this customer, or a product of which they have a membership that the notice counts.

    Looked up by what is live at most until when (`live_until`): the cost is that of what is shown, however many
    customers there are, and however many notices there were.
    """
    live = targets.c.live_until > now
    found = select(targets.c.broadcast_id)
    everyone = found.where(targets.c.kind == TargetKind.EVERYONE, targets.c.ref_id == 0, live)
    themselves = found.where(targets.c.kind == TargetKind.CUSTOMER, targets.c.ref_id == customer_id, live)
    own = memberships.c.customer_id == customer_id
    # The statuses are a JSON list of plain words; looking for the quoted word reads it alike in every database.
    counts = cast(broadcasts.c.membership_statuses, Text).contains('"' + memberships.c.status + '"')
    that_counts = exists(
        select(memberships.c.id)
        .where(own, memberships.c.product_id == targets.c.ref_id, counts)
        .correlate(targets, broadcasts)
    )
    # Their products as a list, and not a join: a planner may take that from the side of all products.
    by_membership = found.join(broadcasts, broadcasts.c.id == targets.c.broadcast_id).where(
        targets.c.kind == TargetKind.PRODUCT,
        targets.c.ref_id.in_(select(memberships.c.product_id).where(own)),
        live,
        that_counts,
    )
    return union_all(everyone, themselves, by_membership)


def _shown() -> Select[Any]:
    customer_id = bindparam("customer_id", type_=Integer)
    now = bindparam("now", type_=UtcDateTime())
    shown = (broadcasts.c.id, broadcasts.c.notice_type, broadcasts.c.subject, broadcasts.c.html)
    dismissed = exists(
        select(dismissals.c.broadcast_id)
        .where(dismissals.c.broadcast_id == broadcasts.c.id, dismissals.c.customer_id == customer_id)
        .correlate(broadcasts)
    )
    return (
        select(*shown, broadcasts.c.starts, broadcasts.c.ends)
        .where(
            broadcasts.c.id.in_(_meant_for(customer_id, now)),
            broadcasts.c.type == BroadcastType.NOTICE,
            broadcasts.c.status == BroadcastStatus.PUBLISHED,
            or_(broadcasts.c.starts.is_(None), broadcasts.c.starts <= now),
            or_(broadcasts.c.ends.is_(None), broadcasts.c.ends > now),
            ~dismissed,
        )
        .order_by(broadcasts.c.id.desc())
    )


SHOWN = _shown()
"""What the dashboard of :customer_id shows at :now, the newest first, no cap."""
