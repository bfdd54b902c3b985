"""One mail transaction (RFC 5321 § 3.3), step by step, so that of every failure it is known how far it came.

Until the final dot is completely written the message is certainly not accepted; after that, only a reply says.
"""

import re

from ummsg.domain.delivery import Fate, Outcome, refusal
from ummsg.errors import MailServerRefused
from ummsg.mail.transports.base import Envelope
from ummsg.mail.transports.smtp_session import Session
from ummsg.mail.transports.smtp_wire import ConnectionLost, Reply

DOT_PATIENCE = 2
"""RFC 5321 § 4.5.3.2 gives the reply to the final dot twice the time of others: the server works, and doubt is dear."""


class GoneStale(Exception):
    """The connection turned out to be dead before anything of the message was accepted; the text says how."""


class Broken(Exception):
    """The connection is of no more use; what became of the message is known all the same."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reply)
        self.outcome = outcome


def transact(session: Session, envelope: Envelope, message: bytes) -> Outcome:
    """Send one message over an open session, which stays usable.

    Raises Broken or GoneStale if it does not, and MailServerRefused if it is us that the server does not want.
    """
    sender, recipient = _wire_address(envelope.mail_from), _wire_address(envelope.rcpt_to)
    body = as_data(message)
    parameters, impossible = _parameters(session, sender + recipient, body)
    if impossible:
        return Outcome(Fate.REFUSED, impossible)
    return (
        _mail_from(session, sender, parameters)
        or _step(session, sender, f"RCPT TO:<{recipient}>", wanted=2)
        or _step(session, sender, "DATA", wanted=3)
        or _body(session, body)
    )


def as_data(message: bytes) -> bytes:
    """The message as it goes over the wire: CRLF line ends, leading dots doubled, the lone dot at the end."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    if lines and not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


def _wire_address(address: str) -> str:
    """With the domain in ASCII where that is enough: every server takes that, few take SMTPUTF8."""
    if address.isascii():
        return address
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(address, check_deliverability=False).ascii_email or address
    except EmailNotValidError:
        return address


def _parameters(session: Session, addresses: str, body: bytes) -> tuple[str, str]:
    """What MAIL FROM must say about the message (RFC 1870, 6152, 6531), and what makes it impossible to send."""
    said = ""
    if not addresses.isascii():
        if "SMTPUTF8" not in session.features:
            return "", f"not sent: {session.server.where} takes no addresses outside ASCII (SMTPUTF8)"
        said += " SMTPUTF8"
    if "8BITMIME" in session.features and not (body.isascii() and addresses.isascii()):
        said += " BODY=8BITMIME"
    if "SIZE" in session.features:
        size, limit = len(body) - len(b".\r\n"), session.size_limit
        if 0 < limit < size:
            return "", f"not sent: the message has {size:,} bytes, and {session.server.where} takes {limit:,} at most"
        said += f" SIZE={size}"
    return said, ""


def _mail_from(session: Session, sender: str, parameters: str) -> Outcome | None:
    """None if the server said yes."""
    try:
        if session.reset_due and not session.wire.command("RSET").positive:
            raise ConnectionLost("would not start afresh (RSET)")
        session.reset_due = False
        reply = session.wire.command(f"MAIL FROM:<{sender}>{parameters}")
    except ConnectionLost as lost:
        raise GoneStale(f"the server {lost} at MAIL FROM") from None
    if reply.closing:
        raise GoneStale(str(reply))
    if reply.positive:
        return None
    session.reset_due = True
    # 552 is about the message's size (RFC 1870 § 6.1), not about who sends it.
    if reply.permanent and reply.code != 552:
        raise _sender_refused(session, sender, reply)
    return Outcome(Fate.REFUSED, str(reply)) if reply.permanent else _refusal(reply)


def _step(session: Session, sender: str, command: str, *, wanted: int) -> Outcome | None:
    """Say RCPT TO or DATA; None if the server said yes."""
    try:
        reply = session.wire.command(command)
    except ConnectionLost as lost:
        raise Broken(Outcome(Fate.REFUSED_FOR_NOW, f"the server {lost} at {command.split(':')[0]}")) from None
    if reply.code // 100 == wanted:
        return None
    if _about_us(reply):
        raise _sender_refused(session, sender, reply)
    return _not_taken(session, reply)


def _body(session: Session, body: bytes) -> Outcome:
    try:
        session.wire.write(body)
    except ConnectionLost as lost:
        words = session.wire.last_words()
        lost_on_the_way = Outcome(Fate.REFUSED_FOR_NOW, f"the server {lost} before the message was complete")
        raise Broken(_refusal(words) if words else lost_on_the_way) from None
    try:
        reply = session.wire.reply(session.wire.timeout * DOT_PATIENCE)
    except ConnectionLost as lost:
        raise Broken(Outcome(Fate.IN_DOUBT, f"the message was complete, and the server {lost}")) from None
    if reply.positive:
        return Outcome(Fate.ACCEPTED, str(reply))
    if reply.code // 100 == 3:
        raise Broken(Outcome(Fate.IN_DOUBT, f"the message was complete, and the server answered {reply}"))
    return _not_taken(session, reply)


def _not_taken(session: Session, reply: Reply) -> Outcome:
    session.reset_due = True
    if reply.closing or reply.code < 400:
        raise Broken(_refusal(reply))
    return _refusal(reply)


def _refusal(reply: Reply) -> Outcome:
    return Outcome(refusal(reply.code, reply.enhanced), str(reply))


_LOGIN_WANTED = (530, 534, 535, 538)
_OUR_FAULT = ("5.1.7", "5.1.8", "5.7.8")
"""RFC 3463: bad sender's mailbox, bad sender's system; RFC 4954: credentials."""


def _about_us(reply: Reply) -> bool:
    """Whether a refusal that comes late is meant for the sender: Postfix keeps those back until RCPT TO."""
    return reply.permanent and (
        reply.code in _LOGIN_WANTED or reply.enhanced in _OUR_FAULT or "sender address rejected" in str(reply).lower()
    )


def _sender_refused(session: Session, sender: str, reply: Reply) -> MailServerRefused:
    where = session.server.where
    if reply.code in _LOGIN_WANTED:
        login = f"another login than {session.server.user!r}" if session.server.user else "a login"
        return MailServerRefused(
            f"The mail server at {where} wants {login} before it takes mail: {reply}",
            hint=f"UMMSG_MAIL_URL=smtp://user@{where}, and the password in UMMSG_MAIL_PASSWORD; then: ummsg doctor",
        )
    return MailServerRefused(
        f"The mail server at {where} does not take mail from {sender}: {reply}",
        hint="set UMMSG_FROM (or --from) to an address that this server may send for, or log in as a user who may",
    )
