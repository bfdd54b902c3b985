"""Importing addresses that must not be mailed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ummsg.domain import cleaning
from ummsg.domain.address import checked_address
from ummsg.domain.imported import Cells
from ummsg.domain.suppression import Suppression
from ummsg.services.imports.block import Block
from ummsg.services.imports.cells import cleaned, each_row
from ummsg.services.imports.columns import Columns
from ummsg.services.imports.outcome import Outcome
from ummsg.store.engine import Transaction

KNOWN = ("email", "reason")


class SuppressionImport:
    """One run over one input, which may be a list of addresses without a header."""

    def __init__(self, now: datetime) -> None:
        self.columns = Columns(KNOWN, required=["email"], bare="email")
        self._now = now

    def records(self, block: Block) -> list[Suppression]:
        return each_row(block, self._record)

    def apply(self, tx: Transaction, records: Sequence[Suppression]) -> Outcome:
        """An address that is suppressed already keeps its reason, whatever the file says: it is unchanged."""
        inserted = tx.suppressions.add_all(records)
        return Outcome(inserted=inserted, unchanged=len(records) - inserted)

    def finish(self, tx: Transaction) -> None:
        """Nothing is left to do."""

    def _record(self, row: Cells, values: Mapping[str, str]) -> Suppression:
        reason = cleaned(values, "reason", cleaning.line) or "imported"
        return Suppression(checked_address(values["email"]), reason, self._now)
