"""Mail onto standard output, readable: `console:`, for trying things out."""

import sys
from email import message_from_bytes
from email.message import MIMEPart
from email.policy import SMTP
from typing import cast

from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate, Outcome
from ummsg.mail.transports.base import (
    Envelope,
    NothingToClose,
    Password,
    one_line,
    refuse_host,
    refuse_unknown_options,
    unusable,
)

RULE = "-" * 40


def open_transport(url: MailUrl, password: Password) -> "ConsoleTransport":
    refuse_unknown_options(url)
    refuse_host(url, "console:")
    return ConsoleTransport()


class ConsoleTransport(NothingToClose):
    description = "console: (standard output)"

    def connect(self) -> "ConsoleTransport":
        return self

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        refused = unusable(envelope)
        if refused:
            return refused
        sys.stdout.write(readable(envelope, message))
        sys.stdout.flush()
        return Outcome(Fate.ACCEPTED, "printed")


def readable(envelope: Envelope, message: bytes) -> str:
    """Envelope, subject and text part, decoded, without anything that a terminal would act upon."""
    parsed = message_from_bytes(message, policy=SMTP)
    part = parsed.get_body(("plain", "html"))
    lines = [
        RULE,
        f"Envelope: {envelope.mail_from} -> {envelope.rcpt_to}",
        f"Subject:  {one_line(str(parsed['Subject'] or '(none)'))}",
        "",
        *(_printable(line) for line in (_text(part) if part else "(no text)").splitlines()),
        RULE,
    ]
    return "\n".join(lines) + "\n"


def _text(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # a character set that Python does not know, or that the text is not in
        return cast(bytes, part.get_payload(decode=True)).decode("utf-8", "replace")


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in line)
