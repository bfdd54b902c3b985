"""The `products` column of a file of customers: memberships that the file says a customer has."""

from collections.abc import Sequence

from ummsg.domain.imported import CustomerRecord, Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.outcome import Outcome
from ummsg.store.engine import Transaction
from ummsg.store.imports import KnownMembership
from ummsg.vocabulary import MembershipStatus


class ProductColumn:
    """Of one chunk. Memberships that the column does not mention stay as they are."""

    def __init__(self, tx: Transaction, records: Sequence[CustomerRecord]) -> None:
        self._tx = tx
        slugs = {slug for record in records for slug, _ in record.products}
        self.mentioned = bool(slugs)
        """Whether any row names a product; otherwise there is nothing to do."""
        self._ids = tx.references.products(slugs) if slugs else {}
        self._known: dict[int, list[KnownMembership]] = {}
        self._new: list[KnownMembership] = []
        self._changed: list[KnownMembership] = []

    def rejects(self, record: CustomerRecord, outcome: Outcome) -> bool:
        """Whether a row names a product that there is not; it is then among the rejected."""
        unknown = [slug for slug, _ in record.products if slug not in self._ids]
        if unknown:
            outcome.rejected.append(Rejected(record.row, f"products: there is no product {unknown[0]}"))
        return bool(unknown)

    def of_new_customers(self, ids: Sequence[int], records: Sequence[CustomerRecord]) -> None:
        """Those with an id have just been inserted: they have no memberships yet."""
        for customer_id, record in zip(ids, records, strict=True):
            if customer_id and record.products:
                self._known[customer_id] = []
                self.say(customer_id, record)

    def differs(self, customer_id: int, record: CustomerRecord) -> bool:
        """Whether a row says something new. Raises InvalidInput if it is not clear about which membership."""
        return any(self._is_news(customer_id, slug, status) for slug, status in record.products)

    def say(self, customer_id: int, record: CustomerRecord) -> None:
        for slug, status in record.products:
            if self._is_news(customer_id, slug, status):
                self._take(customer_id, self._ids[slug], status)

    def store(self) -> None:
        if not self.mentioned:
            return
        first = self._tx.membership_imports.next_id()
        for membership_id, membership in enumerate(self._new, first):
            membership.id = membership_id
        self._tx.membership_imports.insert(self._new)
        self._tx.membership_imports.update(self._changed)

    def _is_news(self, customer_id: int, slug: str, status: MembershipStatus) -> bool:
        there = self._of(customer_id, self._ids[slug])
        if any(membership.status == status for membership in there):
            return False
        if len(there) > 1:
            raise InvalidInput(f"products: there are {len(there)} memberships of {slug}; import them with their ids")
        return True

    def _take(self, customer_id: int, product_id: int, status: MembershipStatus) -> None:
        there = self._of(customer_id, product_id)
        if there:
            there[0].status = status.value
            if there[0].id:
                self._changed.append(there[0])
            return
        membership = KnownMembership(0, None, customer_id, product_id, status.value, None, None)
        self._known[customer_id].append(membership)
        self._new.append(membership)

    def _of(self, customer_id: int, product_id: int) -> list[KnownMembership]:
        if customer_id not in self._known:
            self._known[customer_id] = self._tx.membership_imports.of_customers([customer_id])
        return [membership for membership in self._known[customer_id] if membership.product_id == product_id]
