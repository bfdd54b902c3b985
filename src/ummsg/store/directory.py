"""The directory, one customer, product or membership at a time. Sets of them are the business of `imports`."""

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update
from sqlmodel import Session

from ummsg.domain.customer import Customer, Membership, Product, email_key
from ummsg.store import search
from ummsg.store.gone import still_there
from ummsg.store.rows import addressee_of, columns_of_addressee, customer_of, membership_of, product_of
from ummsg.store.sets import listed, listed_as, rows_as_one, rows_in
from ummsg.store.tables import (
    AttributeNameRow,
    CustomerRow,
    DeliveryRow,
    MembershipRow,
    ProductRow,
    TargetRow,
    table_of,
)
from ummsg.vocabulary import DeliveryStatus, MembershipStatus, TargetKind

attribute_names = table_of(AttributeNameRow)
customers = table_of(CustomerRow)
deliveries = table_of(DeliveryRow)
memberships = table_of(MembershipRow)
products = table_of(ProductRow)
targets = table_of(TargetRow)


class Customers:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._execute = session.connection().execute

    def get(self, customer_id: int) -> Customer | None:
        return next(iter(self._where(customers.c.id == customer_id)), None)

    def by_ids(self, ids: Collection[int]) -> list[Customer]:
        """Those that exist, by id."""
        return list(self._where(customers.c.id.in_(listed(ids))))

    def addressees(self, ids: Collection[int], fields: frozenset[str]) -> dict[int, Customer]:
        """Those that are there, with what a message is made of: name, address and these fields, and no others."""
        found = self._execute(_addressees(fields), {"ids": json.dumps(list(ids))}).scalar_one()
        return {row[0]: addressee_of(row) for row in rows_in(found)}

    def by_address(self, address: str) -> Customer | None:
        return self.by_key(email_key(address))

    def by_key(self, key: str) -> Customer | None:
        """That with this normalised address."""
        return next(iter(self._where(customers.c.email_key == key)), None)

    def by_external_id(self, external_id: str) -> Customer | None:
        return next(iter(self._where(customers.c.external_id == external_id)), None)

    def by_reference(self, number_or_external_id: str) -> list[Customer]:
        """Everyone whose external id this is and, for a number, whose id it is."""
        return list(self._where(_referred(customers, number_or_external_id)))

    def of_network(self, numbers: Collection[str], keys: Collection[str]) -> list[Customer]:
        """Those whom the network calls by one of these numbers, or who have one of these normalised addresses."""
        wanted = {customers.c.external_id: numbers, customers.c.email_key: keys}
        found = [
            customer for column, values in wanted.items() if values for customer in self._where(column.in_(values))
        ]
        return list({customer.id: customer for customer in found}.values())

    def of_memberships(self, external_ids: Collection[str]) -> dict[str, Customer]:
        """Whose the network's memberships of these ids are."""
        if not external_ids:
            return {}
        wanted = memberships.c.external_id.in_(external_ids)
        rows = self._execute(select(memberships.c.external_id, memberships.c.customer_id).where(wanted)).all()
        owners = {customer.id: customer for customer in self.by_ids({row.customer_id for row in rows})}
        return {row.external_id: owners[row.customer_id] for row in rows}

    def matching(self, typed: str, limit: int | None) -> list[Customer]:
        """The first customers, by id, in whose name or address every typed word begins a word."""
        words = search.words_of(typed)
        if not words:
            return [] if typed.strip() else list(self.all(limit))
        return self.by_ids(search.customer_ids(self._session, words, limit))

    def number_matching(self, typed: str, cap: int) -> int:
        """How many match, counted up to `cap`."""
        words = search.words_of(typed)
        if words:
            return len(search.customer_ids(self._session, words, cap))
        if typed.strip():
            return 0
        counted = select(func.count()).select_from(select(customers.c.id).limit(cap).subquery())
        return int(self._execute(counted).scalar_one())

    def all(self, limit: int | None = None) -> Iterator[Customer]:
        """By id, streamed."""
        return self._where(limit=limit)

    def number(self) -> int:
        return int(self._execute(select(func.count()).select_from(customers)).scalar_one())

    def attribute_names(self) -> list[str]:
        """Every attribute that any customer ever had."""
        return list(self._execute(select(attribute_names.c.name).order_by(attribute_names.c.name)).scalars())

    def has_delivery_on_the_wire(self, customer_id: int) -> bool:
        sending = deliveries.c.status == DeliveryStatus.SENDING
        found = select(deliveries.c.id).where(deliveries.c.customer_id == customer_id, sending).limit(1)
        return self._execute(found).first() is not None

    def delete(self, customer_id: int) -> None:
        """Delete a customer with their memberships and dismissals, and every target that names them."""
        named = (targets.c.kind == TargetKind.CUSTOMER) & (targets.c.ref_id == customer_id)
        self._execute(delete(targets).where(named))
        self._execute(delete(customers).where(customers.c.id == customer_id))

    def _where(self, *conditions: ColumnElement[bool], limit: int | None = None) -> Iterator[Customer]:
        rows = self._execute(
            select(customers).where(*conditions).order_by(customers.c.id).limit(limit),
            execution_options={"yield_per": 1000},
        )
        return map(customer_of, rows)


