"""Whom an event is about: looked up in the directory, for many events at once."""

from collections.abc import Sequence

from ummsg.domain.address import checked_address, shown
from ummsg.domain.customer import Customer, email_key
from ummsg.domain.event import Payload
from ummsg.errors import InvalidInput
from ummsg.store.engine import Transaction


class NoTarget(Exception):
    """An event names nobody to whom an email could go."""


class Targets:
    """The customers whom some payloads name, by each of the names that a payload may use."""

    def __init__(
        self, customers: Sequence[Customer], by_membership: dict[str, Customer], *, directory_first: bool
    ) -> None:
        # The network's numbers, and never our own: they would name somebody else.
        self._by_number = {customer.external_id: customer for customer in customers if customer.external_id}
        self._by_key = {email_key(customer.email): customer for customer in customers}
        self._by_membership = by_membership
        self._directory_first = directory_first

    @classmethod
    def of(cls, tx: Transaction, payloads: Sequence[Payload], *, directory_first: bool = False) -> "Targets":
        """`directory_first`: the directory's address is newer than the one in these payloads."""
        numbers = {_text(payload, "customer_id") for payload in payloads} - {""}
        keys = {email_key(_text(payload, "customer_user_email")) for payload in payloads} - {""}
        memberships = {_text(payload, "membership_id") for payload in payloads} - {""}
        customers = tx.customers.of_network(numbers, keys)
        return cls(customers, tx.customers.of_memberships(memberships), directory_first=directory_first)

    def address(self, payload: Payload) -> tuple[str, Customer | None]:
        """The address that the event is for, and the customer whose it is, if the directory knows them.

        The event's own address comes first: as a rule it is the newest. Raises NoTarget, also for an address that is
        another customer's than the one whom the event names.
        """
        number, address = _text(payload, "customer_id"), _checked(_text(payload, "customer_user_email"))
        named, owner = self._by_number.get(number), self._by_key.get(email_key(address))
        if named is not None and owner is not None and named.id != owner.id:
            raise NoTarget(f"customer_id {number} is {named.label}, and customer_user_email is {owner.label}'s")
        if address and not (named and self._directory_first):
            return address, named or owner
        if named is not None:
            return named.email, named
        if number:
            raise NoTarget(
                f"customer_id {shown(number)} is nobody in the directory, and there is no customer_user_email"
            )
        if customer := self._by_membership.get(membership := _text(payload, "membership_id")):
            return customer.email, customer
        nor = f", and membership_id {shown(membership)} is nobody's" if membership else ""
        raise NoTarget(f"the event names no customer: neither customer_id nor customer_user_email{nor}")

    def customer_if_known(self, payload: Payload) -> Customer | None:
        """The customer whom the event is about, for what an admin is told of them."""
        try:
            return self.address(payload)[1]
        except NoTarget:
            return None


def _checked(address: str) -> str:
    """The form in which an address is kept; an event may carry one that its kind does not know, unchecked."""
    try:
        return checked_address(address) if address else ""
    except InvalidInput as error:
        raise NoTarget(f"customer_user_email: {error.what}") from None


def _text(payload: Payload, name: str) -> str:
    value = payload.get(name)
    return "" if value is None else str(value).strip()
