"""What follows from too many refusals: the broadcast is paused, with the reason."""

from collections.abc import Callable, Mapping
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.delivery import Settled
from ummsg.domain.error_rate import WINDOW, complaint, different, slid
from ummsg.store.engine import Transaction
from ummsg.vocabulary import BroadcastStatus, DeliveryStatus


class ErrorRates:
    """Called with what was recorded, inside the transaction that records it.

    The results live in the ledger: two drains and the next one count together. What a killed drain had not recorded
    is settled by the next, and not counted.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        """Raises NotConfigured if UMMSG_PAUSE_AT_ERROR_RATE is no percentage."""
        self._limit = settings.pause_at_error_rate
        self._clock = clock

    def note(self, tx: Transaction, settled: Mapping[int, Settled]) -> None:
        """Take in the results of attempts, in the order in which they came; pause what must not go on."""
        if self._limit is None or not settled:
            return
        for broadcast_id, ids in tx.error_rates.first_attempts(settled).items():
            results = [each for key, each in settled.items() if key in ids]
            recent = slid(tx.error_rates.recent(broadcast_id), (each.status for each in results[-WINDOW:]))
            tx.error_rates.keep(broadcast_id, recent)
            replies = [each.reply for each in results if each.status is not DeliveryStatus.SENT]
            if replies and (why := complaint(recent, self._limit)):
                self._pause(tx, broadcast_id, ": ".join([why, "; ".join(different(replies))]))

    def _pause(self, tx: Transaction, broadcast_id: int, why: str) -> None:
        """Unless somebody has stopped it already, or nothing of it is left to be sent."""
        now = self._clock()
        if tx.broadcasts.standing(broadcast_id)[0] is BroadcastStatus.QUEUED and not tx.outbox.finish(
            broadcast_id, now
        ):
            tx.broadcasts.set_status(broadcast_id, BroadcastStatus.PAUSED, now, why)
