"""The directory's nouns: customers, products and the memberships that tie them."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from ummsg.vocabulary import EmailVerification, MembershipStatus, ProductType


class Customer(NamedTuple):
    """A person who pays. `attributes` holds whatever else the network knows, by placeholder-safe name."""

    id: int
    external_id: str | None
    email: str
    name: str = ""
    locale: str = ""
    timezone: str = ""
    registered_at: datetime | None = None
    email_verification: EmailVerification = EmailVerification.NONE
    attributes: Mapping[str, str] = MappingProxyType({})

    @property
    def label(self) -> str:
        """Name and address, as the picker and every question show a customer."""
        return f"{self.name} <{self.email}>" if self.name else self.email


@dataclass(frozen=True, slots=True)
class Product:
    """A plan, package or service that customers can be members of."""

    id: int
    external_id: str | None
    slug: str
    name: str = ""
    type: ProductType = ProductType.PLAN
    active: bool = True

    @property
    def label(self) -> str:
        return f"{self.name} ({self.slug})" if self.name else self.slug


@dataclass(frozen=True, slots=True)
class Membership:
    """The tie between a customer and a product. The status decides; the dates are for people to read."""

    id: int
    external_id: str | None
    customer_id: int
    product_id: int
    status: MembershipStatus
    starts_at: datetime | None = None
    expires_at: datetime | None = None


def email_key(address: str) -> str:
    """The normalised address: two spellings with one key are one mailbox to us, mailed once.

    The whole address is case-folded. RFC 5321 lets a server tell `Anna@` from `anna@`; none that matters does,
    and mailing one person twice is the worse mistake.
    """
    return unicodedata.normalize("NFC", address).strip().casefold()


_NOT_A_NAME = re.compile(r"\W+", re.ASCII)


def attribute_name(header: str) -> str:
    """A column header as the name of an attribute: `Favourite colour` becomes `favourite_colour`.

    The result is empty for a header without a letter or digit.
    """
    decomposed = unicodedata.normalize("NFKD", header)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _NOT_A_NAME.sub("_", plain).strip("_").lower()
