"""Customers as a drain reads them: what a message's placeholders are made of, and nothing else."""

import pytest
from sqlalchemy import insert

from ummsg.domain.customer import Customer
from ummsg.domain.placeholders import CUSTOMER, NETWORK, fields_of, readers_of
from ummsg.store.engine import Store
from ummsg.store.tables import CustomerRow, table_of
from ummsg.vocabulary import EmailVerification

from .conftest import NOW

ANNA = Customer(
    1,
    "wp-7",
    "anna@example.com",
    "Anna Ek",
    "sv_SE",
    "Europe/Stockholm",
    NOW,
    EmailVerification.VERIFIED,
    {"city": "Umeå", "plan": "äpple"},
)
NAMES = (*CUSTOMER, *NETWORK, "customer_city", "customer_plan", "customer_unknown")


@pytest.fixture
def anna(store: Store) -> None:
    values = ANNA._asdict() | {"email_key": ANNA.email, "email_verification": ANNA.email_verification.value}
    with store.begin() as tx:
        tx.session.connection().execute(insert(table_of(CustomerRow)), values)


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize("name", NAMES)
def test_every_placeholder_is_what_it_is_of_the_whole_customer(store: Store, name: str) -> None:
    with store.read() as tx:
        addressee = tx.customers.addressees([1], fields_of([name]))[1]
        whole = tx.customers.get(1)
    read = readers_of([name], network_name="Net", network_url="https://net.example")[name]

    assert whole == ANNA
    assert read(addressee) == read(whole)


@pytest.mark.usefixtures("anna")
def test_what_no_placeholder_is_made_of_is_not_read(store: Store) -> None:
    with store.read() as tx:
        found = tx.customers.addressees([1, 2], frozenset())

    assert found == {1: Customer(1, None, "anna@example.com", "Anna Ek")}
