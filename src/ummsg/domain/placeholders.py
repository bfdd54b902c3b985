"""What a message may refer to: a flat namespace with the original's names."""

from collections.abc import Iterable

from ummsg.domain.customer import Customer

NETWORK = ("network_name", "network_url", "site_name")
CUSTOMER = (
    "customer_id",
    "customer_name",
    "customer_user_email",
    "customer_email_verification",
    "customer_locale",
    "customer_timezone",
)
ATTRIBUTE_PREFIX = "customer_"


def known_placeholders(attribute_names: Iterable[str]) -> list[str]:
    """Every name that a message to customers with these attributes may use."""
    return [*CUSTOMER, *NETWORK, *(ATTRIBUTE_PREFIX + name for name in sorted(attribute_names))]


def values_for(customer: Customer, *, network_name: str, network_url: str) -> dict[str, str]:
    """The values of every placeholder for one customer; what nobody knows is absent or empty."""
    attributes = {ATTRIBUTE_PREFIX + name: str(value) for name, value in customer.attributes.items()}
    return attributes | {
        "customer_id": customer.external_id or str(customer.id),
        "customer_name": customer.name,
        "customer_user_email": customer.email,
        "customer_email_verification": customer.email_verification,
        "customer_locale": customer.locale,
        "customer_timezone": customer.timezone,
        "network_name": network_name,
        "network_url": network_url,
        "site_name": network_name,
    }
