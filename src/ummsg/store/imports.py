"""Imports: many rows a statement. Each class serves one transaction."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import count
from typing import Any

from sqlmodel import Session

from ummsg.domain.customer import email_key
from ummsg.domain.imported import CustomerRecord, KnownCustomer
from ummsg.store.driver import driver_of

_COLUMNS = "external_id, email, email_key, name, locale, timezone, registered_at, email_verification, attributes"
_INSERT = f"""
    INSERT OR IGNORE INTO customers (id, {_COLUMNS})
    VALUES (?, ?, ?, ?, coalesce(?, ''), coalesce(?, ''), coalesce(?, ''), nullif(?, ''), coalesce(?, ''), ?)
"""  # noqa: S608 - a constant of this module
_INDEX = "INSERT INTO customers_fts (rowid, name, email) SELECT id, name, email FROM customers WHERE id"


class CustomerImports:
    def __init__(self, session: Session) -> None:
        self._driver = driver_of(session)
        self._unindexed: list[int] = []

    def insert_new(self, records: Sequence[CustomerRecord]) -> list[int]:
        """Insert those that are new; returns their ids, 0 for each that clashes with a stored one.

        No two of the records may have an address or an external id in common.
        """
        top = self._driver.execute(_HIGHEST).fetchone()[0]
        ids = self._free_ids(records, top)
        rows = [(new_id, *record[1:10]) for new_id, record in zip(ids, records, strict=True) if new_id]
        done = self._driver.executemany(_INSERT, rows)
        if done.rowcount < len(rows):
            stored = dict(self._rows("SELECT id, email_key FROM customers WHERE id IN", ids))
            ids = [i if stored.get(i) == record.email_key else 0 for i, record in zip(ids, records, strict=True)]
            self._driver.execute(_UNUSED_AGAIN, (max([top, *ids]),))
        self._unindexed += filter(None, ids)
        return ids

    def make_findable(self) -> None:
        """Bring what was inserted into the full-text index; to be called before the transaction ends."""
        ids, self._unindexed = self._unindexed, []
        if not ids:
            return
        first, last = min(ids), max(ids)
        if last - first + 1 == len(ids):
            self._driver.execute(f"{_INDEX} BETWEEN ? AND ?", (first, last))
        else:
            self._rows(f"{_INDEX} IN", ids)

    def _free_ids(self, records: Sequence[CustomerRecord], top: int) -> list[int]:
        """For each the id that it wants, 0 if that is taken; for those that want none the next above all ever given."""
        wanted = [record.wanted_id or 0 for record in records]
        maybe_taken = [number for number in wanted if 0 < number <= top]
        taken = {row[0] for row in self._rows("SELECT id FROM customers WHERE id IN", maybe_taken)}
        unused = count(max(top, max(wanted, default=0)) + 1)
        return [(0 if number in taken else number) if number else next(unused) for number in wanted]

    def known(self, records: Collection[CustomerRecord]) -> list[KnownCustomer]:
        """The stored customers whose external id or address is one of these."""
        keys = [record.email_key for record in records]
        external_ids = [record.external_id for record in records if record.external_id is not None]
        rows = self._driver.execute(_KNOWN, (json.dumps(keys), json.dumps(external_ids)))
        return [KnownCustomer(*row) for row in rows]

    def insert(self, record: CustomerRecord) -> int:
        """Insert a new one, under the id it wants if that is free; returns the id."""
        (new_id,) = self.insert_new([record])
        return new_id or self.insert_new([record._replace(wanted_id=None)])[0]

    def update(self, changes: Sequence[tuple[KnownCustomer, KnownCustomer]]) -> None:
        """Store customers as they are after each change; before it is how they are stored.

        Names and addresses go in one statement, since FTS5 flushes before each one that touches its index (0.5 ms).
        Addresses that pass from one customer to another are out of the way by then.
        """
        moved = [(after.id,) for before, after in changes if before.email_key != after.email_key]
        self._driver.executemany("UPDATE customers SET email_key = '#' || id WHERE id = ?", moved)
        renamed = [astuple(a) for b, a in changes if (b.name, b.email) != (a.name, a.email)]
        self._driver.execute(_RENAME, (json.dumps(renamed),))
        self._driver.executemany(_UPDATE, (_without_name(after) for _, after in changes))

    def renumber(self, customers: Sequence[tuple[int, str | None]]) -> None:
        """Give these customers these external ids, which nobody has."""
        self._driver.executemany(
            "UPDATE customers SET external_id = ? WHERE id = ?", ((new, number) for number, new in customers)
        )

    def let_go_of_addresses(self, customer_ids: Sequence[int]) -> None:
        """Of customers whose address is changed in this transaction."""
        self._driver.executemany(
            "UPDATE customers SET email_key = '#' || id WHERE id = ?", ((number,) for number in customer_ids)
        )

    def add_attribute_names(self, names: Iterable[str]) -> None:
        self._driver.executemany("INSERT OR IGNORE INTO attribute_names (name) VALUES (?)", ((name,) for name in names))

    def _rows(self, selecting: str, values: Sequence[Any]) -> Iterable[Any]:
        return self._driver.execute(f"{selecting} (SELECT value FROM json_each(?))", (json.dumps(values),))  # noqa: S608


_HIGHEST = """
    SELECT max(coalesce((SELECT max(id) FROM customers), 0),
               coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'customers'), 0))
