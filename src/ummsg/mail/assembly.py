"""Messages of one email, fast: what is the same in all of them is encoded once, and values are filled in between.

That goes for an email that only prints its placeholders. One with conditions or filters is rendered whole each time.
"""

from collections.abc import Mapping

from markupsafe import escape

from ummsg.mail.message import Headers, body_around, header_block
from ummsg.mail.program import Pieces, Printed
from ummsg.mail.quoted_printable import quoted_printable, unended
from ummsg.mail.templates import EmailTemplate, EmptyMessage, EmptyPlaceholder, clean

_LONGEST_VALUE = 10_000
"""In characters. With longer ones the bounds that `render` keeps have to be looked at."""


class Assembly:
    """Makes the messages of an email. What they mean is what `compose(template.render(values), headers)` means."""

    def __init__(self, template: EmailTemplate, *, html: bool = True) -> None:
        """Without `html` the messages are the text alone."""
        self._template = template
        self._html = html
        self._filling = None if template.pieces is None else _Filling(*template.pieces, html=html)

    def message(self, values: Mapping[str, str], headers: Headers, *, prefix: str = "") -> bytes:
        """The message for one recipient; `prefix` stands before its subject. Raises as `EmailTemplate.render` does."""
        names = {name: clean(value) for name in self._template.variables if (value := values.get(name))}
        if self._filling is not None and all(map(_is_usual, names.values())):
            subject, text, html = self._filling.parts(names)
        else:
            rendered = self._template.render(values)
            subject, text = rendered.subject, quoted_printable(rendered.text)
            html = quoted_printable(rendered.html) if self._html else b""
        return b"".join([header_block(prefix + subject, headers), *body_around(text, html)])


def _is_usual(value: str) -> bool:
    return len(value) <= _LONGEST_VALUE and value == value.strip()


class _Filling:
    """Subject and parts with what is not a value encoded already."""

    def __init__(self, subject: Pieces, in_html: Pieces, in_text: Pieces, *, html: bool) -> None:
        self._subject = subject
        self._text = _encoded(in_text)
        self._html = _encoded(in_html) if html else []

    def parts(self, names: Mapping[str, str]) -> tuple[str, bytes, bytes]:
        """Subject, text and HTML. Raises EmptyPlaceholder, or EmptyMessage for a subject of nothing but spaces."""
        subject = "".join(piece if isinstance(piece, str) else _value(piece, names) for piece in self._subject)
        if not (subject := " ".join(subject.split())):
            raise EmptyMessage("it is empty", "subject")
        text = [piece if isinstance(piece, bytes) else unended(_value(piece, names)) for piece in self._text]
        html = [piece if isinstance(piece, bytes) else unended(escape(_value(piece, names))) for piece in self._html]
        return subject, b"".join(text), b"".join(html)


def _encoded(pieces: Pieces) -> list[bytes | Printed]:
    """Every piece but the last ends in a soft break, so that each can be encoded without knowing its neighbours."""
    *most, last = pieces
    ended = quoted_printable(last) if isinstance(last, str) else last
    return [*(unended(piece) if isinstance(piece, str) else piece for piece in most), ended]


def _value(piece: Printed, names: Mapping[str, str]) -> str:
    if value := names.get(piece.name):
        return value
    if piece.otherwise is None:
        raise EmptyPlaceholder(piece.name)
    return piece.otherwise
