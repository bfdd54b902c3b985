"""What a message may refer to: a flat namespace with the original's names."""

from collections.abc import Callable, Collection, Iterable, Mapping

from ummsg.domain.customer import Customer

NETWORK = ("network_name", "network_url", "site_name")
_OF_CUSTOMER: dict[str, Callable[[Customer], str]] = {
    "customer_id": lambda customer: customer.external_id or str(customer.id),
    "customer_name": lambda customer: customer.name,
    "customer_user_email": lambda customer: customer.email,
    "customer_email_verification": lambda customer: customer.email_verification,
    "customer_locale": lambda customer: customer.locale,
    "customer_timezone": lambda customer: customer.timezone,
}
CUSTOMER = tuple(_OF_CUSTOMER)
ATTRIBUTE_PREFIX = "customer_"


def known_placeholders(attribute_names: Iterable[str]) -> list[str]:
    """Every name that a message to customers with these attributes may use."""
    return [*CUSTOMER, *NETWORK, *(ATTRIBUTE_PREFIX + name for name in sorted(attribute_names))]


def values_for(
    customer: Customer, *, network_name: str, network_url: str, names: Collection[str] | None = None
) -> dict[str, str]:
    """The values of every placeholder, or of these, for one customer; what nobody knows is absent or empty."""
    of_network = {"network_name": network_name, "network_url": network_url, "site_name": network_name}
    if names is None:
        names = [*known_placeholders(customer.attributes)]
    return {name: value for name in names if (value := _value(name, customer, of_network)) is not None}


def _value(name: str, customer: Customer, of_network: Mapping[str, str]) -> str | None:
    if of_customer := _OF_CUSTOMER.get(name):
        return of_customer(customer)
    if name in of_network:
        return of_network[name]
    attribute = customer.attributes.get(name.removeprefix(ATTRIBUTE_PREFIX))
    return None if attribute is None else str(attribute)
