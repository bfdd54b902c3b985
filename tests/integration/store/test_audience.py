"""Who is in an audience, and how often."""

from collections.abc import Set as AbstractSet

import pytest

from ummsg.domain.audience import Audience, Target
from ummsg.domain.suppression import Suppression
from ummsg.store.engine import Store
from ummsg.vocabulary import MembershipStatus

from .conftest import NOW, Network

PRO, AGENCY = 1, 2
ANNA, BO, CLEO, DAN = 1, 2, 3, 4


@pytest.fixture(autouse=True)
def members(network: Network) -> None:
    """Anna has both products, Bo has one on trial, Cleo's has expired, Dan has none."""
    network.customers("Anna", "Bo", "Cleo", "Dan")
    network.products("pro", "agency")
    network.member(ANNA, PRO)
    network.member(ANNA, AGENCY)
    network.member(BO, PRO, MembershipStatus.TRIALING)
    network.member(CLEO, PRO, MembershipStatus.EXPIRED)


def names(store: Store, *targets: Target, statuses: tuple[MembershipStatus, ...] = ()) -> list[str]:
    with store.read() as tx:
        return [customer.name for customer in tx.audiences.recipients(Audience.of(targets, statuses))]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([Target.product(PRO)], ["Anna", "Bo"]),
        ([Target.product(PRO), Target.product(AGENCY)], ["Anna", "Bo"]),
        ([Target.product(AGENCY), Target.customer(DAN)], ["Anna", "Dan"]),
        ([Target.product(AGENCY), Target.customer(ANNA)], ["Anna"]),
        ([Target.everyone()], ["Anna", "Bo", "Cleo", "Dan"]),
        ([Target.everyone(), Target.customer(DAN), Target.product(PRO)], ["Anna", "Bo", "Cleo", "Dan"]),
        ([Target.product(4711)], []),
        ([Target.customer(4711)], []),
        ([], []),
    ],
)
def test_each_customer_once_whatever_matches(store: Store, targets: list[Target], expected: list[str]) -> None:
    assert names(store, *targets) == expected


def test_memberships_that_do_not_count_are_reached_by_saying_so(store: Store) -> None:
    assert names(store, Target.product(PRO), statuses=(MembershipStatus.EXPIRED,)) == ["Cleo"]


def test_several_memberships_of_one_product_are_one_recipient(store: Store, network: Network) -> None:
    network.member(ANNA, PRO)

    assert names(store, Target.product(PRO)) == ["Anna", "Bo"]


def test_the_count_adds_up(store: Store) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression("BO@example.com", "complained", NOW))
    with store.read() as tx:
        count = tx.audiences.count(Audience.of([Target.product(PRO), Target.product(AGENCY), Target.customer(ANNA)]))

    assert {target.label: target.customers for target in count.targets} == {
        "Anna <anna@example.com>": 1,
        "Pro (pro)": 2,
        "Agency (agency)": 1,
    }
    assert (count.matched, count.recipients, count.left_out, count.duplicates) == (4, 1, 1, 2)
    assert count.suppressed == {"complained": 1}


def grouped(store: Store, variables: set[str], weighed: AbstractSet[str] = frozenset()) -> list[tuple[str, int]]:
    with store.read() as tx:
        groups = tx.audiences.groups(Audience.of([Target.everyone()]), variables, weighed)
        return [(customer.name, number) for customer, number in groups]


def test_who_has_a_value_and_who_lacks_one_are_two_groups(store: Store, network: Network) -> None:
    network.customers("Eve", "Gus", city="Lund")
    network.customers("Finn", city="")
    network.customers("Hal", city="Malmö")

    assert grouped(store, {"customer_city"}) == [("Anna", 5), ("Eve", 3)]
    assert grouped(store, {"customer_city"}, {"customer_city"}) == [("Anna", 5), ("Eve", 2), ("Hal", 1)]
    assert grouped(store, {"customer_user_email", "network_name"}) == [("Anna", 8)]
    assert len(grouped(store, {"customer_id"}, {"customer_id"})) == 8
    with store.read() as tx:
        audience = Audience.of([Target.everyone()])
        eve = tx.customers.by_address("eve@example.com")
        assert eve is not None
        alike = tx.audiences.alike(audience, {"customer_city"}, set(), eve.id, 9)
        same = tx.audiences.alike(audience, {"customer_city"}, {"customer_city"}, eve.id, 9)
    assert [one.name for one in alike] == ["Eve", "Gus", "Hal"]
    assert [one.name for one in same] == ["Eve", "Gus"]


@pytest.mark.parametrize("blank", [" ", "\u00a0 ", "\n\t", "\u2003"])
def test_what_is_nothing_but_blanks_is_a_group_of_its_own(store: Store, network: Network, blank: str) -> None:
    network.customers("Eve", city=blank)
    network.customers("Finn", city=f"{blank}Lund")
    network.customers("Gus", city="Ö")
    assert grouped(store, {"customer_city"}) == [("Anna", 4), ("Eve", 1), ("Finn", 2)]


def test_the_suppressed_and_those_outside_are_in_no_group(store: Store) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression("BO@example.com", "complained", NOW))
    assert grouped(store, set()) == [("Anna", 3)]
    with store.read() as tx:
        assert list(tx.audiences.groups(Audience.of([Target.product(999)]), set(), set())) == []


def test_a_name_that_is_an_attack_is_only_a_name(store: Store) -> None:
    assert grouped(store, {"customer_x\"') OR 1=1 --"}) == [("Anna", 4)]