"""
_UNUSED_AGAIN = "UPDATE sqlite_sequence SET seq = ? WHERE name = 'customers'"
_KNOWN = f"""
    SELECT id, {_COLUMNS} FROM customers
    WHERE id IN (SELECT id FROM customers WHERE email_key IN (SELECT value FROM json_each(?))
                 UNION SELECT id FROM customers WHERE external_id IN (SELECT value FROM json_each(?)))
"""  # noqa: S608
_RENAME = """
    UPDATE customers SET email = json_extract(new.value, '$[2]'), name = json_extract(new.value, '$[4]')
    FROM json_each(?) AS new WHERE customers.id = json_extract(new.value, '$[0]')
"""
_UPDATE = """
    UPDATE customers SET external_id = ?, email_key = ?, locale = ?, timezone = ?, registered_at = ?,
        email_verification = ?, attributes = ?
    WHERE id = ?
"""


def _without_name(customer: KnownCustomer) -> tuple[Any, ...]:
    _, external_id, _, email_key, _, *others = astuple(customer)
    return (external_id, email_key, *others, customer.id)


@dataclass(slots=True)
class KnownProduct:
    """A stored product, as the database keeps it."""

    id: int
    external_id: str | None
    slug: str
    name: str
    type: str
    active: bool


class ProductImports:
    def __init__(self, session: Session) -> None:
        self._driver = driver_of(session)

    def all(self) -> list[KnownProduct]:
        """There are few."""
        rows = self._driver.execute("SELECT id, external_id, slug, name, type, active FROM products")
        return [_known_product(*row) for row in rows]

    def insert(self, product: KnownProduct) -> int:
        """Insert, under its id if that is above 0 and free; returns the id."""
        free = product.id and not self._driver.execute("SELECT 1 FROM products WHERE id = ?", (product.id,)).fetchone()
        done = self._driver.execute(
            "INSERT INTO products (id, external_id, slug, name, type, active) VALUES (?, ?, ?, ?, ?, ?)",
            (product.id if free else None, *astuple(product)[1:]),
        )
        return int(done.lastrowid or 0)

    def let_go_of_slugs(self, product_ids: Sequence[int]) -> None:
        """Of products whose slug is changed in this transaction."""
        self._driver.executemany(
            "UPDATE products SET slug = '#' || id WHERE id = ?", ((number,) for number in product_ids)
        )

    def update(self, product: KnownProduct) -> None:
        self._driver.execute(
            "UPDATE products SET external_id = ?, slug = ?, name = ?, type = ?, active = ? WHERE id = ?",
            (*astuple(product)[1:], product.id),
        )


def _known_product(
    product_id: int, external_id: str | None, slug: str, name: str, type: str, active: int
) -> KnownProduct:
    return KnownProduct(product_id, external_id, slug, name, type, bool(active))


@dataclass(slots=True)
class KnownMembership:
    """A stored membership, its times as the database keeps them."""

    id: int
    external_id: str | None
    customer_id: int
    product_id: int
    status: str
    starts_at: str | None
    expires_at: str | None


class MembershipImports:
    def __init__(self, session: Session) -> None:
        self._driver = driver_of(session)

    def of_customers(self, customer_ids: Collection[int]) -> list[KnownMembership]:
        rows = self._driver.execute(
            f"SELECT {_MEMBERSHIP} FROM memberships WHERE customer_id IN (SELECT value FROM json_each(?))",  # noqa: S608
            (json.dumps(list(customer_ids)),),
        )
        return [KnownMembership(*row) for row in rows]

    def by_external_ids(self, external_ids: Collection[str]) -> list[KnownMembership]:
        rows = self._driver.execute(
            f"SELECT {_MEMBERSHIP} FROM memberships WHERE external_id IN (SELECT value FROM json_each(?))",  # noqa: S608
            (json.dumps(list(external_ids)),),
        )
        return [KnownMembership(*row) for row in rows]

    def next_id(self) -> int:
        return int(self._driver.execute("SELECT coalesce(max(id), 0) + 1 FROM memberships").fetchone()[0])

    def insert(self, memberships: Iterable[KnownMembership]) -> None:
        self._driver.executemany(
            f"INSERT INTO memberships ({_MEMBERSHIP}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            map(astuple, memberships),
        )

    def update(self, memberships: Iterable[KnownMembership]) -> None:
        self._driver.executemany(
            "UPDATE memberships SET external_id = ?, customer_id = ?, product_id = ?, status = ?, starts_at = ?,"
            " expires_at = ? WHERE id = ?",
            ((*astuple(membership)[1:], membership.id) for membership in memberships),
        )


_MEMBERSHIP = "id, external_id, customer_id, product_id, status, starts_at, expires_at"


class References:
    """REFs of a file: the ids of what they mean here. A number is the network's id first, then ours."""

    def __init__(self, session: Session) -> None:
        self._driver = driver_of(session)

    def customers(self, refs: Collection[str]) -> dict[str, int]:
        """The ids of those that exist, by REF."""
        keys = {ref: email_key(ref) for ref in refs if "@" in ref}
        found = self._found("customers", "email_key", set(keys.values()))
        return {ref: found[key] for ref, key in keys.items() if key in found} | self._by_number(
            "customers", [ref for ref in refs if "@" not in ref]
        )

    def products(self, refs: Collection[str]) -> dict[str, int]:
        slugs = self._found("products", "slug", {ref.lower() for ref in refs})
        by_slug = {ref: slugs[ref.lower()] for ref in refs if ref.lower() in slugs}
        return self._by_number("products", refs) | by_slug

    def customers_of_network(self, external_ids: Collection[str]) -> dict[str, int]:
        """The network's numbers, and never ours: they would name somebody else."""
        return self._found("customers", "external_id", external_ids)

    def products_of_network(self, external_ids: Collection[str]) -> dict[str, int]:
        """As `customers_of_network`; a slug may be a number, too."""
        return self._found("products", "external_id", external_ids)

    def _by_number(self, table: str, refs: Collection[str]) -> dict[str, int]:
        numbers = [int(ref) for ref in refs if ref.isascii() and ref.isdecimal() and len(ref) < 19]
        ours = {str(number): number for number in self._found(table, "id", numbers)}
        return ours | self._found(table, "external_id", refs)

    def _found(self, table: str, column: str, values: Collection[Any]) -> dict[Any, int]:
        rows = self._driver.execute(
            f"SELECT {column}, id FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",  # noqa: S608
            (json.dumps(list(values)),),
        )
        return dict(rows.fetchall())
