"""Steering an email that is on its way, and settling what came of it: pause, resume, retry, resolve.

A drain in another process asks where its broadcasts stand with every window that it records: what is decided here
holds within a second, but for what is on the wire by then.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from ummsg.domain.broadcast import PAUSABLE, Broadcast
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import Delivery, Requeue
from ummsg.errors import InvalidInput
from ummsg.services.recovery import recover
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus, BroadcastType, DeliveryStatus

PAUSED_BY_ADMIN = "paused by an admin"


class BroadcastControl:
    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def pause(self, broadcast_id: int) -> Broadcast:
        """Stop an email that is on its way, or scheduled, until it is resumed; pausing it twice changes nothing."""
        with self._store.begin() as tx:
            broadcast = _email(tx, broadcast_id, "a notice is withdrawn, not paused", "ummsg notices withdraw")
            if broadcast.status is BroadcastStatus.PAUSED:
                return broadcast
            _refuse_unless(broadcast, PAUSABLE, "there is nothing to pause")
            tx.broadcasts.set_status(broadcast_id, BroadcastStatus.PAUSED, self._clock(), PAUSED_BY_ADMIN)
            return tx.broadcasts.get(broadcast_id)

    def resume(self, broadcast_id: int) -> Broadcast:
        """Let a paused email go on where it was. Raises InvalidInput if it is not paused, or if it is too late."""
        now = self._clock()
        with self._store.begin() as tx:
            broadcast = _email(tx, broadcast_id, "there is nothing to resume", "ummsg notices show")
            _refuse_unless(broadcast, (BroadcastStatus.PAUSED,), "there is nothing to resume")
            self._refuse_if_too_late(broadcast, f"ummsg broadcast cancel {broadcast_id}")
            tx.broadcasts.set_status(broadcast_id, broadcast.resumes_as, now)
            if broadcast.frozen:
                tx.outbox.finish(broadcast_id, now)
            return tx.broadcasts.get(broadcast_id)

    def retryable(self, broadcast_id: int, customers: Sequence[Customer] = ()) -> Requeue:
        """What `retry` would do. Raises InvalidInput as it does."""
        with self._store.read() as tx:
            return self._requeueable(tx, broadcast_id, DeliveryStatus.FAILED, customers)

    def retry(self, broadcast_id: int, customers: Sequence[Customer] = ()) -> Requeue:
        """Queue the failed again, all or these customers', with their Message-ID and their history.

        Raises InvalidInput for a customer who has not failed, and for a broadcast that nothing more is sent of.
        """
        with self._store.begin() as tx:
            return self._requeue(tx, broadcast_id, DeliveryStatus.FAILED, "to be sent again, by an admin", customers)

    def unknown(self, broadcast_id: int, customers: Sequence[Customer] = ()) -> list[Delivery]:
        """The deliveries of which nobody knows whether they arrived, all or these customers'."""
        recover(self._store, self._clock())
        with self._store.read() as tx:
            _refuse_unsent(_email(tx, broadcast_id, "it has no deliveries", "ummsg notices show"))
            _refuse_other_states(tx, broadcast_id, DeliveryStatus.UNKNOWN, customers)
            wanted = {customer.id for customer in customers}
            found = tx.outbox.deliveries(broadcast_id, DeliveryStatus.UNKNOWN)
            return [delivery for delivery in found if not wanted or delivery.customer_id in wanted]

    def resendable(self, broadcast_id: int, customers: Sequence[Customer] = ()) -> Requeue:
        """What `resend` would do. Raises InvalidInput as it does."""
        with self._store.read() as tx:
            return self._requeueable(tx, broadcast_id, DeliveryStatus.UNKNOWN, customers)

    def resend(self, broadcast_id: int, customers: Sequence[Customer] = ()) -> Requeue:
        """Queue the unknown again, although they may have arrived. Raises InvalidInput as `retry` does."""
        with self._store.begin() as tx:
            return self._requeue(
                tx, broadcast_id, DeliveryStatus.UNKNOWN, "resolved by an admin: to be sent again", customers
            )

    def resolve(self, broadcast_id: int, arrived: bool, customers: Sequence[Customer] = ()) -> int:
        """Settle the unknown, all or these customers', as sent or as failed; returns how many those were.

        Raises InvalidInput for a customer whose delivery is not unknown.
        """
        status = DeliveryStatus.SENT if arrived else DeliveryStatus.FAILED
        why = f"resolved by an admin: it {'arrived' if arrived else 'did not arrive'}"
        now = self._clock()
        with self._store.begin() as tx:
            _refuse_unsent(_email(tx, broadcast_id, "it has no deliveries", "ummsg notices show"))
            _refuse_other_states(tx, broadcast_id, DeliveryStatus.UNKNOWN, customers)
            number = tx.settling.resolve(broadcast_id, status, why, now, _ids(customers))
            tx.outbox.finish(broadcast_id, now)
            return number

    def _requeueable(
        self, tx: Transaction, broadcast_id: int, was: DeliveryStatus, customers: Sequence[Customer]
    ) -> Requeue:
        broadcast = _email(tx, broadcast_id, "it has no deliveries", "ummsg notices show")
        _refuse_unsent(broadcast)
        _refuse_unless(broadcast, _SENDS_AGAIN, "nothing more of it is sent")
        _refuse_other_states(tx, broadcast_id, was, customers)
        foreseen = tx.settling.requeueable(broadcast_id, was, _ids(customers))
        if foreseen.number:
            self._refuse_if_too_late(broadcast, f"ummsg broadcast show {broadcast_id}")
        return foreseen

    def _requeue(
        self, tx: Transaction, broadcast_id: int, was: DeliveryStatus, why: str, customers: Sequence[Customer]
    ) -> Requeue:
        foreseen = self._requeueable(tx, broadcast_id, was, customers)
        if foreseen.number:
            tx.settling.requeue(broadcast_id, was, why, self._clock(), _ids(customers))
            tx.broadcasts.reopen(broadcast_id, self._clock())
        return foreseen

    def _refuse_if_too_late(self, broadcast: Broadcast, hint: str) -> None:
        if broadcast.is_too_late(self._clock()):
            raise InvalidInput(
                f"It is too late for broadcast {broadcast.id}: its --not-after has passed",
                details=[f"not after {broadcast.draft.not_after:%Y-%m-%d %H:%M %Z}; nothing was changed"],
                hint=hint,
            )


