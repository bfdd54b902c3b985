"""The directory: finding, showing, adding, deleting, and importing what the network knows."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from ummsg.domain import cleaning
from ummsg.domain.address import checked_address
from ummsg.domain.audience import Audience
from ummsg.domain.customer import Customer, Membership, Product, email_key
from ummsg.domain.imported import Cells
from ummsg.errors import AmbiguousReference, DatabaseBusy, InvalidInput, UnknownReference
from ummsg.services.imports.customers import CustomerImport, customer_record
from ummsg.services.imports.memberships import MembershipImport
from ummsg.services.imports.outcome import ImportOptions, ImportProgress, ImportReport
from ummsg.services.imports.products import ProductImport
from ummsg.services.imports.run import run_import
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import MembershipStatus, ProductType, TargetKind

MORE_CAP = 100
"""How far "and 12 more" is counted; further it says 100, for "100 or more"."""

PASTED_LIMIT = 10_000
"""Addresses that can be pasted at once."""

T = TypeVar("T")
Watch = Callable[[ImportProgress], None]


@dataclass(frozen=True)
class Found(Generic[T]):
    """The first matches, and how many more there are, counted up to MORE_CAP."""

    items: list[T]
    more: int


class Directory:
    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    # References

    def customer(self, ref: str) -> Customer:
        """The customer that an address, our id or the network's id means.

        Raises UnknownReference, and AmbiguousReference for a number that is one customer's id here and another's
        in the network.
        """
        with self._store.read() as tx:
            return _only(ref, _customers_called(tx, ref), "customer", _customer_line, lambda: _like_customer(tx, ref))

    def customer_numbered(self, customer_id: int) -> Customer:
        """By our id alone. Raises UnknownReference."""
        with self._store.read() as tx:
            found = tx.customers.get(customer_id)
        if found is None:
            raise UnknownReference(f"There is no customer {customer_id}", hint="ummsg customers list")
        return found

    def product(self, ref: str) -> Product:
        """The product that a slug, our id or the network's id means. Raises as `customer` does."""
        with self._store.read() as tx:
            found = tx.products.by_reference(ref.strip())
            return _only(ref, found, "product", _product_line, lambda: _like_product(tx, ref))

    def resolve_addresses(self, text: str) -> tuple[list[Customer], list[str]]:
        """The customers of a pasted list of addresses, and those addresses that are nobody's."""
        pasted = list(dict.fromkeys(re.findall(r"[^\s,;<>]*@[^\s,;<>]*", text)))
        with self._store.read() as tx:
            found = {address: tx.customers.by_key(address_key(address)) for address in pasted[:PASTED_LIMIT]}
        customers = {customer.id: customer for customer in found.values() if customer is not None}
        return list(customers.values()), [address for address in pasted if found.get(address) is None]

    def gone_since(self, customer: Customer) -> datetime | None:
        """When it was found that they are not on the network any more; None of those who are."""
        with self._store.read() as tx:
            return tx.gone.since(customer.id)

    # Finding

    def search_customers(self, words: str, limit: int = 20) -> Found[Customer]:
        """Those in whose name or address each word begins a word; everyone for no words."""
        with self._store.read() as tx:
            items = tx.customers.matching(words, limit)
            number = len(items) if len(items) < limit else tx.customers.number_matching(words, limit + MORE_CAP)
            return Found(items, number - len(items))

    def search_products(self, words: str, limit: int = 20) -> Found[Product]:
        with self._store.read() as tx:
            items = tx.products.matching(words)
            return Found(items[:limit], min(MORE_CAP, max(0, len(items) - limit)))

    def customers(self, words: str = "", limit: int | None = None) -> Iterator[Customer]:
        """All of them, or those that match, by id, streamed."""
        with self._store.read() as tx:
            yield from tx.customers.matching(words, limit) if words.strip() else tx.customers.all(limit)

    def products(self, words: str = "", limit: int | None = None) -> list[Product]:
        with self._store.read() as tx:
            return tx.products.matching(words)[:limit]

    def memberships(
        self,
        *,
        customer: Customer | None = None,
        product: Product | None = None,
        status: MembershipStatus | None = None,
        limit: int | None = None,
    ) -> Iterator[tuple[Membership, str, str]]:
        """Memberships by id, streamed, each with its customer's address and its product's slug."""
        with self._store.read() as tx:
            yield from tx.memberships.list(
                customer_id=None if customer is None else customer.id,
                product_id=None if product is None else product.id,
                status=status,
                limit=limit,
            )

    def targeted(self, audience: Audience) -> tuple[list[Customer], list[Product]]:
        """The customers and the products that an audience names; who was deleted since is left out."""
        with self._store.read() as tx:
            products = [tx.products.get(product_id) for product_id in audience.ids(TargetKind.PRODUCT)]
            return tx.customers.by_ids(audience.ids(TargetKind.CUSTOMER)), [p for p in products if p is not None]

    def members(self, product: Product) -> dict[MembershipStatus, int]:
        """How many memberships a product has, by status."""
        with self._store.read() as tx:
            return tx.products.members(product.id)

    def attribute_names(self) -> list[str]:
        """Every attribute that any customer ever had."""
        with self._store.read() as tx:
            return tx.customers.attribute_names()

    # Changing

    def add_customer(self, email: str, name: str = "", **values: str) -> Customer:
        """Add a customer; `values` are further columns of a file of customers. Raises InvalidInput."""
        imports = CustomerImport()
        columns = {"email": email, "name": name} | values
        imports.columns.names(list(columns))
        record = customer_record(Cells(0, []), columns)
        with self._store.begin() as tx:
            if existing := tx.customers.by_address(record.email):
                raise InvalidInput(
                    f"There is a customer with the address {existing.email}",
                    details=[_customer_line(existing)],
                    hint=f"ummsg customers show {existing.email}",
                )
            if record.external_id is not None and (others := tx.customers.by_external_id(record.external_id)):
                raise InvalidInput(
                    f"There is a customer with the id {record.external_id}", details=[_customer_line(others)]
                )
            outcome = imports.apply(tx, [record])
            imports.finish(tx)
            if outcome.rejected:
                raise InvalidInput(outcome.rejected[0].reason)
            added = tx.customers.by_address(record.email)
        assert added is not None  # noqa: S101 - stored in the transaction before
        return added

    def delete_customer(self, customer: Customer) -> int:
        """Delete a customer, and cancel what waits to be sent to them; returns how many deliveries that were.

        The ledger keeps its rows: who was mailed stays on record. Raises DatabaseBusy while a message to them is
        on the wire.
        """
        with self._store.begin() as tx:
            if tx.customers.has_delivery_on_the_wire(customer.id):
                raise DatabaseBusy(
                    f"A message to {customer.label} is being sent at this moment",
                    details=["nothing was changed"],
                    hint="the same command when it is done; ummsg outbox status",
                )
            cancelled = tx.outbox.cancel_for_customer(customer.id, "customer deleted", self._clock())
            tx.customers.delete(customer.id)
            return cancelled

    def add_product(self, slug: str, name: str = "", type: ProductType = ProductType.PLAN) -> Product:
        """Raises InvalidInput for a slug that is none, or taken."""
        product = Product(0, None, cleaning.slug(slug), cleaning.line(name), type)
        with self._store.begin() as tx:
            if tx.products.by_slug(product.slug):
                raise InvalidInput(f"There is a product {product.slug}", hint=f"ummsg products show {product.slug}")
            return tx.products.add(product)

    # Importing

    def import_customers(self, source: Path | BinaryIO, options: ImportOptions, progress: Watch) -> ImportReport:
        """Bring in a CSV or JSON Lines file. Raises InvalidInput, and ImportRefused under `options.strict`."""
        return run_import(self._store, CustomerImport(), source, options, progress)

    def import_products(self, source: Path | BinaryIO, options: ImportOptions, progress: Watch) -> ImportReport:
        return run_import(self._store, ProductImport(), source, options, progress)

    def import_memberships(self, source: Path | BinaryIO, options: ImportOptions, progress: Watch) -> ImportReport:
        return run_import(self._store, MembershipImport(), source, options, progress)


