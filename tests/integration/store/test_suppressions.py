"""Suppressions and proposals in a real database, and what the drain notes of refusals."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.mail.settings import settings
from ummsg.domain.suppression import Suppression
from ummsg.errors import NotConfigured
from ummsg.services.refusals import Refusals
from ummsg.store.engine import Store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LATER = datetime(2026, 11, 24, tzinfo=UTC)
GONE = "550 5.1.1 no such user"


def of(*addresses: str, reason: str = GONE) -> list[Suppression]:
    return [Suppression(address, reason, NOW) for address in addresses]


def kept(store: Store) -> tuple[list[str], list[str]]:
    """What is suppressed, and what is proposed."""
    with store.read() as tx:
        return [each.email for each in tx.suppressions.all()], [each.email for each in tx.suppressions.proposed()]


def note(store: Store, *refused: tuple[str, str], auto: str = "no") -> int:
    with store.begin() as tx:
        return Refusals(settings(AUTO_SUPPRESS=auto), lambda: NOW).note(tx, refused)


def test_many_at_once_count_the_new_ones(store: Store) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression("A@example.com", "asked", NOW))
        assert tx.suppressions.add_all(of("a@example.com", "b@example.com", "B@example.com", "c@example.com")) == 2
        assert tx.suppressions.add_all([]) == 0
        assert tx.suppressions.reasons(["a@example.com"]) == {"a@example.com": "asked"}


def test_what_is_proposed_is_not_suppressed_until_it_is_accepted(store: Store) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression("a@example.com", "asked", NOW))
        assert tx.suppressions.propose(of("A@example.com", "b@example.com", "c@example.com", "B@example.com")) == 2
        assert tx.suppressions.propose(of("b@example.com", reason="another")) == 0
        assert tx.suppressions.reasons(["b@example.com"]) == {}

        assert tx.suppressions.accept(["b@example.com"], LATER) == ["b@example.com"]
        assert tx.suppressions.reasons(["b@example.com", "c@example.com"]) == {"b@example.com": GONE}
        assert [each.created_at for each in tx.suppressions.all()] == [NOW, LATER]
        assert tx.suppressions.accept(None, LATER) == ["c@example.com"]
        assert tx.suppressions.accept(None, LATER) == []
    assert kept(store) == (["a@example.com", "b@example.com", "c@example.com"], [])


def test_a_hundred_thousand_are_accepted_at_once(store: Store) -> None:
    with store.begin() as tx:
        for chunk in range(20):
            tx.suppressions.propose(of(*(f"c{chunk}-{number}@example.com" for number in range(5_000))))
        assert len(tx.suppressions.accept(None, LATER)) == 100_000


def test_adding_and_removing_settle_a_proposal(store: Store) -> None:
    with store.begin() as tx:
        tx.suppressions.propose(of("a@example.com", "b@example.com"))
        assert tx.suppressions.add(Suppression("A@example.com", "asked", NOW))
        assert tx.suppressions.remove("B@example.com")
        assert not tx.suppressions.remove("b@example.com")
    assert kept(store) == (["A@example.com"], [])


def test_a_refusal_of_the_address_itself_is_proposed_and_no_other(store: Store) -> None:
    noted = note(
        store,
        ("gone@example.com", GONE),
        ("full@example.com", "552 5.2.2 full"),
        ("blocked@example.com", "550 5.7.1 blocked"),
        ("later@example.com", "450 4.1.1 later"),
        ("fine@example.com", "250 2.0.0 Ok"),
    )

    assert noted == 1
    assert kept(store) == ([], ["gone@example.com"])
    assert note(store, ("gone@example.com", GONE)) == 0


def test_with_auto_suppress_it_is_suppressed_at_once(store: Store) -> None:
    assert note(store, ("gone@example.com", GONE), ("full@example.com", "552 5.2.2 full"), auto="yes") == 1
    assert kept(store) == (["gone@example.com"], [])


def test_auto_suppress_is_yes_or_no(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="UMMSG_AUTO_SUPPRESS"):
        Refusals(settings(AUTO_SUPPRESS="perhaps"), lambda: NOW)
