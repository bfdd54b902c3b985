"""Rows as the domain's nouns."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import JSON, ColumnElement, Table, literal, null

from ummsg.domain.customer import Customer, Membership, Product
from ummsg.vocabulary import EmailVerification, MembershipStatus, ProductType

_NOT_VERIFIED = EmailVerification.NONE


def customer_of(row: Any) -> Customer:
    """Of all columns, in their order: a million are read in a broadcast."""
    number, external_id, email, _, name, locale, timezone, registered_at, verification, attributes = row
    verified = EmailVerification(verification or _NOT_VERIFIED)
    return Customer(number, external_id, email, name, locale, timezone, registered_at, verified, attributes)


def columns_of_addressee(customers: Table, fields: Collection[str]) -> list[ColumnElement[Any]]:
    """What `addressee_of` takes. Only number, address, name and these fields are read; the others come empty."""
    empty = {"external_id": null(), "attributes": literal({}, JSON)}
    return [
        customers.c[name] if name in _ALWAYS or name in fields else empty.get(name, literal("")).label(name)
        for name in (*_ALWAYS, "external_id", "locale", "timezone", "email_verification", "attributes")
    ]


_ALWAYS = ("id", "email", "name")


def addressee_of(row: Any) -> Customer:
    """Without when they registered."""
    number, email, name, external_id, locale, timezone, verification, attributes = row
    verified = EmailVerification(verification) if verification else _NOT_VERIFIED
    return Customer(number, external_id, email, name, locale, timezone, None, verified, attributes)


def product_of(row: Any) -> Product:
    return Product(
        id=row.id,
        external_id=row.external_id,
        slug=row.slug,
        name=row.name,
        type=ProductType(row.type or ProductType.PLAN),
        active=row.active,
    )


def membership_of(row: Any) -> Membership:
    return Membership(
        id=row.id,
        external_id=row.external_id,
        customer_id=row.customer_id,
        product_id=row.product_id,
        status=MembershipStatus(row.status),
        starts_at=row.starts_at,
        expires_at=row.expires_at,
    )
