"""A real SMTP server on loopback whose answer at every step a test can set, and which keeps what it accepted.

    server.script("RCPT", "550 5.1.1 no such user", recipient="nobody@example.com")
    server.script("DOT", CLOSE, times=1)
    server.script("MAIL", "450 4.7.1 later", message=2)       # the second message it is offered

Steps: BANNER, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, BODY (after 354, before the body is read), DOT, RSET, QUIT.
An answer is a reply (one line, or several joined with "\\n", sent as they are) or one of the constants below.
`messages` holds what was accepted, `commands` every line that was said to it.
"""

import base64
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import trustme

CLOSE = "close"
"""Hang up without a word."""
RESET = "reset"
"""Hang up with a TCP reset."""
HANG = "hang"
"""Never answer; the connection stays open."""
GARBAGE = "garbage"
"""Answer with something that is not SMTP."""
DRIP = "drip"
"""An answer without an end, a byte at a time."""
PARTIAL = "partial"
"""The beginning of a good answer, then hang up."""


@dataclass(frozen=True)
class Received:
    """One accepted message: its envelope, its bytes (dots unstuffed, CRLF), and how it came."""

    mail_from: str
    rcpt_to: list[str]
    data: bytes
    connection: int
    tls: bool
    user: str
    parameters: str
    """What MAIL FROM said after the address."""
    at: float = field(default_factory=time.time)
    """When it was taken."""


@dataclass
class _Rule:
    step: str
    answer: str
    times: int | None
    recipient: str | None
    message: int | None
    connection: int | None


@dataclass
class _Dialogue:
    """One connection's state."""

    sock: socket.socket
    number: int
    tls: bool = False
    user: str = ""
    mail_from: str | None = None
    parameters: str = ""
    offered: int = 0
    """Which message this is, of all that were offered."""
    rcpt_to: list[str] = field(default_factory=list)
    buffer: bytes = b""

    def line(self) -> bytes:
        while b"\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise _Over
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def reset(self) -> None:
        self.mail_from, self.rcpt_to, self.parameters = None, [], ""


class _Over(Exception):
    """This connection has come to its end."""


