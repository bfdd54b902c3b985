"""The turns of a drain at the ledger: what was settled is recorded, and the next deliveries are claimed."""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

from ummsg.config import Settings
from ummsg.domain.broadcast import TOO_LATE
from ummsg.domain.delivery import USUAL, Delivery, Retries, Settled, dropped
from ummsg.domain.placeholders import known_placeholders
from ummsg.errors import InvalidInput, NotConfigured, UmmsgError
from ummsg.services.error_rates import ErrorRates
from ummsg.services.gate import Gate
from ummsg.services.letters import Letters
from ummsg.services.prepared_email import Parcel, PreparedEmail, prepare_email
from ummsg.services.refusals import Refusals
from ummsg.services.throttle import Throttle, Wait, book
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus


class MakeParcel(Protocol):
    """Makes a message as of `now`."""

    def __call__(self, *, now: datetime) -> Parcel: ...


class Claimed(NamedTuple):
    """A delivery that is ours until its lease ends, and how its message is made at the moment it is sent."""

    delivery: Delivery
    parcel: MakeParcel
    retries: Retries = USUAL
    has_own_sender: bool = False
    """Whether a sender that the server refuses is this message's fault, and not every message's."""


@dataclass
class Turn:
    """What a transaction found."""

    stopped: Collection[int]
    """Broadcasts of which we hold claims and that may not go on."""
    claimed: list[Claimed] = field(default_factory=list)
    dropped: list[tuple[Delivery, Settled]] = field(default_factory=list)
    exhausted: bool = False
    """Nothing more is due."""
    refused: UmmsgError | None = None
    """Why the next message cannot be made."""
    gate: Gate | None = None
    """What limits let through, if there are any."""
    held_back: list[int] = field(default_factory=list)
    """Broadcasts of which they let nothing through."""
    wait: Wait = field(default_factory=Wait)
    too_late: dict[int, int] = field(default_factory=dict)
    """Broadcasts whose --not-after has passed, and how much of each was cancelled."""


class Turns:
    """Of one run: system emails that are due, then the broadcasts one after another. Each turn is one transaction."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], datetime],
        token: str,
        letters: Letters,
        refusals: Refusals,
        error_rates: ErrorRates,
        throttle: Throttle | None,
        *,
        counts: bool,
        broadcast_ids: Sequence[int],
    ) -> None:
        """`token` is what it claims with; `counts` says whether anybody keeps a limit, for which to book."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self._token = token
        self._letters = letters
        self._refusals = refusals
        self._error_rates = error_rates
        self._throttle = throttle
        self._counts = counts
        self._broadcast_ids = deque(broadcast_ids)
        self._prepared: dict[int, PreparedEmail] = {}

    def take(
        self, settled: Mapping[int, Settled], returned: Sequence[int], held: Collection[int | None], number: int
    ) -> Turn:
        """Record what was `settled`, give back what was `returned`, see whether the broadcasts that we hold claims of
        may go on, and claim up to `number` more: of events before any of a broadcast."""
        with self._store.begin() as tx:
            self._record(tx, settled)
            tx.outbox.give_back(returned, self._token, self._clock())
            turn = Turn(stopped=[one for one in held if one is not None and not self._may_go_on(tx, one)])
            if number:
                self._claim(tx, number, turn)
        return turn

    def _record(self, tx: Transaction, settled: Mapping[int, Settled]) -> None:
        tx.outbox.record(settled, self._token, self._clock())
        if self._counts:
            book(tx, settled, self._clock())
        self._error_rates.note(tx, settled)
        failed = {key: each.reply for key, each in settled.items() if each.status is DeliveryStatus.FAILED}
        if failed:
            self._refusals.note(tx, [(email, failed[key]) for key, email in tx.outbox.addresses(failed).items()])

    def _may_go_on(self, tx: Transaction, broadcast_id: int) -> bool:
        status, not_after = tx.broadcasts.standing(broadcast_id)
        return status is BroadcastStatus.QUEUED and not _has_passed(not_after, self._clock())

    def _claim(self, tx: Transaction, number: int, turn: Turn) -> None:
        """What became pointless while it waited is recorded."""
        token, now = self._token, self._clock()
        turn.gate = self._throttle.gate(tx, now) if self._throttle else None
        for delivery in (turn.gate or tx.outbox).claim_of_event(token, now, number):
            letter = self._letters.open(tx, delivery)
            if settled := letter.dropped(tx, self._clock()):
                self._drop(tx, delivery, settled, turn)
            else:
                turn.claimed.append(Claimed(delivery, letter.parcel, has_own_sender=letter.has_own_sender))
        while self._broadcast_ids and len(turn.claimed) < number:
            try:
                with tx.provisional():
                    goes_on = self._claim_of_broadcast(tx, self._broadcast_ids[0], number - len(turn.claimed), turn)
            except (NotConfigured, InvalidInput) as error:
                turn.refused = error
                return
            if not goes_on:
                self._broadcast_ids.popleft()
        self._broadcast_ids.extendleft(reversed(turn.held_back))
        turn.exhausted = not self._broadcast_ids and not turn.claimed and not turn.dropped
        if self._throttle and turn.gate:
            of_events = not turn.claimed and turn.gate.holds_back(None)
            turn.exhausted = turn.exhausted and not of_events
            turn.wait = self._throttle.wait(turn.gate)

    def _claim_of_broadcast(self, tx: Transaction, broadcast_id: int, number: int, turn: Turn) -> bool:
        """False when it was paused, cancelled or has become too late meanwhile, as when nothing of it is due."""
        status, not_after = tx.broadcasts.standing(broadcast_id)
        now = self._clock()
        if status is not BroadcastStatus.QUEUED:
            return False
        if _has_passed(not_after, now):
            turn.too_late[broadcast_id] = tx.outbox.cancel_open(broadcast_id, TOO_LATE, now)
            return False
        claimed = (turn.gate or tx.outbox).claim(broadcast_id, self._token, now, number)
        if not claimed:
            if turn.gate and turn.gate.holds_back(broadcast_id):
                turn.held_back.append(broadcast_id)
            return False
        prepared = self._prepared_for(tx, broadcast_id)
        reasons = tx.outbox.suppressed([delivery.id for delivery in claimed])
        customers = tx.customers.addressees([delivery.customer_id or 0 for delivery in claimed], prepared.fields)
        for delivery in claimed:
            if reason := reasons.get(delivery.id):
                settled = dropped(DeliveryStatus.SUPPRESSED, reason, attempts=delivery.attempts)
                self._drop(tx, delivery, settled, turn)
            elif (customer := customers.get(delivery.customer_id or 0)) is None:
                settled = dropped(
                    DeliveryStatus.CANCELLED, "the customer is not there any more", attempts=delivery.attempts
                )
                self._drop(tx, delivery, settled, turn)
            else:
                making = partial(prepared.of_delivery, customer, delivery)
                turn.claimed.append(Claimed(delivery, making, prepared.retries))
        return True

    def _drop(self, tx: Transaction, delivery: Delivery, settled: Settled, turn: Turn) -> None:
        tx.outbox.record({delivery.id: settled}, self._token, self._clock())
        turn.dropped.append((delivery, settled))

    def _prepared_for(self, tx: Transaction, broadcast_id: int) -> PreparedEmail:
        if broadcast_id not in self._prepared:
            known = known_placeholders(tx.customers.attribute_names())
            draft = tx.broadcasts.get(broadcast_id).draft
            self._prepared = {broadcast_id: prepare_email(draft, self._settings, known)}
        return self._prepared[broadcast_id]


def _has_passed(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now
