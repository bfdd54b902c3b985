"""Who is in an audience, and how often."""

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


def test_who_lacks_a_value(store: Store, network: Network) -> None:
    network.customers("Eve", city="Lund")
    network.customers("Finn", city="")
    with store.read() as tx:
        lacking = [c.name for c in tx.audiences.lacking(Audience.of([Target.everyone()]), {"customer_city"})]
        nobody = list(tx.audiences.lacking(Audience.of([Target.everyone()]), {"customer_user_email", "network_name"}))

    assert lacking == ["Anna", "Bo", "Cleo", "Dan", "Finn"]
    assert nobody == []


def test_a_name_that_is_an_attack_is_only_a_name(store: Store) -> None:
    with store.read() as tx:
        lacking = list(tx.audiences.lacking(Audience.of([Target.everyone()]), {"customer_x\"') OR 1=1 --"}))

    assert len(lacking) == 4