class SmtpServer:
    """Starts at once and answers until `close`. `port=0` takes a free one.

    `credentials` (user to password) makes it offer AUTH; `login_needed` refuses mail without it. `certificate`
    makes it offer STARTTLS, or speak TLS from the first byte with `implicit_tls`.
    """

    def __init__(
        self,
        *,
        certificate: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        credentials: dict[str, str] | None = None,
        login_needed: bool = False,
        mechanisms: str = "PLAIN LOGIN",
        features: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "SIZE 10240000"),
        port: int = 0,
    ) -> None:
        self.messages: list[Received] = []
        self.commands: list[str] = []
        self.connections = 0
        self.complete = 0
        """Messages that came to their final dot, whatever was answered."""
        self._certificate = certificate
        self._implicit_tls = implicit_tls
        self._credentials = credentials or {}
        self._login_needed = login_needed
        self._mechanisms = mechanisms
        self.features = features
        self._rules: list[_Rule] = []
        self.offered = 0
        """Messages of which MAIL FROM was said."""
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.host = "127.0.0.1"
        self.port: int = self._listener.getsockname()[1]
        self._begin(self._accept)

    @property
    def url(self) -> str:
        scheme = "smtps" if self._implicit_tls else "smtp"
        return f"{scheme}://{self.host}:{self.port}"

    def script(
        self,
        step: str,
        answer: str,
        *,
        times: int | None = None,
        recipient: str | None = None,
        message: int | None = None,
        connection: int | None = None,
    ) -> None:
        """From now on (or `times` times) answer so at `step`, for all, one recipient, or the n-th message or connection
        (from 1)."""
        with self._lock:
            self._rules.append(_Rule(step, answer, times, recipient, message, connection))

    def forget(self) -> None:
        """Take back everything that was scripted."""
        with self._lock:
            self._rules.clear()

    def received_by(self, recipient: str) -> list[Received]:
        return [message for message in self.messages if recipient in message.rcpt_to]

    def drop_connections(self) -> None:
        """Hang up on everyone, as a server does on connections that were idle for too long."""
        with self._lock:
            sockets = list(self._open)
        for sock in sockets:
            _hang_up(sock)

    def close(self) -> None:
        """Stop, and wait until no thread of it is left."""
        self._stopping.set()
        _hang_up(self._listener)
        self._listener.close()
        self.drop_connections()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> "SmtpServer":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # the machinery

    def _begin(self, work, *arguments) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(sock)
                dialogue = _Dialogue(sock, self.connections)
            self._begin(self._serve, dialogue)

    def _serve(self, dialogue: _Dialogue) -> None:
        try:
            if self._implicit_tls:
                self._secure(dialogue)
            self._answer(dialogue, "BANNER", "220 test.example.com ESMTP")
            while True:
                self._obey(dialogue, dialogue.line().decode("utf-8", "replace").rstrip("\r\n"))
        except (_Over, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(dialogue.sock)
            dialogue.sock.close()

    def _obey(self, dialogue: _Dialogue, line: str) -> None:
        self.commands.append(line)
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                self._answer(dialogue, "EHLO", self._offers(dialogue))
            case "HELO":
                self._answer(dialogue, "HELO", "250 test.example.com")
            case "STARTTLS":
                if self._answer(dialogue, "STARTTLS", "220 2.0.0 go ahead"):
                    self._secure(dialogue)
            case "AUTH":
                self._log_in(dialogue, rest)
            case "MAIL":
                self._mail(dialogue, rest)
            case "RCPT" if dialogue.mail_from is None:
                self._say(dialogue, "503 5.5.1 MAIL first")
            case "RCPT":
                address = _address(rest)
                if self._answer(dialogue, "RCPT", "250 2.1.5 recipient ok", recipient=address):
                    dialogue.rcpt_to.append(address)
            case "DATA":
                self._data(dialogue)
            case "RSET":
                dialogue.reset()
                self._answer(dialogue, "RSET", "250 2.0.0 reset")
            case "QUIT":
                self._answer(dialogue, "QUIT", "221 2.0.0 bye")
                raise _Over
            case _:
                self._say(dialogue, "502 5.5.1 unknown command")

    def _offers(self, dialogue: _Dialogue) -> str:
        offered = [*self.features]
        if self._certificate and not dialogue.tls:
            offered.append("STARTTLS")
        if self._credentials:
            offered.append(f"AUTH {self._mechanisms}")
        lines = ["test.example.com", *offered]
        return "\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    def _secure(self, dialogue: _Dialogue) -> None:
        assert self._certificate is not None
        plain = dialogue.sock
        dialogue.sock = self._certificate.wrap_socket(plain, server_side=True)
        dialogue.tls, dialogue.buffer = True, b""
        with self._lock:
            self._open.discard(plain)
            self._open.add(dialogue.sock)

    def _log_in(self, dialogue: _Dialogue, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism == "PLAIN":
            answer = initial or self._asked(dialogue, "")
            _, user, password = _decoded(answer).split("\0")
        else:
            user = _decoded(self._asked(dialogue, "Username:"))
            password = _decoded(self._asked(dialogue, "Password:"))
        right = self._credentials.get(user) == password
        said = "235 2.7.0 welcome" if right else "535 5.7.8 authentication failed"
        if self._answer(dialogue, "AUTH", said):
            dialogue.user = user

    def _asked(self, dialogue: _Dialogue, question: str) -> str:
        self._say(dialogue, f"334 {base64.b64encode(question.encode()).decode()}")
        return dialogue.line().decode().strip()

    def _mail(self, dialogue: _Dialogue, rest: str) -> None:
        with self._lock:
            self.offered += 1
            dialogue.offered = self.offered
        if self._login_needed and not dialogue.user:
            self._say(dialogue, "530 5.7.0 authentication required")
        elif dialogue.mail_from is not None:
            self._say(dialogue, "503 5.5.1 nested MAIL command")
        elif self._answer(dialogue, "MAIL", "250 2.1.0 sender ok"):
            dialogue.mail_from = _address(rest)
            dialogue.parameters = rest.partition(">")[2].strip()

    def _data(self, dialogue: _Dialogue) -> None:
        if not dialogue.rcpt_to:
            self._say(dialogue, "503 5.5.1 no valid recipients")
            return
        if not self._answer(dialogue, "DATA", "354 end with a dot"):
            return
        if rule := self._rule(dialogue, "BODY", dialogue.rcpt_to[-1]):
            self._do(dialogue, rule)
            raise _Over
        data = b"".join(_unstuffed(dialogue))
        self.complete += 1
        recipient = dialogue.rcpt_to[-1]
        number = len(self.messages) + 1
        received = Received(
            dialogue.mail_from or "",
            list(dialogue.rcpt_to),
            data,
            dialogue.number,
            dialogue.tls,
            dialogue.user,
            dialogue.parameters,
        )
        dialogue.reset()
        rule = self._rule(dialogue, "DOT", recipient)
        if rule is None or rule[0] == "2":
            # Kept before the reply: whoever has read that the message was taken finds it here.
            self.messages.append(received)
        self._do(dialogue, rule or f"250 2.0.0 queued as {number}")

    def _answer(self, dialogue: _Dialogue, step: str, usual: str, recipient: str | None = None) -> bool:
        """Answer as scripted or as usual; whether that was a yes."""
        answer = self._rule(dialogue, step, recipient or (dialogue.rcpt_to or [None])[-1]) or usual
        self._do(dialogue, answer)
        return answer[0] in "23"

    def _rule(self, dialogue: _Dialogue, step: str, recipient: str | None) -> str | None:
        with self._lock:
            for rule in self._rules:
                fits = (
                    rule.recipient in (None, recipient)
                    and rule.message in (None, dialogue.offered or self.offered)
                    and rule.connection in (None, dialogue.number)
                )
                if rule.step == step and rule.times != 0 and fits:
                    if rule.times is not None:
                        rule.times -= 1
                    return rule.answer
        return None

    def _do(self, dialogue: _Dialogue, answer: str) -> None:
        match answer:
            case "close":
                raise _Over
            case "reset":
                dialogue.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _Over
            case "hang":
                self._stopping.wait()
                raise _Over
            case "garbage":
                self._say(dialogue, "HTTP/1.1 400 Bad Request")
            case "drip":
                while not self._stopping.wait(0.02):
                    dialogue.sock.sendall(b"2")
                raise _Over
            case "partial":
                dialogue.sock.sendall(b"250-2.0.0 que")
                raise _Over
            case _:
                self._say(dialogue, answer)
                if answer.startswith("421"):
                    raise _Over

    def _say(self, dialogue: _Dialogue, answer: str) -> None:
        dialogue.sock.sendall(answer.replace("\n", "\r\n").encode() + b"\r\n")


def server_certificate(*names: str, ca: trustme.CA | None = None, **more) -> ssl.SSLContext:
    """What a server needs to speak TLS under these names (default: localhost and 127.0.0.1), signed by `ca`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (ca or authority()).issue_cert(*(names or ("localhost", "127.0.0.1")), **more).configure_cert(context)
    return context


@cache
def authority() -> trustme.CA:
    """The tests' own certificate authority; `authority().cert_pem.write_to_path(FILE)` for `?ca=FILE`."""
    return trustme.CA()


def _unstuffed(dialogue: _Dialogue) -> Iterator[bytes]:
    while (line := dialogue.line()) != b".\r\n":
        yield line[1:] if line.startswith(b".") else line


def _address(rest: str) -> str:
    return rest[rest.index("<") + 1 : rest.index(">")]


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
