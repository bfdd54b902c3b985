"""Adding and deleting, one at a time."""

import pytest

from tests.integration.directory.conftest import NOW, Database, Imports
from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.errors import DatabaseBusy, InvalidInput, UnknownReference
from ummsg.services.directory import Directory
from ummsg.store.engine import Store
from ummsg.vocabulary import BroadcastStatus, BroadcastType, DeliveryStatus, MembershipStatus, ProductType


def test_a_customer_is_added_and_found(directory: Directory, database: Database) -> None:
    added = directory.add_customer("Anna@Example.com", " Anna ")

    assert (added.email, added.name) == ("Anna@example.com", "Anna")
    assert directory.search_customers("ann").items == [added]
    database.check_index()


@pytest.mark.parametrize(
    ("email", "name", "said"),
    [
        ("a@b\r\nBcc: x@y", "", "line break"),
        ("bad", "", "not an address"),
        ("b@example.com", "Bo\nBcc: x", "name: has a line break"),
        ("ANNA@example.com", "", "There is a customer with the address anna@example.com"),
    ],
)
def test_one_that_cannot_be_is_not(directory: Directory, database: Database, email: str, name: str, said: str) -> None:
    directory.add_customer("anna@example.com")
    before = database.dump()

    with pytest.raises(InvalidInput, match=said):
        directory.add_customer(email, name)

    assert database.dump() == before


def test_a_product_is_added_once(directory: Directory) -> None:
    added = directory.add_product("Pro", "Pro plan", ProductType.SERVICE)

    assert directory.product("pro") == added
    assert added.type is ProductType.SERVICE
    with pytest.raises(InvalidInput, match="There is a product pro"):
        directory.add_product("pro")
    with pytest.raises(InvalidInput, match="not a slug"):
        directory.add_product("a b")


def test_who_is_on_a_product(directory: Directory, imports: Imports) -> None:
    imports.products("slug\npro\nempty\n")
    imports.customers(
        "email,products\na@example.com,pro:expired\nb@example.com,pro:trialing\nc@example.com,pro:expired\n"
    )

    assert directory.members(directory.product("pro")) == {MembershipStatus.EXPIRED: 2, MembershipStatus.TRIALING: 1}
    assert directory.members(directory.product("empty")) == {}


class TestDeleting:
    @pytest.fixture(autouse=True)
    def broadcast(self, imports: Imports, store: Store) -> int:
        """One to Anna and Bo, frozen."""
        imports.products("slug\npro\n")
        imports.customers("email,products\nanna@example.com,pro\nbo@example.com,pro\n")
        audience = Audience.of([Target.customer(1), Target.customer(2)])
        draft = BroadcastDraft(BroadcastType.EMAIL, audience, "Hello", "Hello you")
        with store.begin() as tx:
            broadcast = tx.broadcasts.add(draft, BroadcastStatus.FREEZING, NOW)
            assert tx.outbox.freeze_chunk(broadcast.id, audience, "example.com", NOW)
            tx.outbox.finish_freezing(broadcast.id, NOW)
        return broadcast.id

    def test_what_waits_is_cancelled_and_the_ledger_kept(
        self, directory: Directory, store: Store, broadcast: int, database: Database
    ) -> None:
        cancelled = directory.delete_customer(directory.customer("anna@example.com"))

        assert cancelled == 1
        with store.read() as tx:
            anna, bo = tx.outbox.deliveries(broadcast)
            targets = tx.broadcasts.get(broadcast).draft.audience.targets
        assert (anna.status, anna.reply, anna.customer_id) == (DeliveryStatus.CANCELLED, "customer deleted", None)
        assert anna.email == "anna@example.com"
        assert bo.status is DeliveryStatus.QUEUED
        assert targets == (Target.customer(2),)
        assert [email for _, email, _ in directory.memberships()] == ["bo@example.com"]
        with pytest.raises(UnknownReference):
            directory.customer("anna@example.com")
        database.check_index()

    def test_not_while_a_message_is_on_the_wire(
        self, directory: Directory, store: Store, broadcast: int, database: Database
    ) -> None:
        with store.begin() as tx:
            assert tx.outbox.claim(broadcast, "token", NOW)
        before = database.dump()

        with pytest.raises(DatabaseBusy, match="is being sent"):
            directory.delete_customer(directory.customer("anna@example.com"))

        assert database.dump() == before

    def test_somebody_who_was_inserted_by_hand(self, directory: Directory, database: Database) -> None:
        database.execute(
            "INSERT INTO customers (email, email_key, name, locale, timezone, email_verification, attributes)"
            " VALUES ('c@example.com', 'c@example.com', 'Cleo', '', '', '', '{}'),"
            "        ('d@example.com', 'd@example.com', 'Dan', '', '', '', '{}')"
        )
        directory.delete_customer(directory.customer("c@example.com"))
        database.execute("UPDATE customers SET name = 'Danny' WHERE email = 'd@example.com'")

        assert [customer.name for customer in directory.search_customers("danny").items] == ["Danny"]
        database.check_index()
