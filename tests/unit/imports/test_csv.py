"""CSV as it comes: delimiters, quotes, line numbers, and everything that is not CSV."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.imports.reading import read, read_all
from ummsg.errors import InvalidInput
from ummsg.services.imports.lines import LINE_LIMIT, ROW_LIMIT

CELL = st.text(st.sampled_from('ab,;\t"\n\r é😀'), max_size=6)


@given(
    st.lists(st.tuples(CELL.map(lambda text: f"x{text}"), CELL), max_size=20),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_was_written_is_read_with_the_line_on_which_it_starts(
    rows: list[tuple[str, str]], delimiter: str, end: str
) -> None:
    written, lines, starts = io.StringIO(newline=""), 1, []
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(("email", "name"))
    for row in rows:
        before = written.tell()
        writer.writerow(row)
        starts.append(lines + 1)
        lines += len(list(io.StringIO(written.getvalue()[before:], newline="")))

    read_rows, rejected = read(written.getvalue())

    assert rejected == []
    assert read_rows == [
        (start, {"email": first, "name": second}) for start, (first, second) in zip(starts, rows, strict=True)
    ]


@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n", "\ufeff\r\n"])
def test_a_byte_order_mark_and_blank_lines_are_no_rows(start: str) -> None:
    rows, _ = read(f"{start}email\n\na@example.com\n\r\nb@example.com\n\n")

    assert [values["email"] for _, values in rows] == ["a@example.com", "b@example.com"]
    assert rows[0][0] == 3 + start.count("\n")


def test_old_line_ends_and_a_last_line_without_one() -> None:
    rows, _ = read("email,name\ra,1\rb,2")

    assert rows == [(2, {"email": "a", "name": "1"}), (3, {"email": "b", "name": "2"})]


def test_the_delimiter_is_found_outside_quotes() -> None:
    rows, _ = read('"email";"last, first, second"\na@example.com;"b;c"\n')

    assert rows == [(2, {"email": "a@example.com", "last, first, second": "b;c"})]


def test_rows_of_another_length_are_refused_and_empty_ends_are_not() -> None:
    rows, rejected = read("email,name\na\nb,2\nc,3,\nd,4,5\n")

    assert [values["email"] for _, values in rows] == ["b", "c"]
    assert rejected == [(2, "has 1 cells; the header has 2"), (5, "has 3 cells; the header has 2")]


def test_columns_without_a_name_at_the_end_are_not_there() -> None:
    rows, _ = read("email,name,,\na,1,,\n")

    assert rows == [(2, {"email": "a", "name": "1"})]


def test_a_quote_that_is_never_closed_costs_one_row() -> None:
    lines = "".join(f"user{number},x\n" for number in range(3000))

    rows, rejected = read(f'email,name\nfirst,1\n"second,2\n{lines}')

    assert rejected == [(3, f"opens a quote that is not closed within {ROW_LIMIT} lines")]
    assert len(rows) == 3001
    assert rows[1] == (4, {"email": "user0", "name": "x"})
    assert rows[-1] == (3003, {"email": "user2999", "name": "x"})


def test_a_quote_that_is_open_at_the_end_costs_one_row() -> None:
    rows, rejected = read('email,name\n"first,1\nsecond,2\n')

    assert rejected == [(2, "opens a quote that is never closed")]
    assert rows == [(3, {"email": "second", "name": "2"})]


def test_text_after_a_closing_quote() -> None:
    rows, rejected = read('email,name\nfirst,"O"Brien"\nsecond,2\n')

    assert rejected == [(2, "has text after a closing quote; a quote inside a cell is written twice")]
    assert [line for line, _ in rows] == [3]


def test_a_cell_that_is_too_large_costs_its_row() -> None:
    rows, rejected = read(f"email,name\nfirst,{'x' * 140_000}\nsecond,2\n")

    assert [line for line, _ in rejected] == [2]
    assert "131,072 characters" in rejected[0][1]
    assert [line for line, _ in rows] == [3]


def test_a_line_without_end_is_not_held_in_memory() -> None:
    rows, rejected = read_all(f"email,name\nfirst,{'x,' * LINE_LIMIT * 2}\nsecond,2\n")

    assert [(bad.row.line, bad.reason) for bad in rejected] == [
        (2, f"has more than {LINE_LIMIT:,} characters on a line")
    ]
    assert len(rejected[0].row.cells[0]) < 2 * LINE_LIMIT
    assert rows == [(3, {"email": "second", "name": "2"})]


def test_a_line_that_is_not_utf8_keeps_its_bytes() -> None:
    rows, _ = read(b"email,name\na,Ren\xe9\nb,Zo\xc3\xab\n")

    assert [values["name"].encode("utf-8", "surrogateescape") for _, values in rows] == [b"Ren\xe9", b"Zo\xc3\xab"]


def test_a_corrected_rejects_file_is_read_without_line_and_reason() -> None:
    rows, _ = read("line,reason,email,phone,sum\n7,what was wrong,a@example.com,'+49 1,'tis\n")

    assert rows == [(2, {"email": "a@example.com", "phone": "+49 1", "sum": "'tis"})]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n\r\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG picture"),
        (b"PK\x03\x04...", "spreadsheet or zip"),
        ("email\na@example.com\n".encode("utf-16"), "UTF-16"),
        ("email\na@example.com\n".encode("utf-16-le"), "NUL bytes"),
        (b"email,pr\xe9nom\na,b\n", "not UTF-8"),
        (b"email,\0name\n", "NUL bytes"),
        (b"x," * 100_000 + b"email\n", "100,001 columns"),
        (b"x," * LINE_LIMIT + b"email\n", "characters on a line"),
        (b"email,,name\na,b,c\n", "column 2 has no name"),
        (b'[{"email": "a@example.com"}]', "JSON array"),
    ],
)
def test_what_is_no_csv_is_refused_whole(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read(content)
