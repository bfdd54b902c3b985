"""Messages of one email, fast: what is the same in all of them is encoded once, and values are filled in between.

That goes for an email that only prints its placeholders. One with conditions or filters is rendered whole each time.
"""

from collections.abc import Mapping, Sequence

from markupsafe import escape

from ummsg.mail.message import Headers, Lines, header_block, joined
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

    def message(self, values: Mapping[str, str], headers: Headers, *, prefix: str = "") -> Lines:
        """The message for one recipient; `prefix` stands before its subject. Raises as `EmailTemplate.render` does."""
        names = {name: clean(value) for name in self._template.variables if (value := values.get(name))}
        if self._filling is not None and all(map(_is_usual, names.values())):
            subject, text, html = self._filling.parts(names)
        else:
            rendered = self._template.render(values)
            subject, text = rendered.subject, quoted_printable(rendered.text)
            html = quoted_printable(rendered.html) if self._html else b""
        return joined(header_block(prefix + subject, headers), text, html)


def _is_usual(value: str) -> bool:
    return len(value) <= _LONGEST_VALUE and value == value.strip()


class _Filling:
    """Subject and parts with what is not a value encoded already."""

    def __init__(self, subject: Pieces, in_html: Pieces, in_text: Pieces, *, html: bool) -> None:
        in_html = in_html if html else []
        self._subject = subject
        self._printed = list(dict.fromkeys(piece for piece in (*in_text, *in_html) if isinstance(piece, Printed)))
        self._text = _Form(in_text, self._printed)
        self._html = _Form(in_html, self._printed)

    def parts(self, names: Mapping[str, str]) -> tuple[str, bytes, bytes]:
        """Subject, text and HTML. Raises EmptyPlaceholder, or EmptyMessage for a subject of nothing but spaces."""
        subject = "".join([piece if isinstance(piece, str) else _value(piece, names) for piece in self._subject])
        if not (subject := " ".join(subject.split())):
            raise EmptyMessage("it is empty", "subject")
        values = [_value(printed, names) for printed in self._printed]
        text = self._text.filled([unended(value) for value in values])
        return subject, text, self._html.filled([unended(str(escape(value))) for value in values])


class _Form:
    """An encoded part with gaps. Every piece of it but the last ends in a soft break, so that each can be encoded
    without knowing its neighbours."""

    def __init__(self, pieces: Pieces, printed: Sequence[Printed]) -> None:
        self._gaps = [printed.index(piece) for piece in pieces if isinstance(piece, Printed)]
        end = len(pieces) - 1
        self._between = b"".join(_encoded(piece, last=at == end) for at, piece in enumerate(pieces))

    def filled(self, values: Sequence[bytes]) -> bytes:
        """`values` are those of `printed`, encoded alike."""
        return self._between % tuple([values[gap] for gap in self._gaps])


def _encoded(piece: str | Printed, *, last: bool) -> bytes:
    if isinstance(piece, Printed):
        return b"%b"
    return (quoted_printable(piece) if last else unended(piece)).replace(b"%", b"%%")


def _value(piece: Printed, names: Mapping[str, str]) -> str:
    if value := names.get(piece.name):
        return value
    if piece.otherwise is None:
        raise EmptyPlaceholder(piece.name)
    return piece.otherwise
