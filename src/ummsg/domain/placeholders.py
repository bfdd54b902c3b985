"""What a message may refer to: a flat namespace with the original's names."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

from ummsg.domain.customer import Customer

NETWORK = ("network_name", "network_url", "site_name")
_FIELD_OF = {
    "customer_id": "external_id",
    "customer_name": "name",
    "customer_user_email": "email",
    "customer_email_verification": "email_verification",
    "customer_locale": "locale",
    "customer_timezone": "timezone",
}
CUSTOMER = tuple(_FIELD_OF)
ATTRIBUTE_PREFIX = "customer_"

Read = Callable[[Customer], str | None]
"""Reads the value of a placeholder for one customer."""


def known_placeholders(attribute_names: Iterable[str]) -> list[str]:
    """Every name that a message to customers with these attributes may use."""
    return [*CUSTOMER, *NETWORK, *(ATTRIBUTE_PREFIX + name for name in sorted(attribute_names))]


def fields_of(names: Iterable[str]) -> frozenset[str]:
    """The fields of a customer that these placeholders are made of."""
    return frozenset(_FIELD_OF.get(name, "attributes") for name in names if name not in NETWORK)


def readers_of(names: Iterable[str], *, network_name: str, network_url: str) -> dict[str, Read]:
    """How each of these placeholders is read, customer after customer."""
    of_network = {"network_name": network_name, "network_url": network_url, "site_name": network_name}
    return {name: _constant(of_network[name]) if name in of_network else _reader(name) for name in names}


def values_for(customer: Customer, *, network_name: str, network_url: str) -> dict[str, str]:
    """The values of every placeholder for one customer; what nobody knows is absent or empty."""
    names = known_placeholders(customer.attributes)
    return read(readers_of(names, network_name=network_name, network_url=network_url), customer)


def read(readers: Mapping[str, Read], customer: Customer) -> dict[str, str]:
    """The values that one customer has."""
    return {name: value for name, reader in readers.items() if (value := reader(customer)) is not None}


def _reader(name: str) -> Read:
    if name == "customer_id":
        return lambda customer: customer.external_id or str(customer.id)
    if name in _FIELD_OF:
        return attrgetter(_FIELD_OF[name])
    attribute = name.removeprefix(ATTRIBUTE_PREFIX)
    return lambda customer: None if (value := customer.attributes.get(attribute)) is None else str(value)


def _constant(value: str) -> Read:
    return lambda _: value
