"""Envelope senders that say which delivery they are of, and that nobody else can make."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.settings import settings
from ummsg.domain.delivery import Delivery
from ummsg.errors import NotConfigured
from ummsg.mail.return_path import ReturnPath
from ummsg.vocabulary import DeliveryStatus

PATH = ReturnPath.from_settings(settings(BOUNCE_ADDRESS="bounces@example.com"))
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def delivery(number: int) -> Delivery:
    return Delivery(number, 1, 1, "anna@example.com", DeliveryStatus.SENDING, "a@example.com")


def made(number: int, path: ReturnPath = PATH) -> str:
    return path.of(delivery(number), "hello@example.com")


@given(number=st.integers(min_value=1, max_value=999_999_999_999))
def test_what_is_made_is_read(number: int) -> None:
    address = made(number)

    assert address.startswith(f"bounces+{number}-")
    assert address.endswith("@example.com")
    assert len(address.partition("@")[0]) <= 64
    assert PATH.delivery_id(address) == number
    assert PATH.delivery_id(f" {address.upper()}\n") == number


def test_without_a_bounce_address_or_a_delivery_bounces_go_to_the_sender() -> None:
    nowhere = ReturnPath.from_settings(settings(SECRET_KEY=""))

    assert made(7, nowhere) == "hello@example.com"
    assert nowhere.delivery_id(made(7)) is None
    assert nowhere.delivery_id("+1-aaaaaaaaaaaaaaaa@") is None
    assert PATH.of(None, "hello@example.com") == "hello@example.com"


@given(forged=st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16))
def test_a_forged_one_is_none(forged: str) -> None:
    if forged not in made(7):
        assert PATH.delivery_id(f"bounces+7-{forged}@example.com") is None


def test_a_truncated_or_changed_one_is_none() -> None:
    address = made(7)
    local = address.removesuffix("@example.com")
    for length in range(len(local)):
        assert PATH.delivery_id(f"{local[:length]}@example.com") is None
    for changed in (
        address.replace("+7-", "+8-"),
        address.replace("+7-", "+07-"),
        address.replace("+7-", "+٧-"),
        address.replace("bounces+", "other+"),
        address.replace("example.com", "example.org"),
        f"x{address}",
        f"{address}x",
        address.replace("@", "a@"),
        "",
        "@",
        "bounces@example.com",
        "bounces+@example.com",
    ):
        assert PATH.delivery_id(changed) is None, changed


def test_another_key_makes_another_one() -> None:
    other = ReturnPath.from_settings(settings(SECRET_KEY="another", BOUNCE_ADDRESS="bounces@example.com"))

    assert other.delivery_id(made(7)) is None
    assert other.delivery_id(made(7, other)) == 7


def test_a_bounce_address_with_a_tag_of_its_own() -> None:
    path = ReturnPath.from_settings(settings(BOUNCE_ADDRESS="Mail+bounces@Example.com"))

    assert made(7, path).startswith("Mail+bounces+7-")
    assert path.delivery_id(made(7, path)) == 7


def test_the_key_is_in_no_traceback() -> None:
    assert str(PATH.key) not in repr(PATH)


@pytest.mark.parametrize(
    "address", ["bounces", "Bounces <b@example.com>", "ö@example.com", "a@b.com, c@d.com", f"{'b' * 40}@example.com"]
)
def test_a_bounce_address_that_cannot_be_used(address: str) -> None:
    with pytest.raises(NotConfigured, match="UMMSG_BOUNCE_ADDRESS"):
        ReturnPath.from_settings(settings(BOUNCE_ADDRESS=address))


def test_without_a_secret_key_none_are_made() -> None:
    with pytest.raises(NotConfigured, match="secret key") as refused:
        ReturnPath.from_settings(
            settings(SECRET_KEY="", DATABASE_URL="sqlite:////nonexistent/x.db", BOUNCE_ADDRESS="b@example.com")
        )
    assert refused.value.hint == "ummsg init"
