"""Importing products."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ummsg.domain import cleaning
from ummsg.domain.imported import Cells, ProductRecord, Rejected
from ummsg.errors import InvalidInput
from ummsg.services.imports.block import Block
from ummsg.services.imports.cells import cleaned, each_row, required
from ummsg.services.imports.columns import Columns
from ummsg.services.imports.outcome import Outcome, Seen
from ummsg.store.engine import Transaction
from ummsg.store.imports import KnownProduct
from ummsg.vocabulary import ProductType

KNOWN = ("slug", "id", "name", "type", "active")


class ProductImport:
    """One run over one input. There are few products: all stored ones are looked at."""

    def __init__(self) -> None:
        self.columns = Columns(KNOWN, required=["slug"])
        self._seen = Seen()

    def records(self, block: Block) -> list[ProductRecord]:
        return each_row(block, self.record)

    def finish(self, tx: Transaction) -> None:
        """Nothing is left to do."""

    def record(self, row: Cells, values: Mapping[str, str]) -> ProductRecord:
        external_id = cleaned(values, "id", cleaning.external_id)
        return ProductRecord(
            row,
            cleaning.wanted_id(external_id),
            external_id,
            required(values, "slug", cleaning.slug),
            cleaned(values, "name", cleaning.line),
            cleaned(values, "type", _type),
            cleaned(values, "active", lambda text: cleaning.boolean(text) if text.strip() else True),
        )

    def apply(self, tx: Transaction, records: Sequence[ProductRecord]) -> Outcome:
        outcome = Outcome()
        known = tx.product_imports.all()
        by_slug = {product.slug: product for product in known}
        by_external_id = {product.external_id: product for product in known if product.external_id is not None}
        for record in records:
            try:
                before = _identify(record, by_external_id, by_slug)
                after = self._store(tx, before, record, outcome)
            except InvalidInput as error:
                outcome.rejected.append(Rejected(record.row, error.what))
                continue
            if before is not None:
                del by_slug[before.slug]
            by_slug[after.slug] = after
            if after.external_id is not None:
                by_external_id[after.external_id] = after
        return outcome

    def _store(
        self, tx: Transaction, before: KnownProduct | None, record: ProductRecord, outcome: Outcome
    ) -> KnownProduct:
        if before is None:
            after = _changed(KnownProduct(record.wanted_id or 0, None, "", "", ProductType.PLAN.value, True), record)
            after.id = tx.product_imports.insert(after)
            self._seen.note(after.id, record.row.line)
            outcome.inserted += 1
            return after
        after = _changed(before, record)
        self._seen.check(before.id, record.row.line, differs=after != before)
        if after == before:
            outcome.unchanged += 1
        else:
            tx.product_imports.update(after)
            outcome.updated += 1
        return after


def _type(text: str) -> str:
    return cleaning.choice(text, ProductType).value if text.strip() else ProductType.PLAN.value


def _identify(
    record: ProductRecord, by_external_id: Mapping[str, KnownProduct], by_slug: Mapping[str, KnownProduct]
) -> KnownProduct | None:
    """As for customers: the external id decides, then the slug; a product without external id is adopted."""
    owner = by_slug.get(record.slug)
    known = by_external_id.get(record.external_id) if record.external_id is not None else None
    if known is not None and owner not in (None, known):
        raise InvalidInput(f"the slug {record.slug} belongs to another product")
    if known is None and record.external_id is not None and owner is not None and owner.external_id is not None:
        raise InvalidInput(f"the slug {record.slug} belongs to the product with the id {owner.external_id}")
    return known or owner


def _changed(known: KnownProduct, record: ProductRecord) -> KnownProduct:
    return replace(
        known,
        external_id=record.external_id or known.external_id,
        slug=record.slug,
        name=known.name if record.name is None else record.name,
        type=record.type or known.type,
        active=known.active if record.active is None else record.active,
    )
