"""Headers as names of columns."""

import pytest

from ummsg.errors import InvalidInput
from ummsg.services.imports.columns import Columns
from ummsg.services.imports.customers import CustomerImport


def customers(*headers: str) -> list[str]:
    return CustomerImport().columns.names(headers)


def test_known_columns_in_any_spelling_and_attributes() -> None:
    assert customers("E-Mail address", "EMAIL", "Favourite colour", "Straße") == [
        "e_mail_address",
        "email",
        "favourite_colour",
        "stra_e",
    ]


def test_columns_that_nobody_keeps_are_told() -> None:
    columns = Columns(("slug",), required=["slug"])
    columns.names(["slug", "Price", "Currency"])

    assert columns.ignored == ("currency", "price")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (["name"], "no column email"),
        (["email", "Phone number", "phone_number"], "two columns are called phone_number"),
        (["email", "???"], "no usable name"),
        (["email", "x" * 65], "no usable name"),
        (["email", "user_email"], "customer_user_email already means something"),
    ],
)
def test_headers_that_cannot_be(headers: list[str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        customers(*headers)


def test_a_column_that_is_nearly_right_is_named() -> None:
    with pytest.raises(InvalidInput) as raised:
        customers("name", "e-mail")

    assert raised.value.hint == "rename the column 'e-mail' to email"
