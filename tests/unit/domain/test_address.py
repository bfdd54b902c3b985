"""Which addresses are valid, and the proof that the quick answer is the careful one."""

import pytest
from email_validator import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from ummsg.domain.address import are_plain, checked_address
from ummsg.domain.customer import email_key
from ummsg.errors import InvalidInput

LOCAL = st.text(st.sampled_from("abzABZ019_+-.'!#"), min_size=1, max_size=66) | st.sampled_from(
    ["info", "SALES", "Www"]
)
LABEL = st.text(st.sampled_from("abzAZ019-"), min_size=1, max_size=65) | st.sampled_from(["xn--bcher-kva", "ab--c"])
TOP = st.sampled_from(["com", "example", "test", "invalid", "localhost", "arpa", "onion", "local", "c0m", "COM", "x1"])
ADDRESS = st.builds(lambda local, labels, top: f"{local}@{'.'.join([*labels, top])}", LOCAL, st.lists(LABEL), TOP)


def careful(address: str) -> str | None:
    try:
        found = validate_email(address, check_deliverability=False, strict=True, test_environment=True)
    except ValueError:
        return None
    return found.normalized


@given(ADDRESS)
@example("info@example.com")
@example("INFO@example.com")
@example(f"{'a' * 64}@example.com")
@example(f"{'a' * 65}@example.com")
@example(f"a@{'a' * 63}.example")
@example(f"a@{'a' * 64}.example")
@example(f"{'a' * 64}@{'.'.join(['b' * 61] * 3)}.com")
@example(f"{'a' * 64}@{'.'.join(['b' * 61] * 3)}.coms")
@example("a@ab--c.example")
@example("a@example.com\n")
def test_the_answer_is_email_validators(address: str) -> None:
    try:
        answer = checked_address(address)
    except InvalidInput:
        assert careful(address.strip(" \t")) is None
    else:
        assert answer == careful(address.strip(" \t"))


@given(st.lists(ADDRESS, min_size=1, max_size=5))
def test_plain_addresses_are_their_own_normal_form_and_key(addresses: list[str]) -> None:
    if are_plain(addresses):
        assert [careful(address) for address in addresses] == addresses
        assert [email_key(address) for address in addresses] == addresses


@pytest.mark.parametrize("address", ["anna.b+c@mail.example.com", "user123456@example.org"])
def test_the_majority_is_plain(address: str) -> None:
    assert are_plain([address])


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        (" anna@example.com\t", "anna@example.com"),
        ("Anna@Example.COM", "Anna@example.com"),
        ("Info@Example.com", "info@example.com"),
        ("jörg@bücher.example", "jörg@bücher.example"),
        ("a@xn--bcher-kva.example", "a@bücher.example"),
        ("jo\u0308rg@example.com", "jörg@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("me@network.test", "me@network.test"),
    ],
)
def test_normal_forms(address: str, normal: str) -> None:
    assert checked_address(address) == normal


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "no address"),
        ("a@b\r\nBcc: x@y", "line break"),
        ("a@example.com\0", r"U\+0000"),
        ("a b@example.com", "not an address"),
        ("Anna <a@example.com>", "not an address"),
        ("a@localhost", "not an address"),
        ("a@shop.local", "not an address"),
        ("a@@example.com", "not an address"),
        ("x" * 400 + "@example.com", "412 characters"),
        ("a\udce9@example.com", "not an address"),
    ],
)
def test_what_is_wrong_is_said(address: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as raised:
        checked_address(address)
    assert "\n" not in raised.value.what
    assert len(raised.value.what) < 400
