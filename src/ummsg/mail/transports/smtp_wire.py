"""The line to an SMTP server: bytes out, replies in, and nothing that can take forever.

Not smtplib's: its time-out starts again with every byte that arrives, so a server that drips one a second holds it
for hours, and it cannot say whether a message was complete when the connection was lost.
"""

import re
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass, field

from ummsg.mail.transports.base import one_line

MAX_REPLY_BYTES = 64 * 1024
CHUNK = 64 * 1024
KNOWN_REPLIES = 100

_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?= |$)")


class ConnectionLost(Exception):
    """No word that means anything can be had from the server any more; the text says why, after `the server`."""


@dataclass(slots=True)
class Reply:
    """An SMTP reply (RFC 5321 § 4.2); `lines` are printable and hold no secret of ours. It never changes."""

    code: int
    lines: tuple[str, ...]
    positive: bool = field(init=False, repr=False)
    permanent: bool = field(init=False, repr=False)
    closing: bool = field(init=False, repr=False)
    """421: the server is about to hang up, whatever was asked."""
    _said: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        self.positive = self.code // 100 == 2
        self.permanent = self.code // 100 == 5
        self.closing = self.code == _ABOUT_TO_HANG_UP

    def __str__(self) -> str:
        """On one line, bounded, an enhanced status code (RFC 3463) not said again with every line."""
        if not self._said:
            first, *rest = self.lines
            enhanced = self.enhanced if rest else ""
            said = [f"{self.code} {first}", *(line.removeprefix(enhanced) for line in rest)]
            self._said = one_line(" ".join(said))
        return self._said

    @property
    def enhanced(self) -> str:
        match = _ENHANCED.match(self.lines[0])
        return match[0] if match else ""


_ABOUT_TO_HANG_UP = 421


class Replies:
    """Bytes in, replies out."""

    def __init__(self) -> None:
        self._whole: deque[bytes] = deque()
        """Lines that have ended."""
        self._buffer = b""
        """The line that has not."""
        self._lines: list[str] = []
        self._room = MAX_REPLY_BYTES
        self._secrets: tuple[str, ...] = ()
        self._known: dict[bytes, Reply] = {}
        """Replies of one line that were said before: most are, message after message."""

    def keep_secret(self, *secrets: str) -> None:
        """They are never repeated from now on, even if the server says them."""
        self._secrets = secrets
        self._known.clear()

    def feed(self, data: bytes) -> None:
        *whole, self._buffer = (self._buffer + data).split(b"\n")
        self._whole.extend(whole)

    @property
    def pending(self) -> bool:
        """Whether something was said that was not asked for, or is not whole."""
        return bool(self._whole or self._buffer)

    def next(self) -> Reply | None:
        """The next whole reply, if it is there. Raises ConnectionLost for what is none."""
        while self._whole:
            line = self._whole.popleft()
            if not self._lines and (known := self._known.get(line)):
                return known
            if (reply := self._reply_ending_in(line)) is not None:
                return reply
        if len(self._buffer) > self._room:
            raise ConnectionLost("gave an answer without an end")
        return None

    def _reply_ending_in(self, line: bytes) -> Reply | None:
        """None if the reply has more lines."""
        self._room -= len(line) + 1
        match = _REPLY_LINE.fullmatch(line.rstrip(b"\r\n"))
        if not match:
            raise ConnectionLost(f"answered {self._printable(line)[:80]!r} (that is not SMTP)")
        self._lines.append(self._printable(match[3] or b""))
        if match[2] == b"-":
            return None
        lines, self._lines, self._room = self._lines, [], MAX_REPLY_BYTES
        reply = Reply(int(match[1]), tuple(lines))
        if len(lines) == 1 and len(self._known) < KNOWN_REPLIES:
            self._known[line] = reply
        return reply

    def _printable(self, line: bytes) -> str:
        text = one_line(line.decode("utf-8", "replace"), MAX_REPLY_BYTES)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


class _Patience:
    """How long something may take, from now; it ends earlier when the whole transaction must."""

    def __init__(self, seconds: float, give_up_at: float) -> None:
        now = time.monotonic()
        self._until = min(now + seconds, give_up_at)
        self._seconds = max(0.0, self._until - now)

    def left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self.lost()
        return left

    def lost(self) -> ConnectionLost:
        return ConnectionLost(f"gave no whole answer within {self._seconds:.3g} s")


class Wire:
    """One connected socket. `timeout` (seconds) bounds each whole reply; `give_up_at` (monotonic) bounds them all.

    Every method but `close` raises ConnectionLost.
    """

    def __init__(self, sock: socket.socket, *, timeout: float, give_up_at: float) -> None:
        self._sock = sock
        self.replies = Replies()
        self.timeout = timeout
        self.give_up_at = give_up_at

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Put TLS around the connection. Raises ssl.SSLError for a handshake or certificate that is no good."""
        if self.replies.pending:
            # Said before TLS, it would be read after it: how a man in the middle puts words into the server's mouth.
            raise ConnectionLost("spoke out of turn before TLS began")
        self._sock.settimeout(self._patience().left())
        try:
            self._sock = context.wrap_socket(self._sock, server_hostname=host)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError):
            raise ConnectionLost("closed the connection during the TLS handshake") from None
        except TimeoutError:
            raise ConnectionLost(f"did not finish the TLS handshake within {self.timeout:g} s") from None

    @property
    def socket(self) -> socket.socket:
        """For whoever takes the line over; this class blocks."""
        return self._sock

    @property
    def local_address(self) -> str:
        return str(self._sock.getsockname()[0])

    def command(self, line: str, *, patience: float | None = None) -> Reply:
        """Say one line (without its CRLF) and return the reply."""
        self.write(line.encode() + b"\r\n")
        return self.reply(patience)

    def write(self, data: bytes) -> None:
        """Returning means that every byte was handed to the kernel; raising means that the last one was not."""
        left = memoryview(data)
        while left:
            self._sock.settimeout(self._patience().left())
            try:
                left = left[self._sock.send(left[:CHUNK]) :]
            except TimeoutError:
                raise ConnectionLost(f"took nothing for {self.timeout:g} s") from None
            except OSError as error:
                raise _lost(error) from None

    def reply(self, patience: float | None = None) -> Reply:
        """The next whole reply, within `patience` (default: the time-out) seconds."""
        waiting = self._patience(patience)
        while (reply := self.replies.next()) is None:
            self.replies.feed(self._received(waiting))
        return reply

    def last_words(self) -> Reply | None:
        """What the server said before it hung up on us, if it did."""
        try:
            return self.reply(patience=1)
        except ConnectionLost:
            return None

    def close(self) -> None:
        self._sock.close()

    def _received(self, waiting: _Patience) -> bytes:
        self._sock.settimeout(waiting.left())
        try:
            data = self._sock.recv(CHUNK)
        except TimeoutError:
            raise waiting.lost() from None
        except OSError as error:
            raise _lost(error) from None
        if not data:
            raise ConnectionLost("closed the connection")
        return data

    def _patience(self, seconds: float | None = None) -> _Patience:
        return _Patience(self.timeout if seconds is None else seconds, self.give_up_at)


def _lost(error: OSError) -> ConnectionLost:
    if isinstance(error, ConnectionError):
        return ConnectionLost("closed the connection")
    return ConnectionLost(f"was lost ({one_line(error.strerror or str(error))})")
