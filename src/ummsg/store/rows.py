"""Rows as the domain's nouns."""

from typing import Any

from ummsg.domain.customer import Customer, Membership, Product
from ummsg.vocabulary import EmailVerification, MembershipStatus, ProductType


def customer_of(row: Any) -> Customer:
    return Customer(
        id=row.id,
        external_id=row.external_id,
        email=row.email,
        name=row.name,
        locale=row.locale,
        timezone=row.timezone,
        registered_at=row.registered_at,
        email_verification=EmailVerification(row.email_verification or EmailVerification.NONE),
        attributes=row.attributes,
    )


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
