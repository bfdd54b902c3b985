"""Quoted-printable text, read back by the standard library."""

from quopri import decodestring

from hypothesis import example, given
from hypothesis import strategies as st

from ummsg.mail.quoted_printable import quoted_printable, unended

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=300) | st.text(
    alphabet="a=. \n\tå", max_size=300
)


@given(text=TEXT)
@example(text="." * 80)
@example(text="x" * 75 + " \n")
@example(text="x" * 75 + ".")
def test_it_comes_back_and_every_line_is_fit_for_smtp(text: str) -> None:
    for encoded in (quoted_printable(text), unended(text)):
        assert decodestring(encoded).decode().replace("\r\n", "\n") == text
        assert all(len(line) <= 76 and not line.startswith(b".") for line in encoded.split(b"\r\n"))
        assert encoded.isascii()


@given(texts=st.lists(TEXT, max_size=4))
def test_what_is_unended_can_be_joined(texts: list[str]) -> None:
    encoded = b"".join(map(unended, texts))

    assert decodestring(encoded).decode().replace("\r\n", "\n") == "".join(texts)
    assert all(len(line) <= 76 and not line.startswith(b".") for line in encoded.split(b"\r\n"))
