"""Why somebody got a broadcast, or did not: the audience, the ledger and the dashboards asked about one customer."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ummsg.domain.audience import Match
from ummsg.domain.broadcast import Broadcast
from ummsg.domain.customer import Customer, email_key
from ummsg.domain.delivery import Attempt, Delivery
from ummsg.domain.notice import notice_state
from ummsg.domain.why import Why, counting, history, matched, received, unmatched
from ummsg.store.engine import Store, Transaction
from ummsg.store.gone import GONE_FROM_NETWORK
from ummsg.vocabulary import BroadcastStatus, BroadcastType, NoticeState


class Reasons:
    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def why(self, broadcast_id: int, customer: Customer) -> Why:
        """What the broadcast is to this customer, and why. Raises UnknownReference for an id that is none."""
        with self._store.read() as tx:
            broadcast = tx.broadcasts.get(broadcast_id)
            if broadcast.type is BroadcastType.NOTICE:
                return self._of_notice(tx, broadcast, customer)
            if broadcast.frozen:
                return _of_frozen(tx, broadcast, customer, self._clock())
            return _of_unfrozen(tx, broadcast, customer, self._clock())

    def why_deleted(self, broadcast_id: int, address: str) -> Why | None:
        """The same for an address that nobody in the directory has any more; None if it was no recipient's either."""
        with self._store.read() as tx:
            broadcast = tx.broadcasts.get(broadcast_id)
            delivery = tx.outbox.to_address(broadcast_id, email_key(address)) if broadcast.frozen else None
            if delivery is None:
                return None
            reason = "a recipient, who has been deleted from the directory since"
            return _of_delivery(delivery, tx.attempts.of(delivery.id), (), reason, self._clock())

    def _of_notice(self, tx: Transaction, notice: Broadcast, customer: Customer) -> Why:
        now = self._clock()
        matches = tx.audiences.matches(notice.draft.audience, customer.id)
        found = counting(matches)
        shown = notice.id in tx.notices.shown_to(customer.id, now)
        state = "draft" if notice.status is BroadcastStatus.DRAFT else notice_state(notice, now).value
        if not found:
            reason = unmatched(matches, notice.draft.audience)
        elif shown:
            reason = matched(found)
        elif state != NoticeState.LIVE:
            reason = f"the notice is {_NOT_LIVE[state]}"
        else:
            reason = "the customer dismissed it"
        return Why(notice.id, customer.id, customer.email, bool(found), found, now, reason, status=state, shown=shown)


_NOT_LIVE = {
    "draft": "a draft, and on no dashboard yet",
    NoticeState.SCHEDULED.value: "not shown yet: its --starts is to come",
    NoticeState.ENDED.value: "not shown any more: its --ends has passed",
    NoticeState.WITHDRAWN.value: "withdrawn",
}


def _of_frozen(tx: Transaction, broadcast: Broadcast, customer: Customer, now: datetime) -> Why:
    """From the ledger: who was in the audience when it was frozen has a delivery, whatever holds now."""
    audience = broadcast.draft.audience
    matches = tx.audiences.matches(audience, customer.id)
    found = counting(matches)
    if delivery := tx.outbox.to_customer(broadcast.id, customer.id):
        noted = tx.attempts.of(delivery.id)
        return _of_delivery(delivery, noted, found, received(delivery, noted, found), now)
    if other := tx.outbox.to_address(broadcast.id, email_key(customer.email)):
        reason = f"the address was another recipient's: {_owner(tx, other)}"
    elif found and tx.gone.since(customer.id):
        reason = f"not in the audience: {GONE_FROM_NETWORK}"
    elif found:
        reason = f"not in the audience when it was frozen; now {matched(found)}"
    else:
        reason = unmatched(matches, audience)
    return Why(broadcast.id, customer.id, customer.email, in_audience=False, matches=found, as_of=now, reason=reason)


def _of_unfrozen(tx: Transaction, broadcast: Broadcast, customer: Customer, now: datetime) -> Why:
    """From the rule, as it would come out now."""
    audience = broadcast.draft.audience
    matches = tx.audiences.matches(audience, customer.id)
    found = counting(matches)
    key = email_key(customer.email)
    if not found:
        reason = unmatched(matches, audience)
    elif tx.gone.since(customer.id):
        reason = f"left out: {GONE_FROM_NETWORK}"
    elif suppressed := tx.suppressions.reasons([key]).get(key):
        reason = f"left out: the address is suppressed ({suppressed})"
    else:
        reason = matched(found)
    standing = f"; the broadcast is {broadcast.status}, its audience is not frozen"
    return Why(broadcast.id, customer.id, customer.email, bool(found), found, now, reason + standing)


def _of_delivery(
    delivery: Delivery, noted: Sequence[Attempt], matches: tuple[Match, ...], reason: str, now: datetime
) -> Why:
    return Why(
        broadcast_id=delivery.broadcast_id or 0,
        customer_id=delivery.customer_id,
        email=delivery.email,
        in_audience=True,
        matches=matches,
        as_of=now,
        reason=reason,
        status=delivery.status.value,
        message_id=delivery.message_id,
        attempts=history(delivery, noted),
    )


def _owner(tx: Transaction, delivery: Delivery) -> str:
    owner = None if delivery.customer_id is None else tx.customers.get(delivery.customer_id)
    return "a customer who has been deleted since" if owner is None else owner.label
