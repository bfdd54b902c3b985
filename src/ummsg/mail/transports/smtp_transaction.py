"""What is said in a mail transaction (RFC 5321 § 3.3), and what a refusal is about: the recipient, or us."""

import re

from ummsg.domain.delivery import Outcome, refusal
from ummsg.errors import MailServerRefused, SenderRefused
from ummsg.mail.message import Lines
from ummsg.mail.transports.smtp_session import Session
from ummsg.mail.transports.smtp_wire import Reply

DOT_PATIENCE = 2
"""RFC 5321 § 4.5.3.2 gives the reply to the final dot twice the time of others: the server works, and doubt is dear."""

END = b".\r\n"


def as_data(message: bytes) -> bytes:
    """The message as it goes over the wire, up to the lone dot (`END`): CRLF line ends, leading dots doubled."""
    if isinstance(message, Lines):
        return message
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    if lines and not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)


def wire_address(address: str) -> str:
    """With the domain in ASCII where that is enough: every server takes that, few take SMTPUTF8."""
    if address.isascii():
        return address
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(address, check_deliverability=False).ascii_email or address
    except EmailNotValidError:
        return address


def parameters(session: Session, addresses: str, body: bytes) -> tuple[str, str]:
    """What MAIL FROM must say about the message (RFC 1870, 6152, 6531), and what makes it impossible to send."""
    said = ""
    if not addresses.isascii():
        if "SMTPUTF8" not in session.features:
            return "", f"not sent: {session.server.where} takes no addresses outside ASCII (SMTPUTF8)"
        said += " SMTPUTF8"
    if "8BITMIME" in session.features and not (body.isascii() and addresses.isascii()):
        said += " BODY=8BITMIME"
    if "SIZE" in session.features:
        size, limit = len(body), session.size_limit
        if 0 < limit < size:
            return "", f"not sent: the message has {size:,} bytes, and {session.server.where} takes {limit:,} at most"
        said += f" SIZE={size}"
    return said, ""


def refused(reply: Reply) -> Outcome:
    """What a refusal of the recipient or of the message comes to."""
    return Outcome(refusal(reply.code, reply.enhanced), str(reply))


_LOGIN_WANTED = (530, 534, 535, 538)
_OUR_FAULT = ("5.1.7", "5.1.8", "5.7.8")
"""RFC 3463: bad sender's mailbox, bad sender's system; RFC 4954: credentials."""


def about_us(reply: Reply) -> bool:
    """Whether a refusal that comes late is meant for the sender: Postfix keeps those back until RCPT TO."""
    return reply.permanent and (
        reply.code in _LOGIN_WANTED or reply.enhanced in _OUR_FAULT or "sender address rejected" in str(reply).lower()
    )


def sender_refused(session: Session, sender: str, reply: Reply) -> MailServerRefused:
    where = session.server.where
    if reply.code in _LOGIN_WANTED:
        login = f"another login than {session.server.user!r}" if session.server.user else "a login"
        return MailServerRefused(
            f"The mail server at {where} wants {login} before it takes mail: {reply}",
            hint=f"UMMSG_MAIL_URL=smtp://user@{where}, and the password in UMMSG_MAIL_PASSWORD; then: ummsg doctor",
        )
    return SenderRefused(
        f"The mail server at {where} does not take mail from {sender}: {reply}",
        hint="set UMMSG_FROM (or --from) to an address that this server may send for, or log in as a user who may",
    )
