"""A column at a time and a row at a time give the same records."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ummsg.domain.imported import Cells, CustomerRecord
from ummsg.errors import InvalidInput
from ummsg.services.imports import customers
from ummsg.services.imports.block import Block
from ummsg.services.imports.customers import CustomerImport, customer_record

VALUES = {
    "email": st.sampled_from(
        ["anna@example.com", "bo.ek@mail.example", "Cleo@Example.com", "ö@example.com", "bad", ""]
    ),
    "id": st.sampled_from(["", "1", "007", "cus_9", " 12 ", "x\ny", "99999999999"]),
    "name": st.sampled_from(["Anna Björk", " Bo ", "", "Jean\xa0Luc", "A\nB", "x" * 256, "\udce9"]),
    "locale": st.sampled_from(["de_DE", "de-DE", "", "not one"]),
    "timezone": st.sampled_from(["Europe/Berlin", "", "Nowhere"]),
    "registered_at": st.sampled_from(["2026-01-02", "", "yesterday"]),
    "email_verification": st.sampled_from(["verified", "Pending", "", "perhaps"]),
    "products": st.sampled_from(["", "pro", "pro:trialing; extra", "pro;pro", "pro:dead"]),
    "city": st.sampled_from(["Lund", "", 'a "quoted" \\ one', "one\ntwo", "Malmö", "a\0b", "50 %"]),
    "notes": st.text(max_size=5),
}


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    columns = ["email", *draw(st.lists(st.sampled_from(sorted(set(VALUES) - {"email"})), unique=True))]
    plain = draw(st.booleans())
    rows = draw(st.lists(st.tuples(*(VALUES[name] for name in columns)), min_size=1, max_size=12))
    if plain:
        rows = [("anna@example.com", *row[1:]) for row in rows]
    return Block(columns, [Cells(number, row) for number, row in enumerate(rows, 2)])


def row_by_row(block: Block) -> tuple[list[CustomerRecord], list[tuple[int, str]]]:
    records, rejected = [], []
    for row, values in block:
        try:
            records.append(customer_record(row, values))
        except InvalidInput as error:
            rejected.append((row.line, error.what))
    return records, rejected


@settings(max_examples=400)
@given(blocks())
def test_they_agree(block: Block) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(customers, "FEW", 1)
        records = CustomerImport().records(block)

    expected, rejected = row_by_row(block)
    assert records == expected
    assert sorted((bad.row.line, bad.reason) for bad in block.rejected) == rejected


def test_plain_rows_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Cells(number, (f"user{number}@example.com", "Ann Ek", "Lund")) for number in range(2, 100)]
    block = Block(["email", "name", "city"], rows)
    expected, _ = row_by_row(block)
    monkeypatch.setattr(customers, "customer_record", None)

    assert CustomerImport().records(block) == expected
