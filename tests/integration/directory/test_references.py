"""REFs: exactly one customer or product, or a refusal that says which there are."""

import pytest

from tests.integration.directory.conftest import Imports
from ummsg.errors import AmbiguousReference, UnknownReference
from ummsg.services.directory import Directory


@pytest.fixture(autouse=True)
def network(imports: Imports) -> None:
    imports.products("id,slug,name\n7,pro,Pro plan\ngold,extra,Extra storage\n")
    imports.customers("email,name\nanna@example.com,Anna Björk\nbo@bücher.example,Bo\n")
    imports.customers("id,email,name\n2,cleo@example.com,Cléo\n900,dan@example.com,Dan\ncus_9,eve@example.com,Eve\n")


@pytest.mark.parametrize(
    ("ref", "email"),
    [
        ("1", "anna@example.com"),
        (" anna@example.com ", "anna@example.com"),
        ("ANNA@EXAMPLE.COM", "anna@example.com"),
        ("bo@xn--bcher-kva.example", "bo@bücher.example"),
        ("900", "dan@example.com"),
        ("cus_9", "eve@example.com"),
    ],
)
def test_an_id_of_ours_an_id_of_the_network_or_an_address(directory: Directory, ref: str, email: str) -> None:
    assert directory.customer(ref).email == email


def test_a_number_that_is_two_customers(directory: Directory) -> None:
    """2 is Bo's id here, and Cléo's in the network."""
    with pytest.raises(AmbiguousReference, match="2 may mean more than one customer") as raised:
        directory.customer("2")

    assert raised.value.details == [
        "Bo <bo@bücher.example>, id 2",
        "Cléo <cleo@example.com>, id 902, external id 2",
    ]
    assert raised.value.hint == "the address instead of 2"


@pytest.mark.parametrize(
    ("ref", "close"),
    [
        ("ann@example.org", ["perhaps Anna Björk <anna@example.com>, id 1"]),
        ("cle", ["perhaps Cléo <cleo@example.com>, id 902, external id 2"]),
        ("42", []),
        ("99999999999999999999999", []),
        ("nobody@example.com", []),
        ('"* NEAR', []),
        ("x\ny@example.com", []),
        ("", []),
    ],
)
def test_nobody(directory: Directory, ref: str, close: list[str]) -> None:
    with pytest.raises(UnknownReference, match="no customer") as raised:
        directory.customer(ref)

    assert raised.value.details == close
    assert raised.value.hint


@pytest.mark.parametrize(
    ("ref", "slug"), [("pro", "pro"), (" PRO ", "pro"), ("7", "pro"), ("gold", "extra"), ("8", "extra")]
)
def test_a_product_by_slug_or_id(directory: Directory, ref: str, slug: str) -> None:
    assert directory.product(ref).slug == slug


def test_a_product_that_there_is_not(directory: Directory) -> None:
    with pytest.raises(UnknownReference) as raised:
        directory.product("prro")

    assert raised.value.details == ["perhaps Pro plan (pro), id 7, external id 7"]


def test_a_number_that_is_two_products(directory: Directory, imports: Imports) -> None:
    imports.products("id,slug\n55,8\n")

    with pytest.raises(AmbiguousReference, match="more than one product") as raised:
        directory.product("8")

    assert len(raised.value.details) == 2


def test_pasted_addresses(directory: Directory) -> None:
    pasted = "Anna <ANNA@example.com>, nobody@example.com;dan@example.com\n\tanna@example.com not-an-address"

    found, unknown = directory.resolve_addresses(pasted)

    assert [customer.email for customer in found] == ["anna@example.com", "dan@example.com"]
    assert unknown == ["nobody@example.com"]
