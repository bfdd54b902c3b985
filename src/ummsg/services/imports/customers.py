"""Importing customers: from a row's cells to a checked record, and from a chunk of records to the directory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring

from ummsg.domain import cleaning
from ummsg.domain.address import checked_address
from ummsg.domain.customer import email_key
from ummsg.domain.imported import Cells, CustomerRecord, KnownCustomer, Rejected, changed, identify, inserted
from ummsg.errors import InvalidInput
from ummsg.services.imports.cells import cleaned
from ummsg.services.imports.columns import Columns, check_attribute
from ummsg.services.imports.outcome import Outcome, Seen
from ummsg.services.imports.product_column import ProductColumn
from ummsg.store.engine import Transaction
from ummsg.vocabulary import EmailVerification, MembershipStatus

KNOWN = ("email", "name", "id", "locale", "timezone", "registered_at", "email_verification", "products")


def record(row: Cells, values: Mapping[str, str]) -> CustomerRecord:
    """Check one row. Raises InvalidInput with what is wrong with which column."""
    address = checked_address(values["email"])
    external_id = cleaned(values, "id", cleaning.external_id)
    return CustomerRecord(
        row,
        cleaning.wanted_id(external_id),
        external_id,
        address,
        address.lower() if address.isascii() else email_key(address),
        cleaned(values, "name", cleaning.line),
        cleaned(values, "locale", cleaning.locale),
        cleaned(values, "timezone", cleaning.timezone),
        cleaned(values, "registered_at", cleaning.moment_text),
        cleaned(values, "email_verification", _verification),
        _attributes(values),
        cleaned(values, "products", _products) or (),
    )


def _verification(text: str) -> str:
    return cleaning.choice(text, EmailVerification).value if text.strip() else ""


@lru_cache(maxsize=4096)
def _products(text: str) -> Sequence[tuple[str, MembershipStatus]]:
    """`pro;extra:trialing` as slugs and statuses; a slug alone says that the membership is active."""
    found: dict[str, MembershipStatus] = {}
    for item in filter(None, map(str.strip, text.split(";"))):
        slug, _, status = item.partition(":")
        slug = cleaning.slug(slug)
        if slug in found:
            raise InvalidInput(f"{slug} is there twice")
        found[slug] = cleaning.choice(status, MembershipStatus) if status.strip() else MembershipStatus.ACTIVE
    return tuple(found.items())


def _attributes(values: Mapping[str, str]) -> str:
    """The columns that are not ours, as one JSON object."""
    parts = [
        f'"{name}": {encode_basestring(cleaned(values, name, cleaning.text) or "")}'
        for name in values
        if name not in _KNOWN
    ]
    return "{" + ", ".join(parts) + "}"


_KNOWN = frozenset(KNOWN)


class CustomerImport:
    """One run over one input."""

    def __init__(self) -> None:
        self.columns = Columns(KNOWN, required=["email"], check_other=check_attribute)
        self._seen = Seen()

    record = staticmethod(record)

    def apply(self, tx: Transaction, records: Sequence[CustomerRecord], staged: Callable[[], None]) -> Outcome:
        """Bring a chunk into the directory; `staged` is called when the rest leaves the interpreter free."""
        outcome = Outcome()
        tx.customer_imports.add_attribute_names(self.columns.others)
        memberships = ProductColumn(tx, records)
        records = [record for record in records if not memberships.rejects(record, outcome)]
        fresh, later = _once_each(records)
        tx.customer_imports.stage(fresh)
        staged()
        ids = tx.customer_imports.insert_staged(fresh)
        for record, customer_id in zip(fresh, ids, strict=True):
            if customer_id:
                self._seen.note(customer_id, record.row.line)
                memberships.of_new_customer(customer_id, record)
            else:
                later.append(record)
        outcome.inserted += len(records) - len(later)
        if later:
            later.sort(key=lambda record: record.row.line)
            _Matching(tx, self._seen, memberships, outcome).apply(later)
        memberships.store()
        return outcome


def _once_each(records: Sequence[CustomerRecord]) -> tuple[list[CustomerRecord], list[CustomerRecord]]:
    """Those whose address and external id nobody before them has, and the others."""
    fresh, later = [], []
    seen: set[str] = set()
    for record in records:
        number = "" if record.external_id is None else "#" + record.external_id
        if record.email_key in seen or number in seen:
            later.append(record)
        else:
            fresh.append(record)
            seen.add(record.email_key)
            if number:
                seen.add(number)
    return fresh, later


@dataclass
class _Matching:
    """Rows that may be about customers who are stored already, one after the other, in the order of the file."""

    tx: Transaction
    seen: Seen
    memberships: ProductColumn
    outcome: Outcome

    def apply(self, records: Sequence[CustomerRecord]) -> None:
        known = self.tx.customer_imports.known(records)
        self._by_key = {customer.email_key: customer for customer in known}
        self._by_external_id = {c.external_id: c for c in known if c.external_id is not None}
        for record in records:
            try:
                self._apply(record)
            except InvalidInput as error:
                self.outcome.rejected.append(Rejected(record.row, error.what))

    def _apply(self, record: CustomerRecord) -> None:
        before = identify(record, self._by_external_id, self._by_key)
        if before is None:
            self._insert(record)
            return
        after = changed(before, record)
        differs = after != before
        news = self.memberships.differs(before.id, record)
        self.seen.check(before.id, record.row.line, differs=differs or news)
        self.memberships.say(before.id, record)
        if differs:
            findable = (after.name, after.email) != (before.name, before.email)
            self.tx.customer_imports.update(after, findable=findable)
            self._forget(before)
            self._remember(after)
        if differs or news:
            self.outcome.updated += 1
        else:
            self.outcome.unchanged += 1

    def _insert(self, record: CustomerRecord) -> None:
        customer_id = self.tx.customer_imports.insert(record)
        self.seen.note(customer_id, record.row.line)
        self._remember(inserted(record, customer_id))
        self.memberships.of_new_customer(customer_id, record)
        self.outcome.inserted += 1

    def _remember(self, customer: KnownCustomer) -> None:
        self._by_key[customer.email_key] = customer
        if customer.external_id is not None:
            self._by_external_id[customer.external_id] = customer

    def _forget(self, customer: KnownCustomer) -> None:
        del self._by_key[customer.email_key]
