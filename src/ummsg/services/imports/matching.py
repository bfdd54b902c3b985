"""Rows that may be about customers who are stored already."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ummsg.domain.imported import CustomerRecord, KnownCustomer, Rejected, changed, identify, inserted
from ummsg.errors import InvalidInput
from ummsg.services.imports.outcome import Outcome, Seen
from ummsg.services.imports.product_column import ProductColumn
from ummsg.store.engine import Transaction


@dataclass
class Matching:
    """Of one batch: row after row in the order of the file, then all changes at once."""

    tx: Transaction
    seen: Seen
    products: ProductColumn
    outcome: Outcome
    _by_key: dict[str, KnownCustomer] = field(default_factory=dict)
    _by_external_id: dict[str, KnownCustomer] = field(default_factory=dict)
    _changes: list[tuple[KnownCustomer, KnownCustomer]] = field(default_factory=list)

    def apply(self, records: Sequence[CustomerRecord]) -> None:
        for customer in self.tx.customer_imports.known(records):
            self._remember(customer)
        for record in records:
            try:
                self._apply(record)
            except InvalidInput as error:
                self.outcome.rejected.append(Rejected(record.row, error.what))
        self._store_changes()

    def _apply(self, record: CustomerRecord) -> None:
        before = identify(record, self._by_external_id, self._by_key)
        if before is None:
            self._insert(record)
            return
        after = changed(before, record)
        differs = after != before
        news = self.products.differs(before.id, record)
        self.seen.check(before.id, record.row.line, differs=differs or news)
        self.products.say(before.id, record)
        if differs:
            self._changes.append((before, after))
            del self._by_key[before.email_key]
            self._remember(after)
        if differs or news:
            self.outcome.updated += 1
        else:
            self.outcome.unchanged += 1

    def _insert(self, record: CustomerRecord) -> None:
        if any(before.email_key == record.email_key for before, _ in self._changes):
            self._store_changes()  # somebody has just given this address up
        customer_id = self.tx.customer_imports.insert(record)
        self.seen.note(customer_id, record.row.line)
        self._remember(inserted(record, customer_id))
        self.products.of_new_customers([customer_id], [record])
        self.outcome.inserted += 1

    def _remember(self, customer: KnownCustomer) -> None:
        self._by_key[customer.email_key] = customer
        if customer.external_id is not None:
            self._by_external_id[customer.external_id] = customer

    def _store_changes(self) -> None:
        self.tx.customer_imports.update(self._changes)
        self._changes = []
