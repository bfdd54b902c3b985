"""A message in the mailbox of bounces: whom it was sent to, what came back in it, what it says of it.

Delivery status notifications (RFC 3464) are read exactly; what else says that mail came back is recognised by
flufl.bounce. Anybody can write to that mailbox, so that nothing here takes more than bounded time and memory.
"""

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, message_from_string
from email.message import Message
from itertools import islice

from ummsg.domain.bounce import Notification, Verdict
from ummsg.mail.transports.base import one_line

LARGEST = 2 * 1024 * 1024
"""Bytes: a report, and a message of ours that came back whole."""

MOST_NESTED = 20
"""Multiparts and messages in each other or beside each other; a report has three. Each costs a look at every line."""
MOST_PARAMETERS = 200
"""Pieces of MIME parameters that are written in pieces (RFC 2231): putting them together takes the square of them."""
MOST_PARTS = 4_000
"""Lines that can begin a part, or a block of a report; few in any honest message, 100 bytes each in memory."""
MOST_READ = 50
"""Addresses, parts, blocks of a report: what is looked at of each."""
LARGEST_GUESSED = 256 * 1024
LONGEST_LINE = 2_000
"""Of what flufl.bounce, a collection of regular expressions, is shown."""

_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]@]{1,128}@[^\s<>,;:\"()\[\]@]{1,255}")
_MESSAGE_ID = re.compile(r"\s*<([^<>\s]{1,250})>\s*")
_CODE = re.compile(r"(?:[245]\d\d[ -]+)?[245]\.\d{1,3}\.\d{1,3}(?![.\d])")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?![.\d])")
_IN_TEXT = re.compile(r"\b5\d\d[ -]5\.\d{1,3}\.\d{1,3}(?![.\d])[^\r\n]{0,500}")
_PIECE = re.compile(rb"\*[0-9]*\*?\s*=")
_ADDRESS_TYPES = ("rfc822", "utf-8")
_VALUE = 2_000
"""Characters of a header that are looked at."""


class Unreadable(Exception):
    """A message that is not taken apart; says why."""


@dataclass(frozen=True)
class BounceMessage:
    recipients: list[str]
    """Whom its envelope was addressed to, by the headers that servers note it in."""
    message_ids: list[str]
    """Of the messages that came back in it, without angle brackets."""
    notifications: Sequence[Notification]
    """What it says of each recipient, if it is a notification of RFC 3464."""
    _message: Message = field(repr=False)
    _raw: bytes = field(repr=False)

    def guessed(self) -> Sequence[Notification]:
        """What flufl.bounce makes of a message that is no notification."""
        too_long = len(self._raw) > LARGEST_GUESSED or max(map(len, self._raw.split(b"\n"))) > LONGEST_LINE
        if too_long:
            return ()
        from flufl.bounce import all_failures

        logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
        try:
            temporary, permanent = all_failures(self._message)
        except Exception:  # its detectors index and decode what they find, in a message that anybody may have written
            return ()
        if permanent:
            return _of_each(permanent, Verdict.FAILED, _code_in_text(self._message))
        return _of_each(temporary, Verdict.DELAYED, "delayed")


def read(raw: bytes) -> BounceMessage:
    """Take a message apart. Raises Unreadable if it is too large, or made to be more work than a bounce is."""
    if len(raw) > LARGEST:
        raise Unreadable(f"has more than {LARGEST // 1024:,} KiB")
    _refuse_bomb(raw)
    try:
        message = message_from_bytes(raw)
        parts = list(islice(message.walk(), MOST_READ))
        ids = [found for part in parts for found in _returned_ids(part)]
        return BounceMessage(list(_recipients(message)), ids, _notifications(parts), message, raw)
    except Exception as error:  # the parser's own limits, whichever a message was made to meet
        raise Unreadable(f"cannot be read as a message: {type(error).__name__}") from None


