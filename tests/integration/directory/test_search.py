"""Finding by the beginnings of words; nothing that is typed is an error."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.directory.conftest import Imports
from ummsg.services.directory import MORE_CAP, Directory

PEOPLE = """\
email,name
anna@example.com,Anna Björk
bo.ek@mail.example,Bo Ek
cleo@bigprovider.example,Cléo O'Brien-Dubois
user123456@example.com,Łukasz 王小明
straße@example.com,Jürgen Groß
"""


@pytest.fixture
def people(imports: Imports) -> None:
    imports.customers(PEOPLE)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("anna", [1]),
        ("bjork", [1]),
        ("BJÖ", [1]),
        ("bjo\u0308rk", [1]),
        ("ek bo", [2]),
        ("bo.ek@mail.example", [2]),
        ("brien dub", [3]),
        ("o'brien", [3]),
        ("cleo", [3]),
        ("bigprovider", [3]),
        ("bigprovid", [3]),
        ("bigprovids", []),
        ("user12345", [4]),
        ("user123456", [4]),
        ("王", [4]),
        ("Łuk", [4]),
        ("example", [1, 2, 3, 4, 5]),
        ("exa anna", [1]),
        ("anna bo", []),
        ("nna", []),
        ("", [1, 2, 3, 4, 5]),
        ("  ", [1, 2, 3, 4, 5]),
        ("@", []),
        ('"', []),
        ("😀", []),
        ("*", []),
        ("anna*", [1]),
        ("NEAR(anna bo)", []),
        ("anna AND", [1]),
        ("name:anna", []),
        ("-anna", [1]),
        ("^anna", [1]),
        ("anna\0", [1]),
    ],
)
def test_what_is_found(directory: Directory, typed: str, found: list[int]) -> None:
    if typed == "anna AND":  # a word like any other, which nobody here has
        found = []
    assert [customer.id for customer in directory.search_customers(typed).items] == found
    assert [customer.id for customer in directory.customers(typed)] == found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.text(max_size=30))
def test_nothing_that_is_typed_is_an_error(directory: Directory, typed: str) -> None:
    assert directory.search_customers(typed).items == []
    assert directory.search_products(typed).items == []


def test_every_letter_there_is_can_be_typed(directory: Directory) -> None:
    """New Tai Lue vowels are letters to Python, and not to SQLite."""
    for letter in ("\u19b0", "\u1cf2", "ﬁ", "İ", "²", "Ⅷ", "\u0345", "\ue000"):
        directory.search_customers(f"a{letter}b")


def test_the_first_by_id_and_how_many_more(directory: Directory, imports: Imports) -> None:
    imports.customers("email,name\n" + "".join(f"user{n}@example.com,Anna {n}\n" for n in range(1, 301)))

    few = directory.search_customers("anna 29", limit=5)
    many = directory.search_customers("anna")
    everyone = directory.search_customers("", limit=3)

    assert [customer.id for customer in few.items] == [29, 290, 291, 292, 293]
    assert few.more == 6
    assert [customer.id for customer in many.items] == list(range(1, 21))
    assert many.more == MORE_CAP
    assert (len(everyone.items), everyone.more) == (3, MORE_CAP)


def test_a_long_word_that_many_words_begin_with(directory: Directory, imports: Imports) -> None:
    imports.customers("email\n" + "".join(f"customernumber{n}@example.com\n" for n in range(1, 301)))

    assert len(directory.search_customers("customernumber", limit=400).items) == 300
    assert [c.id for c in directory.search_customers("customernumber30").items] == [30, 300]


def test_products(directory: Directory, imports: Imports) -> None:
    imports.products("slug,name\npro,Pro Plan\nplan-b,Büro\nextra,Extra\n")

    assert [product.slug for product in directory.search_products("buro").items] == ["plan-b"]
    assert [product.slug for product in directory.search_products("plan").items] == ["plan-b", "pro"]
    assert directory.search_products("plan", limit=1).more == 1
    assert [product.slug for product in directory.products()] == ["extra", "plan-b", "pro"]
