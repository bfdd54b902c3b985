"""What an import reads, and what becomes of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ummsg.errors import InvalidInput
from ummsg.vocabulary import MembershipStatus


class Cells(NamedTuple):
    """A row: the physical line on which it starts, its cells, and what it looked like if that was something else."""

    line: int
    cells: Sequence[str]
    original: str | None = None


class CustomerRecord(NamedTuple):
    """A checked row. None means that the file does not say; empty text clears what is stored.

    `registered_at` and `attributes` are as the database keeps them, so that a million rows go there as they are.
    """

    wanted_id: int | None
    external_id: str | None
    email: str
    email_key: str
    name: str | None
    locale: str | None
    timezone: str | None
    registered_at: str | None
    email_verification: str | None
    attributes: str
    products: Sequence[tuple[str, MembershipStatus]]
    row: Cells


class ProductRecord(NamedTuple):
    """As CustomerRecord, for a product; `type` and `active` as the database keeps them."""

    row: Cells
    wanted_id: int | None
    external_id: str | None
    slug: str
    name: str | None
    type: str | None
    active: bool | None


class MembershipRecord(NamedTuple):
    """As CustomerRecord, for a membership; `customer` and `product` are REFs."""

    row: Cells
    external_id: str | None
    customer: str
    product: str
    status: str | None
    starts_at: str | None
    expires_at: str | None


class Rejected(NamedTuple):
    row: Cells
    reason: str


@dataclass(slots=True)
class KnownCustomer:
    """A stored customer as an import compares it, field by field as the database keeps it."""

    id: int
    external_id: str | None
    email: str
    email_key: str
    name: str
    locale: str
    timezone: str
    registered_at: str | None
    email_verification: str
    attributes: str


def identify(
    record: CustomerRecord, by_external_id: Mapping[str, KnownCustomer], by_key: Mapping[str, KnownCustomer]
) -> KnownCustomer | None:
    """The customer that a row is about; None if it is a new one.

    The external id decides; a customer without one is adopted by the first row with their address that has. Raises
    InvalidInput for an address that belongs to somebody else.
    """
    owner = by_key.get(record.email_key)
    if record.external_id is None:
        return owner
    known = by_external_id.get(record.external_id)
    if known is not None:
        if owner is not None and owner is not known:
            raise InvalidInput(f"the address {record.email} belongs to {_called(owner)}")
        return known
    if owner is not None and owner.external_id is not None:
        raise InvalidInput(f"the address {record.email} belongs to {_called(owner)}, not to {record.external_id}")
    return owner


def _called(known: KnownCustomer) -> str:
    return f"customer {known.id}" if known.external_id is None else f"the customer with the id {known.external_id}"


def inserted(record: CustomerRecord, customer_id: int) -> KnownCustomer:
    """The customer that a new row becomes."""
    nobody = KnownCustomer(customer_id, None, "", "", "", "", "", None, "", "{}")
    return changed(nobody, record)


def changed(known: KnownCustomer, record: CustomerRecord) -> KnownCustomer:
    """The customer as the row wants it; equal to `known` if the row says nothing new."""
    return KnownCustomer(
        id=known.id,
        external_id=record.external_id or known.external_id,
        email=record.email,
        email_key=record.email_key,
        name=_said(record.name, known.name),
        locale=_said(record.locale, known.locale),
        timezone=_said(record.timezone, known.timezone),
        registered_at=known.registered_at if record.registered_at is None else record.registered_at or None,
        email_verification=_said(record.email_verification, known.email_verification),
        attributes=_merged(known.attributes, record.attributes),
    )


def _said(new: str | None, old: str) -> str:
    return old if new is None else new


def _merged(old: str, new: str) -> str:
    """One JSON object with the names of both; the old text itself if that changes nothing."""
    if new in (old, "{}"):
        return old
    before = json.loads(old)
    after = before | json.loads(new)
    return old if after == before else json.dumps(after, ensure_ascii=False)
