"""Keeping addresses that must not be mailed."""

from collections.abc import Callable
from datetime import datetime

from ummsg.domain.address import checked_address
from ummsg.domain.suppression import Suppression
from ummsg.store.engine import Store


class Suppressions:
    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def add(self, address: str, reason: str) -> bool:
        """Whether the address was not suppressed before. Raises InvalidInput for what is no address."""
        with self._store.begin() as tx:
            return tx.suppressions.add(Suppression(checked_address(address), reason, self._clock()))

    def remove(self, address: str) -> bool:
        """Whether the address was suppressed. Raises as `add` does."""
        with self._store.begin() as tx:
            return tx.suppressions.remove(checked_address(address))

    def all(self) -> list[Suppression]:
        with self._store.read() as tx:
            return list(tx.suppressions.all())
