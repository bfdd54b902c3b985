"""Messages of one email, fast: what is the same in all of them is encoded once, and values are filled in between.

One with conditions or filters is rendered each time, and what it writes of its own text is encoded already.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from markupsafe import escape

from ummsg.mail.message import Headers, Lines, body, header_block
from ummsg.mail.program import Pieces, Printed
from ummsg.mail.quoted_printable import SOFT_BREAK, quoted_printable, unended
from ummsg.mail.templates import EmailTemplate, EmptyMessage, EmptyPlaceholder, clean

_AS_IT_IS = re.compile(r"[!#-%(-\-/-;?-~](?:[ !#-%(-;?-~]{0,70}[!#-%(-;?-~])?")
"""What stands for itself in HTML and in quoted-printable, at the beginning of a line that goes on; most values do."""
_LONG = 200
"""Characters from which it is worth a soft break in the middle of a line."""
_LONGEST_VALUE = 10_000
"""In characters. With longer ones the bounds that `render` keeps have to be looked at."""


class Assembly:
    """Makes the messages of an email. What they mean is what `compose(template.render(values), headers)` means."""

    def __init__(self, template: EmailTemplate, *, html: bool = True) -> None:
        """Without `html` the messages are the text alone."""
        self._template = template
        self._html = html
        self._own = _Own(template.own_html)
        self._filling = None if template.pieces is None else _Filling(*template.pieces, html=html)

    def message(self, values: Mapping[str, str], headers: Headers, *, prefix: str = "") -> Lines:
        """The message for one recipient; `prefix` stands before its subject. Raises as `EmailTemplate.render` does."""
        names = {name: clean(value) for name in self._template.variables if (value := values.get(name))}
        if self._filling is not None and all(map(_is_usual, names.values())):
            subject, rest = self._filling.subject(names), self._filling.body(names)
        else:
            subject, html, text = self._template.write(values)
            rest = body(quoted_printable(text), self._own.encoded(html) if self._html else b"")
        return Lines(header_block(prefix + subject, headers) + rest)


def _is_usual(value: str) -> bool:
    return len(value) <= _LONGEST_VALUE and value == value.strip()


class _Own:
    """An email's own HTML between its tags, encoded already."""

    def __init__(self, stretches: Collection[str]) -> None:
        long = [stretch for stretch in stretches if len(stretch) >= _LONG]
        self._to_be_joined = {stretch: unended(stretch) for stretch in long}
        self._last = {stretch: quoted_printable(stretch) for stretch in long}

    def encoded(self, stretches: Sequence[str]) -> bytes:
        """The same as `quoted_printable` of all of them, but for where its lines are broken."""
        done: list[bytes] = []
        between: list[str] = []
        for stretch in stretches[:-1]:
            if own := self._to_be_joined.get(stretch):
                if between:
                    done.append(unended("".join(between)))
                    between.clear()
                done.append(own)
            else:
                between.append(stretch)
        last = stretches[-1] if stretches else ""
        if (own := self._last.get(last)) is None:
            own = quoted_printable("".join([*between, last]))
        elif between:
            done.append(unended("".join(between)))
        return b"".join([*done, own])


class _Filling:
    """Subject and body with what is not a value encoded already, and gaps for the values."""

    def __init__(self, subject: Pieces, in_html: Pieces, in_text: Pieces, *, html: bool) -> None:
        in_html = in_html if html else []
        self._subject = subject
        self._body = body(_encoded(in_text), _encoded(in_html))
        gaps = [piece for piece in (*in_text, *in_html) if isinstance(piece, Printed)]
        self._printed = list(dict.fromkeys(gaps))
        in_order = [self._printed.index(gap) for gap in gaps]
        ends = sum(isinstance(piece, Printed) for piece in in_text)
        self._gaps = in_order[:ends] + [len(self._printed) + gap for gap in in_order[ends:]]

    def subject(self, names: Mapping[str, str]) -> str:
        """Raises EmptyPlaceholder, or EmptyMessage for a subject of nothing but spaces."""
        subject = "".join([piece if isinstance(piece, str) else _value(piece, names) for piece in self._subject])
        if not (subject := " ".join(subject.split())):
            raise EmptyMessage("it is empty", "subject")
        return subject

    def body(self, names: Mapping[str, str]) -> bytes:
        """Raises EmptyPlaceholder."""
        text: list[bytes] = []
        html: list[bytes] = []
        for printed in self._printed:
            value = _value(printed, names)
            if _AS_IT_IS.fullmatch(value):
                in_text = in_html = value.encode() + SOFT_BREAK
            else:
                in_text, in_html = unended(value), unended(str(escape(value)))
            text.append(in_text)
            html.append(in_html)
        both = text + html
        return self._body % tuple([both[gap] for gap in self._gaps])


def _encoded(pieces: Pieces) -> bytes:
    """With `%b` for what is printed. Every piece but the last ends in a soft break, so that each can be encoded without
    knowing its neighbours."""
    ends = [unended] * (len(pieces) - 1) + [quoted_printable]
    return b"".join(
        b"%b" if isinstance(piece, Printed) else encode(piece).replace(b"%", b"%%")
        for piece, encode in zip(pieces, ends, strict=False)
    )


def _value(piece: Printed, names: Mapping[str, str]) -> str:
    if value := names.get(piece.name):
        return value
    if piece.otherwise is None:
        raise EmptyPlaceholder(piece.name)
    return piece.otherwise
