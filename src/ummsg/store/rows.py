"""Rows as the domain's nouns."""

from typing import Any

from ummsg.domain.customer import Customer
from ummsg.vocabulary import EmailVerification


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
