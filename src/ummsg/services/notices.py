"""Notices on dashboards: what is live, who sees it, withdrawing and dismissing."""

from collections.abc import Callable
from datetime import datetime

from ummsg.domain.customer import Customer
from ummsg.domain.notice import Notice, notice_state
from ummsg.errors import InvalidInput, UnknownReference
from ummsg.mail.templates import sanitise_notice
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus, BroadcastType, NoticeState


class Notices:
    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def all(self, *, state: NoticeState | None = None, limit: int | None = None) -> list[Notice]:
        """Every notice that was published, the newest first."""
        with self._store.read() as tx:
            notices = (self._notice(tx, notice_id) for notice_id in tx.notices.ids())
            return [notice for notice in notices if state in (None, notice.state)][:limit]

    def shown_to(self, customer: Customer) -> list[Notice]:
        """Exactly what this customer's dashboard shows now, the newest first."""
        with self._store.read() as tx:
            return [self._notice(tx, notice_id) for notice_id in tx.notices.shown_to(customer.id, self._clock())]

    def get(self, notice_id: int) -> Notice:
        """Raises UnknownReference for an id that is no published notice."""
        with self._store.read() as tx:
            return self._notice(tx, notice_id)

    def withdraw(self, notice_id: int) -> Notice:
        """Take it off every dashboard; repeating it changes nothing."""
        with self._store.begin() as tx:
            if self._notice(tx, notice_id).state is not NoticeState.WITHDRAWN:
                tx.broadcasts.set_status(notice_id, BroadcastStatus.WITHDRAWN, self._clock())
                tx.publications.want(notice_id, self._clock())
            return self._notice(tx, notice_id)

    def dismiss(self, notice_id: int, customer: Customer) -> bool:
        """Close it on one customer's dashboard; False if it was closed before.

        Raises InvalidInput if it is not on that dashboard.
        """
        with self._store.begin() as tx:
            notice = self._notice(tx, notice_id)
            if tx.notices.is_dismissed(notice_id, customer.id):
                return False
            if notice_id not in tx.notices.shown_to(customer.id, self._clock()):
                raise InvalidInput(
                    f"Notice {notice_id} ({notice.state}) is not on the dashboard of {customer.label}",
                    hint=f"ummsg notices list --customer {customer.email}",
                )
            return tx.notices.dismiss(notice_id, customer.id, self._clock())

    def _notice(self, tx: Transaction, notice_id: int) -> Notice:
        broadcast = tx.broadcasts.get(notice_id)
        published = broadcast.status in (BroadcastStatus.PUBLISHED, BroadcastStatus.WITHDRAWN)
        if broadcast.type is not BroadcastType.NOTICE or not published:
            kind = "an email" if broadcast.type is BroadcastType.EMAIL else f"a {broadcast.status}"
            raise UnknownReference(f"Broadcast {notice_id} is {kind}, not a notice", hint="ummsg notices list")
        return Notice(
            id=broadcast.id,
            notice_type=broadcast.draft.notice_type,
            subject=broadcast.subject,
            html=sanitise_notice(broadcast.html),  # again: whoever can write the database must not reach a dashboard
            starts=broadcast.draft.starts,
            ends=broadcast.draft.ends,
            state=notice_state(broadcast, self._clock()),
            audience=", ".join(tx.audiences.labels(broadcast.draft.audience)),
            dismissed=tx.notices.dismissed_by(broadcast.id),
            publication=tx.publications.of(broadcast.id),
        )
