"""Keeping addresses that must not be mailed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from ummsg.domain import cleaning
from ummsg.domain.address import checked_address
from ummsg.domain.customer import email_key
from ummsg.domain.suppression import Suppression
from ummsg.errors import InvalidInput
from ummsg.services.imports.cells import required
from ummsg.services.imports.outcome import ImportOptions, ImportProgress, ImportReport
from ummsg.services.imports.run import run_import
from ummsg.services.imports.suppressions import SuppressionImport
from ummsg.store.engine import Store, Transaction


class Suppressions:
    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def add(self, address: str, reason: str) -> bool:
        """Whether the address was not suppressed before. Raises InvalidInput for what is no address, and for a reason
        that is empty or that an import would refuse."""
        reason = required({"reason": reason}, "reason", cleaning.line)
        suppression = Suppression(checked_address(address), reason, self._clock())
        with self._store.begin() as tx:
            return tx.suppressions.add(suppression)

    def remove(self, address: str) -> bool:
        """Whether the address was suppressed, or proposed to be. Raises InvalidInput for what is no address."""
        with self._store.begin() as tx:
            return tx.suppressions.remove(checked_address(address))

    def all(self) -> list[Suppression]:
        with self._store.read() as tx:
            return list(tx.suppressions.all())

    def proposed(self) -> list[Suppression]:
        """Addresses that a mail server said do not exist, until somebody decides."""
        with self._store.read() as tx:
            return list(tx.suppressions.proposed())

    def accept(self, addresses: Sequence[str] | None) -> list[str]:
        """Suppress what is proposed: these addresses, or all; returns them.

        Raises InvalidInput, with nothing changed, if one of them is not proposed (one that is suppressed already is
        passed over), and for what is no address.
        """
        with self._store.begin() as tx:
            keys = None if addresses is None else {email_key(checked_address(address)) for address in addresses}
            if keys is not None:
                _refuse_unknown(tx, keys)
            return tx.suppressions.accept(keys, self._clock())

    def import_file(
        self, source: Path | BinaryIO, options: ImportOptions, progress: Callable[[ImportProgress], None]
    ) -> ImportReport:
        """Bring in a CSV or JSON Lines file, or one address a line. Raises InvalidInput, and ImportRefused under
        `options.strict`."""
        return run_import(self._store, SuppressionImport(self._clock()), source, options, progress)


def _refuse_unknown(tx: Transaction, keys: set[str]) -> None:
    proposed = {email_key(each.email) for each in tx.suppressions.proposed()}
    unknown = keys - proposed - tx.suppressions.reasons(keys).keys()
    if unknown:
        raise InvalidInput(
            f"Not proposed: {', '.join(sorted(unknown))}",
            details=["nothing was changed"],
            hint="ummsg suppressions list --proposed; ummsg suppressions add ADDRESS for any other",
        )
