"""Keeping addresses that must not be mailed."""

from collections.abc import Callable
from datetime import datetime

from ummsg.domain.suppression import Suppression
from ummsg.store.engine import Store


class Suppressions:
    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def add(self, address: str, reason: str) -> bool:
        """Whether the address was not suppressed before."""
        with self._store.begin() as tx:
            return tx.suppressions.add(Suppression(address.strip(), reason, self._clock()))

    def remove(self, address: str) -> bool:
        """Whether the address was suppressed."""
        with self._store.begin() as tx:
            return tx.suppressions.remove(address)

    def all(self) -> list[Suppression]:
        with self._store.read() as tx:
            return list(tx.suppressions.all())
