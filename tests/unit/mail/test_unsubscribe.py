"""Addresses to unsubscribe at, and the signed tokens in them."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from tests.unit.mail.settings import settings
from ummsg.domain.customer import email_key
from ummsg.errors import NotConfigured
from ummsg.mail.feedback_id import feedback_id
from ummsg.mail.unsubscribe import Unsubscribing, Unsubscription

URL = "https://example.com/u"
BOTH = Unsubscribing.from_settings(settings(UNSUBSCRIBE_URL=f"{URL}/", UNSUBSCRIBE_MAILTO="stop+now@example.com"))


def test_the_token_is_the_last_part_of_the_path_and_in_the_subject() -> None:
    by_click, by_mail = BOTH.addresses(12, 7, "anna@example.com")

    token = by_click.removeprefix(f"{URL}/")
    assert re.fullmatch(r"[A-Za-z0-9._-]+", token)
    assert BOTH.read(token) == Unsubscription(12, 7, "anna@example.com")
    address, _, subject = unquote(by_mail).partition("?subject=")
    assert (address, subject) == ("mailto:stop+now@example.com", f"unsubscribe {token}")


def test_one_way_or_none() -> None:
    only_click = Unsubscribing.from_settings(settings(UNSUBSCRIBE_URL=URL))
    only_mail = Unsubscribing.from_settings(settings(UNSUBSCRIBE_MAILTO="stop@example.com"))
    none = Unsubscribing.from_settings(settings(SECRET_KEY=""))

    assert [uri.partition(":")[0] for uri in only_click.addresses(1, 1, "a@b.c")] == ["https"]
    assert [uri.partition(":")[0] for uri in only_mail.addresses(1, 1, "a@b.c")] == ["mailto"]
    assert none.addresses(1, 1, "a@b.c") == ()


@given(email=st.emails())
def test_any_address_comes_back_normalised_and_fits_a_line(email: str) -> None:
    (by_click, _) = BOTH.addresses(2**40, 2**40, email)

    assert BOTH.read(by_click.removeprefix(f"{URL}/")) == Unsubscription(2**40, 2**40, email_key(email))
    assert len(by_click) < 900 - 200


def test_an_address_of_another_script_fits_a_line() -> None:
    (by_click, by_mail) = BOTH.addresses(2**40, 2**40, "ü" * 127)

    assert BOTH.read(by_click.removeprefix(f"{URL}/")) == Unsubscription(2**40, 2**40, "ü" * 127)
    assert by_click.isascii()
    assert by_mail.isascii()


def test_a_token_that_is_not_ours_says_nothing() -> None:
    token = BOTH.token(Unsubscription(12, 7, "anna@example.com"))
    other_key = Unsubscribing.from_settings(settings(SECRET_KEY="other", UNSUBSCRIBE_URL=URL))
    other_purpose = URLSafeSerializer(BOTH.key, salt="ummsg.feed").dumps([12, 7, "anna@example.com"])

    for forged in (
        "",
        ".",
        "x",
        token[:-1],
        f"{token}a",
        token.swapcase(),
        other_purpose,
        f"{token}.{token}",
        "é",
        "\ud800",
    ):
        assert BOTH.read(forged) is None, ascii(forged)
    assert other_key.read(token) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/u",
        "example.com/u",
        "https:///u",
        "https://",
        "ftp://example.com",
        "https://example.com/u?token=",
        "https://example.com/u#x",
        "https://user@example.com/u",
        "https://example.com/u>\r\nBcc: x@y.z",
        "https://exämple.com/u",
        "https://[::1/u",
        f"https://example.com/{'u' * 300}",
    ],
)
def test_an_address_that_is_not_https_is_refused(url: str) -> None:
    with pytest.raises(NotConfigured, match="UMMSG_UNSUBSCRIBE_URL"):
        Unsubscribing.from_settings(settings(UNSUBSCRIBE_URL=url))


@pytest.mark.parametrize("mailto", ["stop", "Stop <stop@example.com>", "mailto:stop@example.com?x", "ö@example.com"])
def test_a_mailto_that_is_no_bare_address_is_refused(mailto: str) -> None:
    with pytest.raises(NotConfigured, match="UMMSG_UNSUBSCRIBE_MAILTO"):
        Unsubscribing.from_settings(settings(UNSUBSCRIBE_MAILTO=mailto))


def test_the_key_is_in_no_traceback() -> None:
    assert "a secret of the tests" not in repr(BOTH)


@pytest.mark.parametrize(
    ("name", "domain", "sender"),
    [
        ("Example Network", "example.com", "example-network"),
        ("Åsa's Café & Söner AB", "x.example", "asa-s-cafe-sone"),
        ("山田", "yamada.example", "yamada-example"),
        ("", "a.b", "ummsg"),
    ],
)
def test_the_feedback_id_names_the_broadcast_and_the_network(name: str, domain: str, sender: str) -> None:
    assert feedback_id(12, name, domain) == f"broadcast-12:{sender}"
    assert 5 <= len(sender) <= 15
