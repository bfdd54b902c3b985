"""What has to be out of the way before the network's rows are taken in: addresses and slugs that pass from one to
another, and addresses of customers who are gone."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ummsg.domain.imported import CustomerRecord, ProductRecord
from ummsg.store.engine import Transaction


def make_way_for_customers(tx: Transaction, records: Sequence[CustomerRecord]) -> None:
    """Who is gone gives their place to whoever has their address on the network now, with everything that was sent to
    them: as a rule it is the same person under a new number. Customers who change addresses among themselves let go of
    theirs."""
    known = tx.customer_imports.known(records)
    numbers = {customer.external_id: customer for customer in known if customer.external_id is not None}
    by_key = {customer.email_key: customer for customer in known}
    heirs = {
        by_key[record.email_key].id: record.external_id
        for record in records
        if record.external_id not in numbers
        and record.email_key in by_key
        and tx.gone.since(by_key[record.email_key].id) is not None
    }
    tx.customer_imports.renumber(list(heirs.items()))
    wanted = {numbers[record.external_id].id: record.email_key for record in records if record.external_id in numbers}
    movers = _who_can_move({customer.id: customer.email_key for customer in known}, wanted)
    tx.customer_imports.let_go_of_addresses(movers)


def make_way_for_products(tx: Transaction, records: Sequence[ProductRecord]) -> None:
    """Products that change slugs among themselves let go of theirs."""
    known = tx.product_imports.all()
    numbers = {product.external_id: product for product in known if product.external_id is not None}
    wanted = {numbers[record.external_id].id: record.slug for record in records if record.external_id in numbers}
    tx.product_imports.let_go_of_slugs(_who_can_move({product.id: product.slug for product in known}, wanted))


def _who_can_move(names: Mapping[int, str], wanted: Mapping[int, str]) -> list[int]:
    """Of rows with these unique names, those that want another one which is free, or will be when all of them move."""
    owners = {name: row for row, name in names.items()}
    times = Counter(wanted.values())
    moving = {row for row, name in wanted.items() if names[row] != name and times[name] == 1}
    while stuck := {row for row in moving if owners.get(wanted[row], row) not in moving}:
        moving -= stuck
    return sorted(moving)
