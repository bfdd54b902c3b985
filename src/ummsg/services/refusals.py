"""What follows from a refusal: an address that nobody reads is proposed for suppression, or suppressed at once."""

from collections.abc import Callable, Iterable
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.suppression import Suppression, says_nobody
from ummsg.store.engine import Transaction


class Refusals:
    """Called with what was recorded, inside the transaction that records it."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        """Raises NotConfigured if UMMSG_AUTO_SUPPRESS is neither yes nor no."""
        self.suppresses = settings.auto_suppress
        self._clock = clock

    def note(self, tx: Transaction, refused: Iterable[tuple[str, str]]) -> int:
        """Look at addresses that failed for good, each with the server's reply; returns how many are newly proposed,
        or suppressed under UMMSG_AUTO_SUPPRESS.

        A reply that does not refuse the address itself proposes nothing (`domain/suppression.says_nobody`).
        """
        now = self._clock()
        found = [Suppression(email, reply, now) for email, reply in refused if says_nobody(reply)]
        if not found:
            return 0
        return tx.suppressions.add_all(found) if self.suppresses else tx.suppressions.propose(found)
