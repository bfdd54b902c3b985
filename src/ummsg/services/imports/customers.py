"""Importing customers: from a row's cells to a checked record, and from a chunk of records to the directory."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any

from ummsg.domain import cleaning
from ummsg.domain.address import checked_address
from ummsg.domain.customer import email_key
from ummsg.domain.imported import Cells, CustomerRecord
from ummsg.errors import InvalidInput
from ummsg.services.imports.block import Block
from ummsg.services.imports.cells import cleaned, each_row
from ummsg.services.imports.columns import Columns, check_attribute
from ummsg.services.imports.customer_columns import Doubt, plain_records
from ummsg.services.imports.matching import Matching
from ummsg.services.imports.outcome import Outcome, Seen
from ummsg.services.imports.product_column import ProductColumn
from ummsg.store.engine import Transaction
from ummsg.vocabulary import EmailVerification, MembershipStatus

FEW = 16
"""Rows that are sooner checked than halved again."""

KNOWN = ("email", "name", "id", "locale", "timezone", "registered_at", "email_verification", "products")


def customer_record(row: Cells, values: Mapping[str, str]) -> CustomerRecord:
    """Check one row. Raises InvalidInput with what is wrong with which column."""
    address = checked_address(values["email"])
    external_id = cleaned(values, "id", cleaning.external_id)
    return CustomerRecord(
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
        row,
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
        if name not in KNOWN
    ]
    return "{" + ", ".join(parts) + "}"


FEW_VALUES: Mapping[str, Callable[[str], Any]] = {
    "locale": cleaning.locale,
    "timezone": cleaning.timezone,
    "registered_at": cleaning.moment_text,
    "email_verification": _verification,
    "products": _products,
}


class CustomerImport:
    """One run over one input."""

    def __init__(self) -> None:
        self.columns = Columns(KNOWN, required=["email"], check_other=check_attribute)
        self._seen = Seen()

    def records(self, block: Block) -> list[CustomerRecord]:
        """Plain rows together; where one is not, the halves, down to the few rows beside it one by one."""
        if len(block) <= FEW:
            return each_row(block, customer_record)
        try:
            return plain_records(block, FEW_VALUES)
        except Doubt:
            first, second = block.halves()
        records = self.records(first) + self.records(second)
        block.rejected += first.rejected + second.rejected
        return records

    def apply(self, tx: Transaction, records: Sequence[CustomerRecord]) -> Outcome:
        outcome = Outcome()
        tx.customer_imports.add_attribute_names(self.columns.others)
        products = ProductColumn(tx, records)
        if products.mentioned:
            records = [record for record in records if not products.rejects(record, outcome)]
        fresh, later = _once_each(records)
        ids = tx.customer_imports.insert_new(fresh)
        self._seen.note_all(ids, fresh)
        outcome.inserted = len(ids) - ids.count(0)
        if products.mentioned:
            products.of_new_customers(ids, fresh)
        later += [record for record, customer_id in zip(fresh, ids, strict=True) if not customer_id]
        if later:
            later.sort(key=lambda record: record.row.line)
            Matching(tx, self._seen, products, outcome).apply(later)
        products.store()
        return outcome

    def finish(self, tx: Transaction) -> None:
        tx.customer_imports.make_findable()


def _once_each(records: Sequence[CustomerRecord]) -> tuple[list[CustomerRecord], list[CustomerRecord]]:
    """Those whose address and external id nobody before them has, and the others."""
    numbers = [number for number in map(attrgetter("external_id"), records) if number is not None]
    if len(set(map(attrgetter("email_key"), records))) == len(records) and len(set(numbers)) == len(numbers):
        return list(records), []
    fresh, later = [], []
    keys: set[str] = set()
    external_ids: set[str | None] = set()
    for record in records:
        if record.email_key in keys or record.external_id in external_ids:
            later.append(record)
            continue
        fresh.append(record)
        keys.add(record.email_key)
        if record.external_id is not None:
            external_ids.add(record.external_id)
    return fresh, later
