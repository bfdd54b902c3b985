"""Opening a conversation with an SMTP server: reach it, hear its greeting, secure the line, log in.

Everything that goes wrong here is nobody's recipient's fault, so it is raised, in the words that an operator needs.
"""

import base64
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ummsg.errors import MailServerRefused, MailServerUnreachable, NotConfigured
from ummsg.mail.transports.base import Password, one_line
from ummsg.mail.transports.smtp_wire import ConnectionLost, Reply, Wire

CHECK = "check the host and port in UMMSG_MAIL_URL, then: ummsg doctor"


def is_loopback(host: str) -> bool:
    """Whether what is said to that host cannot be overheard, because it never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True)
class Server:
    """Which server, and how to speak to it; what the URL says."""

    host: str
    port: int
    user: str = ""
    implicit_tls: bool = False
    plain: bool = False
    """`tls=none`: never TLS, not even if offered."""
    timeout: float = 60
    ca: Path | None = None

    @property
    def where(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)


@dataclass
class Session:
    """A conversation that is ready for mail. `features` is what the server offers (EHLO), by keyword."""

    server: Server
    wire: Wire
    features: Mapping[str, str]
    reset_due: bool = False
    """The last message was refused on the way: its transaction must be ended before the next."""

    @property
    def size_limit(self) -> int:
        """The largest message that the server takes, in bytes (RFC 1870); 0 if it does not say."""
        text = self.features.get("SIZE", "")
        return int(text) if text.isdecimal() else 0

    def quit(self) -> None:
        """Say goodbye without insisting on an answer."""
        try:
            self.wire.command("QUIT", patience=min(self.server.timeout, 5))
        except ConnectionLost:
            pass
        finally:
            self.wire.close()


def open_session(server: Server, password: Password, give_up_at: float) -> Session:
    """Raises MailServerUnreachable, MailServerRefused or NotConfigured; nothing stays open then."""
    context = None if server.plain else _tls_context(server)
    wire = Wire(_reach(server), timeout=server.timeout, give_up_at=give_up_at)
    try:
        return _Opening(server, password, context, wire).session()
    except BaseException:
        wire.close()
        raise


def _reach(server: Server) -> socket.socket:
    try:
        addresses = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise MailServerUnreachable(
            f"No mail server at {server.where}: the name has no address ({one_line(words or str(error))})",
            hint="check the host in UMMSG_MAIL_URL and this machine's DNS, then: ummsg doctor",
        ) from None
    return _first_that_answers(server, addresses)


def _first_that_answers(server: Server, addresses: list[Any]) -> socket.socket:
    """The time-out holds for all addresses together: one that swallows everything leaves time for the next."""
    until = time.monotonic() + server.timeout
    why = ""
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(max(0.01, (until - time.monotonic()) / (len(addresses) - number)))
        try:
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except ConnectionResetError:
            # The system had taken the connection for a server that hung up before we had heard of it.
            sock.close()
            raise _lost(server, "closed the connection instead of greeting us") from None
        except OSError as error:
            sock.close()
            why = _why_unreachable(error, server.timeout)
    raise MailServerUnreachable(f"No mail server at {server.where}: {why}", hint=CHECK)


def _lost(server: Server, how: str) -> MailServerUnreachable:
    hint = CHECK
    if server.port == 465 and not server.implicit_tls:
        hint = f"port 465 speaks TLS from the first byte: smtps://{server.host}:465"
    return MailServerUnreachable(f"The mail server at {server.where} {how}".rstrip(), hint=hint)


def _why_unreachable(error: OSError, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s; a firewall may be in between"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; no mail server listens on that port"
    return one_line(error.strerror or str(error)).lower()


def _tls_context(server: Server) -> ssl.SSLContext:
    """The system's authorities, or the one given alone; certificate and name are always verified."""
    try:
        return ssl.create_default_context(cafile=server.ca)
    except (OSError, ssl.SSLError) as error:
        raise NotConfigured(
            f"The certificates that UMMSG_MAIL_URL trusts (ca={server.ca}) cannot be used: {_words(error)}",
            hint="name a file with the authority's certificate in PEM form",
        ) from None


