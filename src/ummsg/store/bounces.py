"""Bounces: finding the deliveries that they are about, failing those, remembering what was dealt with."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, case, insert, select, update
from sqlmodel import Session

from ummsg.domain.bounce import Bounce
from ummsg.domain.delivery import Delivery
from ummsg.store.attempts import noting, noting_success
from ummsg.store.outbox import delivery_of
from ummsg.store.tables import BounceRow, DeliveryRow, table_of
from ummsg.vocabulary import DeliveryStatus

bounces = table_of(BounceRow)
deliveries = table_of(DeliveryRow)

_MAY_BOUNCE = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.DEFERRED)


class Bounces:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def known(self, digests: Collection[str]) -> set[str]:
        """Those of these messages that were dealt with before."""
        return {row.digest for row in self._execute(select(bounces.c.digest).where(bounces.c.digest.in_(digests)))}

    def ids_of(self, message_ids: Collection[str]) -> dict[str, int]:
        """The deliveries of these Message-IDs. There is no index: it reads the whole ledger, once for all of them."""
        if not message_ids:
            return {}
        found = select(deliveries.c.message_id, deliveries.c.id).where(deliveries.c.message_id.in_(message_ids))
        return {row.message_id: row.id for row in self._execute(found)}

    def deliveries(self, ids: Collection[int]) -> dict[int, Delivery]:
        """By id, those of these that there are."""
        found = map(delivery_of, self._execute(select(deliveries).where(deliveries.c.id.in_(ids))))
        return {delivery.id: delivery for delivery in found}

    def remember(self, handled: Sequence[Bounce], now: datetime) -> None:
        """Write down what these messages said; one that is known already keeps what it said first."""
        if handled:
            rows = [
                {
                    "digest": bounce.digest,
                    "delivery_id": bounce.delivery.id,
                    "verdict": bounce.verdict.value,
                    "reply": bounce.reply,
                    "noted_at": now,
                }
                for bounce in handled
            ]
            self._execute(insert(bounces).prefix_with("OR IGNORE", dialect="sqlite"), rows)

    def fail(self, failed: Sequence[Bounce], now: datetime) -> list[int]:
        """Deliveries that the server took, or may have taken, and that came back; returns the ids of those changed.

        Whatever else became of one meanwhile (it is being sent again, or was failed before) stays. Their history keeps
        that the server had taken them.
        """
        if not failed:
            return []
        replies = {bounce.delivery.id: bounce.reply for bounce in failed}
        came_back = and_(deliveries.c.id.in_(replies), deliveries.c.status.in_(_MAY_BOUNCE))
        words = case(replies, value=deliveries.c.id)
        self._execute(noting_success(came_back))
        self._execute(noting(came_back, DeliveryStatus.FAILED, words, now))
        statement = (
            update(deliveries)
            .where(came_back)
            .values(status=DeliveryStatus.FAILED, due_at=None, reply=words, updated_at=now)
            .returning(deliveries.c.id)
        )
        return list(self._execute(statement).scalars())