def _customers_called(tx: Transaction, ref: str) -> list[Customer]:
    if "@" in ref:
        found = tx.customers.by_key(address_key(ref))
        return [found] if found else []
    return tx.customers.by_reference(ref.strip())


def address_key(ref: str) -> str:
    """The normalised address that a reference with an @ means, whether it is an address or not."""
    try:
        return email_key(checked_address(ref))
    except InvalidInput:
        return email_key(ref)


def _only(ref: str, found: Sequence[T], noun: str, line: Callable[[T], str], like: Callable[[], Sequence[T]]) -> T:
    if len(found) == 1:
        return found[0]
    if found:
        by = "address" if noun == "customer" else "slug"
        raise AmbiguousReference(
            f"{ref} may mean more than one {noun}", details=map(line, found), hint=f"the {by} instead of {ref}"
        )
    close = [f"perhaps {line(item)}" for item in like()]
    raise UnknownReference(f"There is no {noun} {ref!r}", details=close, hint=f"ummsg {noun}s list --search WORD")


def _customer_line(customer: Customer) -> str:
    return f"{customer.label}, id {customer.id}" + _in_the_network(customer.external_id)


def _product_line(product: Product) -> str:
    return f"{product.label}, id {product.id}" + _in_the_network(product.external_id)


def _in_the_network(external_id: str | None) -> str:
    return f", external id {external_id}" if external_id else ""


def _like_customer(tx: Transaction, ref: str) -> list[Customer]:
    """Customers whose address or name begins alike."""
    beginning = ref.partition("@")[0].strip()
    return tx.customers.matching(beginning[:40], limit=3) if beginning and not beginning.isdecimal() else []


def _like_product(tx: Transaction, ref: str) -> list[Product]:
    by_slug = {product.slug: product for product in tx.products.all()}
    return [by_slug[slug] for slug in get_close_matches(ref.lower(), by_slug, n=3)]
