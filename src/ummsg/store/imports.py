"""Imports: many rows a statement. Each class serves one transaction.

New rows go through a staging table and from there, in one statement, to `customers`: row by row the triggers of the
full-text index cost 30 µs each, which is more than everything else together.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from sqlmodel import Session

from ummsg.domain.customer import email_key
from ummsg.domain.imported import CustomerRecord, KnownCustomer
from ummsg.store.driver import driver_of

_COLUMNS = "external_id, email, email_key, name, locale, timezone, registered_at, email_verification, attributes"
_STAGING = f"CREATE TEMP TABLE IF NOT EXISTS incoming (n INTEGER PRIMARY KEY, wanted_id INTEGER, {_COLUMNS})"
_INSERT = f"""
    INSERT OR IGNORE INTO customers (id, {_COLUMNS})
    SELECT coalesce(wanted_id, :base + n), external_id, email, email_key, coalesce(name, ''), coalesce(locale, ''),
           coalesce(timezone, ''), nullif(registered_at, ''), coalesce(email_verification, ''), attributes
    FROM temp.incoming ORDER BY n
"""  # noqa: S608 - constants of this module
_LEFT_OUT = """
    SELECT json_group_array(n) FROM temp.incoming AS i
    LEFT JOIN customers AS c ON c.id = coalesce(i.wanted_id, :base + i.n) AND c.email_key = i.email_key
    WHERE c.id IS NULL
"""


class CustomerImports:
    def __init__(self, session: Session) -> None:
        self._driver = driver_of(session)

    def stage(self, records: Sequence[CustomerRecord]) -> None:
        """Hand over the rows that `insert_staged` is to insert."""
        self._driver.execute(_STAGING)
        self._driver.execute("DELETE FROM temp.incoming")
        self._driver.executemany(
            "INSERT INTO temp.incoming VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (record[1:11] for record in records),
        )

    def insert_staged(self, records: Sequence[CustomerRecord]) -> list[int]:
        """Insert those that are new; returns their ids, 0 for each that clashes with a stored one.

        No two of the records may have an address or an external id in common. Every statement is one step, in which
        the interpreter is free for another thread.
        """
        top = self._highest_id()
        base = max([top, *(record.wanted_id or 0 for record in records)])
        taken = self._numbers(_TAKEN, {"top": top}) if top else []
        if taken:
            self._driver.execute(_FORGET_TAKEN, {"top": top})
        done = self._driver.execute(_INSERT, {"base": base})
        left_out = taken
        if done.rowcount < len(records) - len(taken):
            left_out = taken + self._numbers(_LEFT_OUT, {"base": base})
        ids = [record.wanted_id or base + n for n, record in enumerate(records, 1)]
        for n in left_out:
            ids[n - 1] = 0
        return ids

    def known(self, records: Collection[CustomerRecord]) -> list[KnownCustomer]:
        """The stored customers whose external id or address is one of these."""
        keys = [record.email_key for record in records]
        external_ids = [record.external_id for record in records if record.external_id is not None]
        rows = self._driver.execute(_KNOWN, (json.dumps(keys), json.dumps(external_ids)))
        return [KnownCustomer(*row) for row in rows]

    def insert(self, record: CustomerRecord) -> int:
        """Insert a new one, under the id it wants if that is free; returns the id."""
        wanted = record.wanted_id
        if wanted is not None and self._driver.execute("SELECT 1 FROM customers WHERE id = ?", (wanted,)).fetchone():
            wanted = None
        self.stage([record._replace(wanted_id=wanted)])
        return self.insert_staged([record._replace(wanted_id=wanted)])[0]

    def update(self, known: KnownCustomer, *, findable: bool) -> None:
        """Store what has changed; `findable` says whether name or address have."""
        columns = {name: getattr(known, name) for name in KnownCustomer.__slots__}
        self._driver.execute(_UPDATE_FINDABLE if findable else _UPDATE, columns)

    def add_attribute_names(self, names: Iterable[str]) -> None:
        self._driver.executemany("INSERT OR IGNORE INTO attribute_names (name) VALUES (?)", ((name,) for name in names))

    def _highest_id(self) -> int:
        """Of all there are or have been: an id is not given twice."""
        return int(self._driver.execute(_HIGHEST).fetchone()[0])

    def _numbers(self, statement: str, values: Mapping[str, Any]) -> list[int]:
        numbers: list[int] = json.loads(self._driver.execute(statement, values).fetchone()[0])
        return numbers


_HIGHEST = """
    SELECT max(coalesce((SELECT max(id) FROM customers), 0),
               coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'customers'), 0))
"""
_TAKEN = """
    SELECT json_group_array(n) FROM temp.incoming
    WHERE wanted_id <= :top AND EXISTS (SELECT 1 FROM customers WHERE id = wanted_id)
"""
_FORGET_TAKEN = """
    DELETE FROM temp.incoming WHERE wanted_id <= :top AND EXISTS (SELECT 1 FROM customers WHERE id = wanted_id)
"""
_KNOWN = f"""
    SELECT id, {_COLUMNS} FROM customers
    WHERE id IN (SELECT id FROM customers WHERE email_key IN (SELECT value FROM json_each(?))
                 UNION SELECT id FROM customers WHERE external_id IN (SELECT value FROM json_each(?)))
"""  # noqa: S608
_UPDATE = """
    UPDATE customers SET external_id = :external_id, locale = :locale, timezone = :timezone,
        registered_at = :registered_at, email_verification = :email_verification, attributes = :attributes
    WHERE id = :id
"""
_UPDATE_FINDABLE = _UPDATE.replace("SET", "SET name = :name, email = :email, email_key = :email_key,")


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
