"""How the outbox gets on: what `outbox status` shows."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from ummsg.domain.broadcast import Broadcast
from ummsg.domain.delivery import Counts
from ummsg.domain.email import SystemEmail
from ummsg.domain.limits import ALL_MAIL
from ummsg.domain.limits import Standing as LimitStanding
from ummsg.domain.outlook import LOOKED_BACK, Standing
from ummsg.errors import NotConfigured
from ummsg.services.outbox import Outbox
from ummsg.store.drains import living_drains
from ummsg.store.engine import Store, Transaction
from ummsg.store.standings import of_broadcast, of_email


class Standings:
    def __init__(self, store: Store, outbox: Outbox, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock

    def all(self) -> list[Standing]:
        """Of system emails, then of broadcasts: of all that have open deliveries or a time to come, and of what is over
        but for deliveries of which nobody knows whether they arrived."""
        emails, broadcasts = self._outbox.status_of_emails(), self._outbox.status()
        living = living_drains(self._store.path)
        limits = self._limits_of_all_mail()
        with self._store.read() as tx:
            broadcasts += [_over(tx, one) for one in tx.standings.over_but_unknown()]
            return [
                *(
                    self._standing(tx, of_email(one.id), counts, due, living, limits, email=one)
                    for one, counts, due in emails
                ),
                *(
                    self._standing(tx, of_broadcast(one.id), counts, due, living, limits, broadcast=one)
                    for one, counts, due in broadcasts
                ),
            ]

    def _standing(
        self,
        tx: Transaction,
        whose: Any,
        counts: Counts,
        next_due: datetime | None,
        living: Collection[str],
        limits: Sequence[LimitStanding],
        *,
        broadcast: Broadcast | None = None,
        email: SystemEmail | None = None,
    ) -> Standing:
        done, done_since = tx.standings.done(whose, self._clock() - LOOKED_BACK)
        reply, replied = tx.standings.commonest_reply(whose) if counts.deferred else ("", 0)
        orphans = [claim for claim in tx.standings.claims(whose) if claim.token not in living]
        return Standing(
            counts,
            next_due,
            broadcast,
            email,
            done=done,
            done_since=done_since,
            deferred_until=tx.standings.deferred_until(whose),
            reply=reply,
            replied=replied,
            held=sum(claim.number for claim in orphans),
            held_until=max((claim.until for claim in orphans), default=None),
            attended=bool(living),
            due=0 if living else tx.standings.due(whose, self._clock()),
            limits=limits,
        )

    def _limits_of_all_mail(self) -> list[LimitStanding]:
        """None of settings that are no limits: `outbox status` says so below."""
        with suppress(NotConfigured):
            return [standing for standing, _ in self._outbox.limits() if standing.scope == ALL_MAIL]
        return []


def _over(tx: Transaction, broadcast_id: int) -> tuple[Broadcast, Counts, datetime | None]:
    return tx.broadcasts.get(broadcast_id), tx.outbox.counts(broadcast_id), None
