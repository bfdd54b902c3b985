"""Which of the things that a report says is about a delivery, and about whose address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.bounce import Notification, Verdict, bounce_of
from ummsg.domain.delivery import Delivery
from ummsg.vocabulary import DeliveryStatus

GONE = Notification(Verdict.FAILED, "550 5.1.1 no such user", "gone@example.org")
OURS = Notification(Verdict.DELAYED, "451 4.4.1 timed out", "Anna@Example.com")
NAMELESS = Notification(Verdict.FAILED, "5.1.1")


def to(address: str) -> Delivery:
    return Delivery(1, 1, 1, address, DeliveryStatus.SENT, "id@example.com")


@pytest.mark.parametrize(
    ("said", "verdict", "of_recipient"),
    [
        ([GONE], Verdict.FAILED, False),
        ([OURS], Verdict.DELAYED, True),
        ([GONE, OURS], Verdict.DELAYED, True),
        ([NAMELESS], Verdict.FAILED, True),
        ([OURS, NAMELESS], Verdict.FAILED, True),
        ([Notification(Verdict.OTHER, "2.0.0", "list@example.org"), GONE], Verdict.FAILED, False),
    ],
)
def test_the_gravest_of_what_is_about_the_recipient_or_else_of_all(
    said: list[Notification], verdict: Verdict, of_recipient: bool
) -> None:
    bounce = bounce_of("digest", to("anna@example.com"), said)

    assert (bounce.verdict, bounce.of_recipient) == (verdict, of_recipient)


@pytest.mark.parametrize(
    ("kept", "reported"),
    [
        ("anna@example.com", "ANNA@example.COM"),
        ("anna@ex\xe4mple.com", "anna@xn--exmple-cua.com"),
        ("\xe5sa@example.com", "A\u030asa@example.com"),
        ("anna@localhost", "Anna@localhost"),
    ],
)
def test_one_address_in_two_spellings(kept: str, reported: str) -> None:
    assert Notification(Verdict.FAILED, "", reported).is_about(kept)


@given(reported=st.text(min_size=1))
def test_any_text_may_stand_where_an_address_should(reported: str) -> None:
    assert not Notification(Verdict.FAILED, "", f"x{reported}").is_about("anna@example.com")