_SENDS_AGAIN = (BroadcastStatus.QUEUED, BroadcastStatus.PAUSED, BroadcastStatus.FINISHED)


def _ids(customers: Sequence[Customer]) -> list[int]:
    return [customer.id for customer in customers]


def _email(tx: Transaction, broadcast_id: int, why_not: str, notice_command: str) -> Broadcast:
    """Raises InvalidInput for a notice, and UnknownReference."""
    broadcast = tx.broadcasts.get(broadcast_id)
    if broadcast.type is BroadcastType.NOTICE:
        raise InvalidInput(f"Broadcast {broadcast_id} is a notice: {why_not}", hint=f"{notice_command} {broadcast_id}")
    return broadcast


def _refuse_unless(broadcast: Broadcast, statuses: Sequence[BroadcastStatus], why_not: str) -> None:
    if broadcast.status not in statuses:
        raise InvalidInput(
            f"Broadcast {broadcast.id} is {_in_words(broadcast.status)}: {why_not}",
            hint=f"ummsg broadcast show {broadcast.id}",
        )


def _in_words(status: BroadcastStatus) -> str:
    return "a draft" if status is BroadcastStatus.DRAFT else status.value


def _refuse_unsent(broadcast: Broadcast) -> None:
    if not broadcast.frozen:
        raise InvalidInput(
            f"Broadcast {broadcast.id} is {_in_words(broadcast.status)}: nothing of it has been sent",
            hint=f"ummsg broadcast show {broadcast.id}",
        )


def _refuse_other_states(
    tx: Transaction, broadcast_id: int, wanted: DeliveryStatus, customers: Sequence[Customer]
) -> None:
    """Somebody named who is not in that state: a mistake, and nothing is done to the others either."""
    others = []
    for customer in customers:
        delivery = tx.outbox.to_customer(broadcast_id, customer.id)
        if delivery is None or delivery.status is not wanted:
            others.append((customer, delivery.status.value if delivery else "not a recipient"))
    if others:
        raise InvalidInput(
            f"Not everybody named is {wanted} in broadcast {broadcast_id}; nothing was changed",
            details=[f"{customer.label} is {standing}" for customer, standing in others],
            hint=f"ummsg broadcast why {broadcast_id} --customer {others[0][0].email}",
        )
