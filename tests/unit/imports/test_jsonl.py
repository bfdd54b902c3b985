"""JSON Lines: an object a line, each with its own keys."""

from pathlib import Path

import pytest

from tests.unit.imports.reading import read, read_all

LINES = """\
{"email": "a@example.com", "id": 7, "score": 1.50, "vip": true, "products": ["pro", "extra:trialing"]}

{"Email": "b@example.com", "name": null, "big": 123456789012345678901234567890}
"""


def test_every_row_has_its_own_columns() -> None:
    rows, rejected = read(LINES)

    assert rejected == []
    assert rows == [
        (1, {"email": "a@example.com", "id": "7", "score": "1.50", "vip": "yes", "products": "pro;extra:trialing"}),
        (3, {"email": "b@example.com", "name": "", "big": "123456789012345678901234567890"}),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not JSON"),
        ("[1, 2]", "is not a JSON object"),
        ('"text"', "is not a JSON object"),
        ('{"email": {"work": "a@example.com"}}', "email: is neither text"),
        ('{"email": [null]}', "email: is neither text"),
        ('{"email": NaN}', "NaN"),
        ('{"email": ' + "[" * 100_000, "nested too deeply"),
        ('{"email": "' + "x" * 1_100_000 + '"}', "characters on a line"),
    ],
)
def test_a_bad_line_costs_only_itself(line: str, reason: str) -> None:
    rows, rejected = read_all('{"email": "a"}\n' + line + '\n{"email": "b"}\n')

    assert [number for number, _ in rows] == [1, 3]
    assert [bad.row.line for bad in rejected] == [2]
    assert reason in rejected[0].reason


def test_the_ending_of_the_name_decides_before_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "customers.ndjson"
    path.write_text('[1]\n{"email": "a"}\n')

    rows, rejected = read(path)

    assert rejected == [(1, "is not a JSON object")]
    assert rows == [(2, {"email": "a"})]
