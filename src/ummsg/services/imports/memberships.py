"""Importing memberships."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ummsg.domain import cleaning
from ummsg.domain.address import checked_address, shown
from ummsg.domain.imported import Cells, MembershipRecord, Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.block import Block
from ummsg.services.imports.cells import cleaned, each_row, required
from ummsg.services.imports.columns import Columns
from ummsg.services.imports.outcome import Outcome, Seen
from ummsg.store.engine import Transaction
from ummsg.store.imports import KnownMembership
from ummsg.vocabulary import MembershipStatus

KNOWN = ("customer", "product", "id", "status", "starts", "expires")


class MembershipImport:
    """One run over one input. `of_network`: customers and products are called by the network's numbers, never by ours,
    nor by an address or a slug."""

    def __init__(self, *, of_network: bool = False) -> None:
        self._of_network = of_network
        self.columns = Columns(KNOWN, required=["customer", "product"])
        self._seen = Seen()

    def records(self, block: Block) -> list[MembershipRecord]:
        return each_row(block, self.record)

    def finish(self, tx: Transaction) -> None:
        """Nothing is left to do."""

    def record(self, row: Cells, values: Mapping[str, str]) -> MembershipRecord:
        record = MembershipRecord(
            row,
            cleaned(values, "id", cleaning.external_id),
            required(values, "customer", _customer),
            required(values, "product", cleaning.line),
            cleaned(values, "status", _status),
            cleaned(values, "starts", cleaning.moment_text),
            cleaned(values, "expires", cleaning.moment_text),
        )
        if record.starts_at and record.expires_at and record.expires_at < record.starts_at:
            raise InvalidInput("expires: is before starts")
        return record

    def apply(self, tx: Transaction, records: Sequence[MembershipRecord]) -> Outcome:
        outcome = Outcome()
        matching = _Matching(tx, records, self._seen, of_network=self._of_network)
        for record in records:
            try:
                matching.apply(record, outcome)
            except InvalidInput as error:
                outcome.rejected.append(Rejected(record.row, error.what))
        matching.store()
        return outcome


def _customer(text: str) -> str:
    return checked_address(text) if "@" in text else cleaning.line(text)


def _status(text: str) -> str:
    return cleaning.choice(text, MembershipStatus).value if text.strip() else MembershipStatus.ACTIVE.value


class _Matching:
    """A chunk of rows beside what is stored about their customers."""

    def __init__(
        self, tx: Transaction, records: Sequence[MembershipRecord], seen: Seen, *, of_network: bool = False
    ) -> None:
        self._tx = tx
        self._seen = seen
        refs = tx.references
        customers, products = {record.customer for record in records}, {record.product for record in records}
        self._customers = refs.customers_of_network(customers) if of_network else refs.customers(customers)
        self._products = refs.products_of_network(products) if of_network else refs.products(products)
        self._by_pair: dict[tuple[int, int], list[KnownMembership]] = defaultdict(list)
        self._by_external_id: dict[str, KnownMembership] = {}
        self._next_id = tx.membership_imports.next_id()
        self._new: dict[int, KnownMembership] = {}
        self._changed: dict[int, KnownMembership] = {}
        external_ids = [record.external_id for record in records if record.external_id is not None]
        stored = tx.membership_imports.of_customers(self._customers.values())
        for membership in {m.id: m for m in stored + tx.membership_imports.by_external_ids(external_ids)}.values():
            self._remember(membership)

    def apply(self, record: MembershipRecord, outcome: Outcome) -> None:
        pair = self._pair(record)
        before = self._identify(record, pair)
        if before is None:
            after = _changed(
                KnownMembership(self._next_id, None, *pair, MembershipStatus.ACTIVE.value, None, None), record, pair
            )
            self._next_id += 1
            self._seen.note(after.id, record.row.line)
            self._new[after.id] = after
            self._remember(after)
            outcome.inserted += 1
            return
        after = _changed(before, record, pair)
        self._seen.check(before.id, record.row.line, differs=after != before)
        if after == before:
            outcome.unchanged += 1
            return
        self._by_pair[before.customer_id, before.product_id].remove(before)
        self._remember(after)
        (self._new if after.id in self._new else self._changed)[after.id] = after
        outcome.updated += 1

    def store(self) -> None:
        self._tx.membership_imports.insert(self._new.values())
        self._tx.membership_imports.update(self._changed.values())

    def _pair(self, record: MembershipRecord) -> tuple[int, int]:
        customer, product = self._customers.get(record.customer), self._products.get(record.product)
        if customer is None:
            raise InvalidInput(f"customer: there is no customer {shown(record.customer)}")
        if product is None:
            raise InvalidInput(f"product: there is no product {shown(record.product)}")
        return customer, product

    def _identify(self, record: MembershipRecord, pair: tuple[int, int]) -> KnownMembership | None:
        """The external id decides; without one the pair, if it has one membership only."""
        there = self._by_pair[pair]
        if record.external_id is None:
            if len(there) > 1:
                raise InvalidInput(f"there are {len(there)} memberships of this customer and product; give their ids")
            return there[0] if there else None
        nameless = (membership for membership in there if membership.external_id is None)
        return self._by_external_id.get(record.external_id) or next(nameless, None)

    def _remember(self, membership: KnownMembership) -> None:
        self._by_pair[membership.customer_id, membership.product_id].append(membership)
        if membership.external_id is not None:
            self._by_external_id[membership.external_id] = membership


def _changed(known: KnownMembership, record: MembershipRecord, pair: tuple[int, int]) -> KnownMembership:
    return replace(
        known,
        external_id=record.external_id or known.external_id,
        customer_id=pair[0],
        product_id=pair[1],
        status=record.status or known.status,
        starts_at=known.starts_at if record.starts_at is None else record.starts_at or None,
        expires_at=known.expires_at if record.expires_at is None else record.expires_at or None,
    )