@dataclass
class _Opening:
    """The dialogue from the first byte to the point where mail can be sent."""

    server: Server
    password: Password
    context: ssl.SSLContext | None
    wire: Wire

    def session(self) -> Session:
        if self.server.implicit_tls:
            self._secure()
        self._greeting()
        features = self._ehlo()
        if self._can_start_tls(features):
            self._starttls()
            features = self._ehlo()
        if self.server.user:
            self._log_in(features)
        return Session(self.server, self.wire, features)

    def _greeting(self) -> None:
        reply = self._reply(lambda: self.wire.reply(), "instead of greeting us")
        if not reply.positive:
            raise self._turned_away(reply)

    def _ehlo(self) -> Mapping[str, str]:
        reply = self._reply(lambda: self.wire.command(f"EHLO {self._own_name()}"), "after EHLO")
        if reply.code in (500, 502):  # a server of the old days, which offers nothing
            reply = self._reply(lambda: self.wire.command(f"HELO {self._own_name()}"), "after HELO")
        if not reply.positive:
            raise self._turned_away(reply)
        offers = (line.partition(" ") for line in reply.lines[1:])
        return {keyword.upper(): parameters for keyword, _, parameters in offers}

    def _own_name(self) -> str:
        """This machine's name if it looks like one, else its address; without asking DNS, which can hang."""
        name = socket.gethostname()
        if "." in name and name.isascii() and name.isprintable() and " " not in name:
            return name
        address = self.wire.local_address
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def _can_start_tls(self, features: Mapping[str, str]) -> bool:
        if self.server.plain or self.server.implicit_tls:
            return False
        if "STARTTLS" not in features and not self.server.loopback:
            raise MailServerRefused(
                f"The mail server at {self.server.where} offers no encryption (STARTTLS)",
                details=["nothing was sent: mail and password would have crossed the network in clear"],
                hint=f"another port (smtp://{self.server.host}:587 or smtps://{self.server.host}:465); if the way"
                " there is private, add ?tls=none to UMMSG_MAIL_URL",
            )
        return "STARTTLS" in features

    def _starttls(self) -> None:
        reply = self._reply(lambda: self.wire.command("STARTTLS"), "after STARTTLS")
        if reply.code != 220:
            raise MailServerRefused(
                f"The mail server at {self.server.where} offers encryption and then refuses it: {reply}",
                hint="tell whoever runs the server; then: ummsg doctor",
            )
        self._secure()

    def _secure(self) -> None:
        assert self.context is not None  # noqa: S101 - only `plain` is without, and never comes here
        try:
            self.wire.secure(self.context, self.server.host)
        except ConnectionLost as lost:
            raise _lost(self.server, str(lost)) from None
        except ssl.SSLCertVerificationError as error:
            raise self._bad_certificate(error) from None
        except OSError as error:
            raise MailServerRefused(
                f"No encrypted line to the mail server at {self.server.where}: {_words(error)}",
                hint=f"if the port speaks TLS only after STARTTLS: smtp://{self.server.host}:{self.server.port}"
                if self.server.implicit_tls
                else "tell whoever runs the server; then: ummsg doctor",
            ) from None

    def _bad_certificate(self, error: ssl.SSLCertVerificationError) -> MailServerRefused:
        return MailServerRefused(
            f"The certificate of the mail server at {self.server.where} is not good:"
            f" {one_line(error.verify_message).rstrip('.')}",
            details=["nothing was sent: whoever answers there may not be your mail server"],
            hint=_certificate_hint(error.verify_code, self.server),
        )

    def _log_in(self, features: Mapping[str, str]) -> None:
        password = self.password()
        if not password:
            raise NotConfigured(
                f"There is no password for the user {self.server.user!r} of the mail server at {self.server.where}",
                hint="set UMMSG_MAIL_PASSWORD, UMMSG_MAIL_PASSWORD_FILE or UMMSG_MAIL_PASSWORD_COMMAND; if the server"
                " wants no login, take the user out of UMMSG_MAIL_URL",
            )
        plain = _encoded(f"\0{self.server.user}\0{password}")
        self.wire.replies.keep_secret(plain, _encoded(password), password)
        reply = self._authenticate(features.get("AUTH", "").upper().split(), plain, password)
        if reply.permanent:
            raise MailServerRefused(
                f"The mail server at {self.server.where} refuses the login of {self.server.user!r}: {reply}",
                hint="check the user in UMMSG_MAIL_URL and the password (UMMSG_MAIL_PASSWORD…), then: ummsg doctor",
            )
        if not reply.positive:
            raise self._turned_away(reply)

    def _authenticate(self, mechanisms: list[str], plain: str, password: str) -> Reply:
        """RFC 4954 with PLAIN (RFC 4616), or else LOGIN."""
        if "PLAIN" in mechanisms:
            return self._dialogue(f"AUTH PLAIN {plain}")
        if "LOGIN" in mechanisms:
            return self._dialogue("AUTH LOGIN", _encoded(self.server.user), _encoded(password))
        raise MailServerRefused(
            f"The mail server at {self.server.where} offers no login that ummsg knows (PLAIN or LOGIN)",
            details=[f"it offers: {' '.join(mechanisms) or 'none'}"],
            hint="use the server's submission port (587 or 465); if it wants no login, take the user out of"
            " UMMSG_MAIL_URL",
        )

    def _dialogue(self, *lines: str) -> Reply:
        """Say one line after another for as long as the server asks for more."""
        for line in lines:
            reply = self._reply(lambda line=line: self.wire.command(line), "while we logged in")  # type: ignore[misc]
            if reply.code != 334:
                break
        return reply

    def _reply(self, ask: Callable[[], Reply], when: str) -> Reply:
        try:
            return ask()
        except ConnectionLost as lost:
            raise _lost(self.server, f"{lost} {when}") from None

    def _turned_away(self, reply: Reply) -> MailServerUnreachable:
        return MailServerUnreachable(
            f"The mail server at {self.server.where} does not take mail from us now: {reply}",
            hint="try again later; if it stays so, ask whoever runs the server",
        )


_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_NAME, _OTHER_ADDRESS = 62, 64


def _certificate_hint(code: int, server: Server) -> str:
    """By OpenSSL's X509_V_ERR_* numbers; whatever is left over is an authority that we do not know."""
    if code in (_EXPIRED, _NOT_YET_VALID):
        return "check this machine's clock; if it is right, the server's certificate must be renewed"
    if code in (_OTHER_NAME, _OTHER_ADDRESS):
        return f"put the name that the certificate is for into UMMSG_MAIL_URL, in place of {server.host}"
    own = "if the server's authority is your own, add ?ca=FILE with its certificate to UMMSG_MAIL_URL"
    return f"{own}; on this machine itself ?tls=none will do" if server.loopback else own


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        if error.reason == "WRONG_VERSION_NUMBER":
            return "what answers there does not speak TLS"
        return error.reason.replace("_", " ").lower()
    return one_line(error.strerror or str(error))
