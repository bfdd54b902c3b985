"""One message as bytes (RFC 5322, MIME), addressed to one recipient.

Written here and not by the email package, which takes a millisecond a message, and whose own folding takes the quotes
off a long quoted name (CPython 3.11): `x, b <c@d.e>` then is one more address. Tests read it back with that package.
"""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from ummsg.errors import InvalidInput
from ummsg.mail.quoted_printable import encoded_words, quoted_printable
from ummsg.mail.templates import Rendered, RenderFailed

_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]*", re.ASCII)
_ADDRESS = re.compile(r"[^\s\x00-\x20\x7f-\x9f<>(),;:\\\"\[\]@]{1,128}@[^\s\x00-\x20\x7f-\x9f<>(),;:\\\"\[\]@]{1,255}")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,240}")
_SENDER = re.compile(r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[^<>"@]*?))\s*<(?P<address>[^<>]*)>\s*')
_LINE = 76
_BOUNDARY = b"=_parts_of_the_message"
"""In quoted-printable no line begins with `--=_`, so no part can hold it."""
_ENCODED = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
_TEXT = b'Content-Type: text/plain; charset="utf-8"\r\n' + _ENCODED
_HTML = b'Content-Type: text/html; charset="utf-8"\r\n' + _ENCODED
_MIME = b"MIME-Version: 1.0\r\n"
_MULTIPART = _MIME + b'Content-Type: multipart/alternative; boundary="%b"\r\n\r\n' % _BOUNDARY


class Headers(NamedTuple):
    """What a message's headers are made of.

    `sender` and `reply_to` (may be empty) are `Name <address>`; `message_id` is without angle brackets; `date` is
    aware; `test` marks a test message, in its subject and with `X-Ummsg-Test: yes`. `unsubscribe` holds the addresses
    (URIs) of RFC 2369, `feedback_id` is Gmail's; `automatic` says that an event wrote it, and nobody (RFC 3834).
    """

    sender: str
    reply_to: str
    recipient_name: str
    recipient_email: str
    message_id: str
    date: datetime
    test: bool = False
    unsubscribe: tuple[str, ...] = ()
    feedback_id: str = ""
    automatic: bool = False


class Lines(bytes):
    """A message as SMTP says it: its lines end in CRLF, and none begins with a dot (RFC 5321 § 4.5.2)."""


def compose(rendered: Rendered, headers: Headers) -> Lines:
    """The message with CRLF line ends, ASCII but for an address that is not: multipart/alternative of text and HTML, or
    the text alone if there is no HTML.

    Raises RenderFailed for an address or a Message-ID that cannot stand in a header.
    """
    html = quoted_printable(rendered.html) if rendered.html else b""
    return Lines(header_block(rendered.subject, headers) + body(quoted_printable(rendered.text), html))


def header_block(subject: str, headers: Headers) -> bytes:
    """Every header but those of MIME. Raises as `compose` does."""
    sender, reply_to, name, email, message_id, date, test, uris, feedback_id, automatic = headers
    if not _MESSAGE_ID.fullmatch(message_id):
        raise RenderFailed(f"{message_id!r} is no Message-ID")
    of_all = _of_all(sender, reply_to, date, date.tzinfo, feedback_id, automatic, test)
    to = _mailbox("To", name, email)
    subject = _unstructured(f"[Test] {subject}" if test else subject)
    unsubscribe = _unsubscribe(uris) if uris else ""
    return f"{of_all}To: {to}\r\nSubject: {subject}\r\nMessage-ID: <{message_id}>\r\n{unsubscribe}".encode()


def body(text: bytes, html: bytes) -> bytes:
    """The rest of the message, from the MIME headers on, of encoded parts; without an HTML part if it is empty."""
    if not html:
        return _MIME + _TEXT + text
    between = b"--" + _BOUNDARY
    return b"".join(
        [_MULTIPART, between, b"\r\n", _TEXT, text, b"\r\n", between, b"\r\n", _HTML, html, b"\r\n", between, b"--\r\n"]
    )


@lru_cache(maxsize=64)
def _of_all(
    sender: str,
    reply_to: str,
    date: datetime,
    zone: tzinfo | None,
    feedback_id: str,
    automatic: bool,
    test: bool,
) -> str:
    """The headers that messages share which are made in one second; `zone` tells apart dates that are equal and read
    differently."""
    fields = {"From": _mailbox("From", *parse_sender(sender))}
    if reply_to:
        fields["Reply-To"] = _mailbox("Reply-To", *parse_sender(reply_to))
    fields["Date"] = format_datetime(date)
    if feedback_id:  # Gmail's
        fields["Feedback-ID"] = feedback_id
    if automatic:  # RFC 3834
        fields["Auto-Submitted"] = "auto-generated"
    if test:
        fields["X-Ummsg-Test"] = "yes"
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def _unsubscribe(uris: Sequence[str]) -> str:
    """RFC 2369 and, if there is an address to POST to, RFC 8058."""
    by_click = any(uri.startswith("https:") for uri in uris)
    listed = ",\r\n ".join(f"<{uri}>" for uri in uris)
    return f"List-Unsubscribe: {listed}\r\n" + "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" * by_click


def _mailbox(field: str, name: str, address: str) -> str:
    """RFC 5322 name-addr, or the bare address of somebody without a name."""
    if not _ADDRESS.fullmatch(address):
        raise RenderFailed(f"{address!r} is no address that a header can hold")
    if not address.isascii():
        address = _wire_address(address)
    if not (name := _one_line(name)):
        return address
    phrase = _phrase(name, field)
    used = len(field) + 2 + len(phrase) if "\r\n" not in phrase else len(phrase.rpartition("\r\n")[2])
    return f"{phrase}{' ' if used + len(address) + 3 <= _LINE else f'{chr(13)}{chr(10)} '}<{address}>"


def _phrase(name: str, field: str) -> str:
    """RFC 5322 phrase: as it is, quoted, or (other scripts, and what is too long for a line) RFC 2047 words."""
    if not name.isascii() or "=?" in name or len(name) > _LINE - 16:
        return _encoded(name, field)
    if _ATOMS.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unstructured(text: str) -> str:
    """A subject: plain when a reader of any age can take it so, else RFC 2047 words."""
    text = _one_line(text)
    if not text.isascii() or "=?" in text or len(text) > _LINE - len("Subject: "):
        return _encoded(text, "Subject")
    return text


def _encoded(text: str, field: str) -> str:
    return encoded_words(text, len(field) + len(": "), _LINE - 1)


def _one_line(text: str) -> str:
    """No value can start a header of its own: whatever ends a line, anywhere, is a space."""
    return " ".join((text if text.isprintable() else _NOT_IN_A_LINE.sub(" ", text)).split())


@lru_cache(maxsize=1024)
def _wire_address(address: str) -> str:
    """With its domain in ASCII if the rest is (IDNA), so that only a mailbox that needs SMTPUTF8 asks for it."""
    if not address.partition("@")[0].isascii():
        return address
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(address, check_deliverability=False).ascii_email or address
    except EmailNotValidError as error:
        raise RenderFailed(f"{address!r} is no address: {error}") from None


@lru_cache(maxsize=64)
def parse_sender(text: str) -> tuple[str, str]:
    """The name (may be empty) and the address of `Name <address>` or of a bare address.

    Raises InvalidInput for line breaks, for several addresses, and for what is no address.
    """
    if _NOT_IN_A_LINE.search(text):
        raise InvalidInput("a sender cannot hold a line break or another control character", hint=_SENDER_HINT)
    found = _SENDER.fullmatch(text)
    address = (found["address"] if found else text).strip()
    if address.count("@") > 1 or any(sign in address for sign in ",;<>"):
        raise InvalidInput(f"{text!r} is not one name and one address", hint=_SENDER_HINT)
    _check_address(address)
    name = "" if found is None else found["name"] or re.sub(r"\\(.)", r"\1", found["quoted"] or "")
    return _one_line(name), address


_SENDER_HINT = 'write it as "Example Network <hello@example.com>", with one address'


def _check_address(address: str) -> None:
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise InvalidInput(f"{address!r} is no email address: {error}", hint=_SENDER_HINT) from None
    if not _ADDRESS.fullmatch(address):
        raise InvalidInput(f"{address!r} is no address that a header can hold", hint=_SENDER_HINT)