class Products:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._execute = session.connection().execute

    def get(self, product_id: int) -> Product | None:
        return next(iter(self._where(products.c.id == product_id)), None)

    def by_slug(self, slug: str) -> Product | None:
        return next(iter(self._where(products.c.slug == slug)), None)

    def by_reference(self, text: str) -> list[Product]:
        """Everything whose slug or external id this is and, for a number, whose id it is."""
        return list(self._where(or_(products.c.slug == text.lower(), _referred(products, text))))

    def matching(self, typed: str) -> list[Product]:
        """The products, by slug, in whose name or slug every typed word begins a word."""
        words = search.words_of(typed)
        if typed.strip() and not words:
            return []
        found = search.product_ids(self._session, words)
        return list(self._where(products.c.id.in_(found)))

    def all(self) -> list[Product]:
        return list(self._where())

    def add(self, product: Product) -> Product:
        """Store a new product; its `id` of 0 is replaced by the one it gets."""
        values = {
            "external_id": product.external_id,
            "slug": product.slug,
            "name": product.name,
            "type": product.type.value,
            "active": product.active,
        }
        done = self._execute(insert(products).values(values))
        return replace(product, id=(done.inserted_primary_key or [0])[0])

    def deactivate(self, product_ids: Collection[int]) -> None:
        """They are not sold any more; what was sent to those who have them stays true."""
        self._execute(update(products).where(products.c.id.in_(listed(product_ids))).values(active=False))

    def members(self, product_id: int) -> dict[MembershipStatus, int]:
        """How many memberships a product has, by status."""
        rows = self._execute(
            select(memberships.c.status, func.count())
            .where(memberships.c.product_id == product_id)
            .group_by(memberships.c.status)
        )
        return {MembershipStatus(status): number for status, number in rows}

    def _where(self, *conditions: ColumnElement[bool]) -> Iterator[Product]:
        return map(product_of, self._execute(select(products).where(*conditions).order_by(products.c.slug)))


@cache
def _addressees(fields: frozenset[str]) -> Select[Any]:
    """Built once: it runs with every window that is claimed."""
    return rows_as_one(
        select(*columns_of_addressee(customers, fields)).where(customers.c.id.in_(listed_as("ids")), still_there())
    )


class Memberships:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def list(
        self,
        *,
        customer_id: int | None = None,
        product_id: int | None = None,
        status: MembershipStatus | None = None,
        limit: int | None = None,
    ) -> Iterator[tuple[Membership, str, str]]:
        """Memberships by id, streamed, each with its customer's address and its product's slug."""
        wanted = {"customer_id": customer_id, "product_id": product_id, "status": status}
        rows = self._execute(
            select(memberships, customers.c.email, products.c.slug)
            .join_from(memberships, customers, customers.c.id == memberships.c.customer_id)
            .join(products, products.c.id == memberships.c.product_id)
            .where(*(memberships.c[name] == value for name, value in wanted.items() if value is not None))
            .order_by(memberships.c.id)
            .limit(limit),
            execution_options={"yield_per": 1000},
        )
        return ((membership_of(row), row.email, row.slug) for row in rows)

    def delete(self, membership_ids: Collection[int]) -> None:
        self._execute(delete(memberships).where(memberships.c.id.in_(listed(membership_ids))))


def _referred(table: Any, text: str) -> ColumnElement[bool]:
    by_external: ColumnElement[bool] = table.c.external_id == text
    number = number_in(text)
    return by_external if number is None else or_(by_external, table.c.id == number)


def number_in(text: str) -> int | None:
    """The id that a reference may be."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
