"""Bounces: finding the deliveries that they are about, failing those, remembering what was dealt with."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from ummsg.domain.bounce import Bounce
from ummsg.domain.delivery import Delivery
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

    def deliveries(self, ids: Collection[int], message_ids: Collection[str]) -> Iterator[Delivery]:
        """The deliveries with these ids, and those of these Message-IDs; the latter reads the whole ledger once."""
        if ids:
            yield from self._found(deliveries.c.id.in_(ids))
        if message_ids:
            yield from self._found(deliveries.c.message_id.in_(message_ids))

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

        Whatever else became of one meanwhile (it is being sent again, or was failed before) stays.
        """
        if not failed:
            return []
        replies = {bounce.delivery.id: bounce.reply for bounce in failed}
        condition = (deliveries.c.id.in_(replies), deliveries.c.status.in_(_MAY_BOUNCE))
        changed = list(self._execute(select(deliveries.c.id).where(*condition)).scalars())
        if changed:
            statement = (
                update(deliveries)
                .where(deliveries.c.id == bindparam("bounced"), deliveries.c.status.in_(_MAY_BOUNCE))
                .values(status=DeliveryStatus.FAILED, due_at=None, reply=bindparam("said"), updated_at=now)
            )
            self._execute(statement, [{"bounced": number, "said": replies[number]} for number in changed])
        return changed

    def _found(self, condition: Any) -> Iterator[Delivery]:
        return map(delivery_of, self._execute(select(deliveries).where(condition)))
