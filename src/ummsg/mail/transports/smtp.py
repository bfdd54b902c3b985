"""Mail over SMTP: `smtp://user@host:587` (STARTTLS), `smtps://host:465` (TLS from the first byte).

The connection is kept between messages and opened again, when it is lost, by the next message.
"""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from ummsg.config import MailUrl
from ummsg.domain.delivery import LEASE, Outcome
from ummsg.errors import MailServerRefused, NotConfigured
from ummsg.mail.transports.base import Envelope, Password, refuse_unknown_options, unusable
from ummsg.mail.transports.courier import Sack
from ummsg.mail.transports.smtp_courier import SmtpCourier
from ummsg.mail.transports.smtp_lane import Lane, OnTheWay, Settled
from ummsg.mail.transports.smtp_session import Server, Session, is_loopback, open_session
from ummsg.mail.transports.smtp_transaction import as_data
from ummsg.mail.transports.smtp_wire import ConnectionLost

LONGEST_TRANSACTION = LEASE.total_seconds() - 60
"""Seconds that one message may take, reconnecting included: its claim must not run out while it is on the wire."""

LONGEST_TIMEOUT = 300


def open_transport(url: MailUrl, password: Password) -> "SmtpTransport":
    """Options: `tls=none`, `timeout=SECONDS`, `ca=FILE`. Raises NotConfigured for a URL that cannot be used."""
    refuse_unknown_options(url, ("tls", "timeout", "ca"))
    usual = f"{url.scheme}://user@mail.example.com:{465 if url.scheme == 'smtps' else 587}"
    if not url.host:
        raise NotConfigured(f"UMMSG_MAIL_URL ({url}) names no mail server", hint=usual)
    if url.path.strip("/"):
        raise NotConfigured(f"UMMSG_MAIL_URL has {url.path} behind the mail server's name", hint=usual)
    server = _server(url)
    if server.plain and server.user and not server.loopback:
        raise NotConfigured(
            f"UMMSG_MAIL_URL ({url}) would send the password of {url.user!r} in clear (tls=none)",
            hint="take tls=none out of it, or the user",
        )
    return SmtpTransport(server, password, description=str(url))


def _server(url: MailUrl) -> Server:
    implicit = url.scheme == "smtps"
    tls = url.options.get("tls", "")
    if tls not in ("", "none") or (tls and implicit):
        raise NotConfigured(
            f"UMMSG_MAIL_URL has tls={tls}; smtp takes tls=none or nothing, and smtps nothing",
            hint="smtp://host:587 for STARTTLS, smtps://host:465 for TLS from the first byte",
        )
    ca = url.options.get("ca")
    return Server(
        host=url.host,
        port=url.port or _usual_port(url),
        user=url.user,
        implicit_tls=implicit,
        plain=tls == "none",
        timeout=_seconds(url.options.get("timeout", "60")),
        ca=Path(ca).expanduser() if ca else None,
    )


def _usual_port(url: MailUrl) -> int:
    if url.scheme == "smtps":
        return 465
    return 25 if is_loopback(url.host) else 587


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise NotConfigured(
            f"UMMSG_MAIL_URL has timeout={text}; it takes seconds, more than 0 and at most {LONGEST_TIMEOUT}",
            hint="leave timeout out for 60 seconds",
        )
    return seconds


class SmtpTransport:
    def __init__(self, server: Server, password: Password, description: str) -> None:
        self._open: Callable[[float], Session] = lambda give_up_at: open_session(server, password, give_up_at)
        self.description = description

    def connect(self) -> "SmtpConnection":
        """Reach, secure and log in. Raises MailServerUnreachable, MailServerRefused or NotConfigured."""
        return SmtpConnection(self._open)

    def carry(self, sack: Sack, connections: int) -> None:
        """Many messages, over up to so many connections at once."""
        SmtpCourier(lambda: self._open(_give_up_at()), connections).carry(sack)


class SmtpConnection:
    """Holds a session between messages only: while one is on the wire, no interruption can leave a half-used one."""

    def __init__(self, open_session: Callable[[float], Session]) -> None:
        self._open = open_session
        self._idle: Session | None = open_session(_give_up_at())

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        refused = unusable(envelope)
        if refused:
            return refused
        give_up_at = _give_up_at()
        letter = OnTheWay(0, envelope, as_data(message))
        while True:
            session, self._idle = self._idle or self._open(give_up_at), None
            session.wire.give_up_at = give_up_at
            outcome = self._over(Lane(session), letter)
            if isinstance(outcome, MailServerRefused):
                raise outcome
            if outcome is not None:
                return outcome

    def _over(self, lane: Lane, letter: OnTheWay) -> Outcome | MailServerRefused | None:
        """None if the connection was lost before anything was said about the letter. It is kept while it is of use."""
        settled = lane.take(letter)
        try:
            while not lane.idle:
                settled = _exchange(lane) or settled
        except ConnectionLost as lost:
            settled = settled or next((left for left in lane.lost(str(lost)) if isinstance(left, Settled)), None)
        except BaseException:
            lane.session.wire.close()
            raise
        if lane.closing:
            lane.session.wire.close()
        else:
            lane.session.reset_due = lane.reset_due
            self._idle = lane.session
        return settled.outcome if settled else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._idle = self._idle, None
        if session is not None:
            session.quit()


def _exchange(lane: Lane) -> Settled | None:
    """Say what is to be said, hear one reply. Raises ConnectionLost when there is no use in going on."""
    wire = lane.session.wire
    try:
        wire.write(bytes(lane.out))
    except ConnectionLost:
        words = wire.last_words()
        if words is None or words.positive or (settled := lane.heard(words)) is None:
            raise
        lane.closing = lane.closing or "hung up"
        return settled
    lane.said(len(lane.out))
    settled = lane.heard(wire.reply(wire.timeout * lane.patience))
    if lane.closing:
        lane.out.clear()
        if settled is None:
            raise ConnectionLost(lane.closing)
    return settled


def _give_up_at() -> float:
    return time.monotonic() + LONGEST_TRANSACTION