def _refuse_bomb(raw: bytes) -> None:
    folded = raw.lower()
    if max(folded.count(b"boundary"), folded.count(b"message/")) > MOST_NESTED:
        raise Unreadable("has too many parts in each other")
    if sum(1 for _ in islice(_PIECE.finditer(raw), MOST_PARAMETERS + 1)) > MOST_PARAMETERS:
        raise Unreadable("has too many parameters")
    blank = 2 * (raw.count(b"\n\n") + raw.count(b"\n\r\n") + raw.count(b"\r\r"))
    if raw.count(b"\n--") + raw.count(b"\r--") > MOST_PARTS or blank > 2 * MOST_PARTS:
        raise Unreadable("has too many parts")


def _recipients(message: Message) -> Iterator[str]:
    for name in _RECIPIENT_HEADERS:
        for value in islice(message.get_all(name, ()), MOST_READ):
            yield from islice(_ADDRESS.findall(_text(value)), MOST_READ)


def _returned_ids(part: Message) -> Iterator[str]:
    """The Message-ID of a message, or of the headers of one, that is attached."""
    returned: Message | None = None
    match part.get_content_type():
        case "message/rfc822" | "message/global":
            payload = part.get_payload()
            returned = payload[0] if isinstance(payload, list) and payload else None  # type: ignore[assignment]
        case "text/rfc822-headers" | "message/global-headers":
            returned = message_from_string(_decoded(part))
    found = None if returned is None else _MESSAGE_ID.fullmatch(_text(returned.get("Message-ID", "")))
    if found:
        yield found[1]


def _notifications(parts: list[Message]) -> list[Notification]:
    """What the per-recipient fields say (RFC 3464 § 2.3)."""
    said = (_of_recipient(block) for part in parts for block in _blocks(part) if "Action" in block)
    return list(islice(said, MOST_READ))


def _blocks(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if part.get_content_type() == "message/delivery-status" and isinstance(payload, list):
        for block in payload[:MOST_READ]:
            if isinstance(block, Message):
                yield block


def _of_recipient(block: Message) -> Notification:
    action = _text(block["Action"]).strip().lower()
    if action.startswith(("fail", "error")):  # opensmtpd says error
        verdict = Verdict.FAILED
    else:
        verdict = Verdict.DELAYED if action.startswith("delay") else Verdict.OTHER
    return Notification(verdict, _reply(block) or f"{verdict}, without a reason", _named(block))


def _named(block: Message) -> str:
    """The address that the message was sent to, if the server still knows it, else the one that it had in the end."""
    kind, semicolon, address = _text(block.get("Original-Recipient", block.get("Final-Recipient", ""))).partition(";")
    is_address = kind.strip().lower() in _ADDRESS_TYPES
    return address.strip().removeprefix("<").removesuffix(">") if is_address else f"{kind}{semicolon}{address}".strip()


def _of_each(addresses: Collection[bytes], verdict: Verdict, reply: str) -> list[Notification]:
    named = islice(sorted(addresses), MOST_READ)
    return [Notification(verdict, reply, address.decode("utf-8", "replace")) for address in named]


def _reply(block: Message) -> str:
    """The diagnostic of the server that refused; after the status, if it does not begin with a code itself."""
    kind, _, words = _text(block.get("Diagnostic-Code", "")).partition(";")
    diagnostic = one_line(words or kind)
    status = _STATUS.match(_text(block.get("Status", "")))
    if status is None or _CODE.match(diagnostic):
        return diagnostic
    return f"{status[1]} {diagnostic}".rstrip()


def _code_in_text(message: Message) -> str:
    """The words of a server that a report quotes, from the first status code on."""
    text = next((part for part in islice(message.walk(), MOST_READ) if part.get_content_type() == "text/plain"), None)
    found = None if text is None else _IN_TEXT.search(_decoded(text))
    return one_line(found[0]) if found else "returned as undeliverable, without a status code"


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _text(value: object) -> str:
    """A header's value, which the email package may have wrapped, as text of bounded length."""
    return str(value)[:_VALUE]
