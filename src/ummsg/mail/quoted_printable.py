"""Quoted-printable (RFC 2045 § 6.7) and its cousin for headers (RFC 2047 § 4.2), at the speed of a million messages.

The email package does the same, correctly and in a hundred times the time.
"""

import re
from binascii import b2a_qp

SOFT_BREAK = b"=\r\n"
"""A line end that is none of the text's."""
_LONGEST_LINE = 76
_DOT = b"=2E"


def quoted_printable(text: str) -> bytes:
    """Text as lines of at most 76 characters that end in CRLF, none of which begins with a dot: such a line would have
    to be changed for SMTP (RFC 5321 § 4.5.2), message after message."""
    return _dotless(_encoded(text))


def unended(text: str) -> bytes:
    """As `quoted_printable`, to be joined with more: it ends in a soft break, so that what follows begins a line."""
    encoded = _encoded(text)
    if len(encoded) >= _LONGEST_LINE:
        encoded = _with_room(encoded)
    return _dotless(encoded + SOFT_BREAK)


def _with_room(encoded: bytes) -> bytes:
    """With the last line divided if a soft break behind it would make it too long; not within =XX."""
    begun = len(encoded) - (encoded.rfind(b"\r\n") + 2 if b"\r\n" in encoded else 0)
    if begun < _LONGEST_LINE:
        return encoded
    cut = len(encoded) - begun // 2
    cut -= next((back for back in (1, 2) if encoded[cut - back] == ord("=")), 0)
    return encoded[:cut] + SOFT_BREAK + encoded[cut:]


def _encoded(text: str) -> bytes:
    if "\n" in text:
        encoded = b2a_qp(text.replace("\n", "\r\n").encode(), istext=True)
    else:
        encoded = b2a_qp(text.encode(), istext=True).replace(b"\n", b"\r\n")  # its soft breaks, of the other kind
    return _BLANK_TOO_FAR.sub(rb"=\r\n\g<0>", encoded) if len(encoded) > _LONGEST_LINE else encoded


_BLANK_TOO_FAR = re.compile(rb"=(?:20|09)(?=\r\n|\Z)(?<=[^\r\n]{%d})" % (_LONGEST_LINE + 1))
"""CPython's encoder does not count what a blank at the end of a line grows by."""


def _dotless(encoded: bytes) -> bytes:
    if encoded.startswith(b".") or b"\r\n." in encoded:
        return b"\r\n".join(map(_dotless_line, encoded.split(b"\r\n")))
    return encoded


def _dotless_line(line: bytes) -> bytes:
    if not line.startswith(b"."):
        return line
    if len(line) + len(_DOT) - 1 <= _LONGEST_LINE:
        return _DOT + line[1:]
    return _DOT + SOFT_BREAK + _dotless_line(line[1:])


def encoded_words(text: str, used: int, line: int) -> str:
    """Text as RFC 2047 encoded words, folded to lines of `line` characters, of which the first has `used` already."""
    room = line - used - _AROUND
    if len(word := text.translate(_IN_WORD)) <= room:
        return f"=?utf-8?q?{word}?="
    words: list[str] = []
    word = ""
    for piece in map(_in_word, map(ord, text)):
        if len(word) + len(piece) > room:
            words.append(word)
            word, room = "", line - 1 - _AROUND
        word += piece
    return "\r\n ".join(f"=?utf-8?q?{word}?=" for word in [*words, word])


_AROUND = len("=?utf-8?q??=")
_AS_IT_IS = frozenset(map(ord, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/"))


def _in_word(character: int) -> str:
    """As it may stand in any header; a character is never divided between two words."""
    if character in _AS_IT_IS:
        return chr(character)
    return "_" if character == ord(" ") else "".join(f"={byte:02X}" for byte in chr(character).encode())


class _InWord(dict[int, str]):
    """`_in_word` as a table for `str.translate`, which keeps the first thousands of characters."""

    def __missing__(self, character: int) -> str:
        word = _in_word(character)
        if len(self) < _KEPT:
            self[character] = word
        return word


_KEPT = 4096
_IN_WORD = _InWord()
