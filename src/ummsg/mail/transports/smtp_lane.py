"""One SMTP connection that carries message after message, as a machine that does no I/O (RFC 5321, RFC 2920).

Where the server offers PIPELINING, one write holds one message and the envelope of the next; elsewhere each command
waits for its reply. Of every message it is known how far it came when the connection is lost: until its last
byte was handed to the kernel it was certainly not accepted, and after that only a reply says.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ummsg.domain.delivery import Fate, Outcome
from ummsg.errors import MailServerRefused
from ummsg.mail.transports.base import Envelope
from ummsg.mail.transports.smtp_session import Session
from ummsg.mail.transports.smtp_transaction import (
    DOT_PATIENCE,
    END,
    about_us,
    parameters,
    refused,
    sender_refused,
    wire_address,
)
from ummsg.mail.transports.smtp_wire import Reply

CONNECTIONS_TRIED = 2
"""On so many connections a message may be when they are lost before it was complete; then it is tried another day."""


@dataclass(slots=True)
class OnTheWay:
    """A letter on its way over SMTP; `body` is its message as it is said (`as_data`)."""

    key: int
    envelope: Envelope
    body: bytes
    lost: int = 0
    """Connections that were lost under it before it was complete."""


_TOO_BIG = 552
"""To MAIL FROM this is about the message's size (RFC 1870 § 6.1), not about who sends it."""


class _Wait(StrEnum):
    """What the next reply is to."""

    RESET = "RSET"
    SENDER = "MAIL FROM"
    RECIPIENT = "RCPT TO"
    DATA = "DATA"
    BODY = "the message"
    LONE_DOT = "the end of no message"


@dataclass(slots=True)
class _Under:
    """A letter under way on this connection. `verdict` is what was decided about it before its body."""

    letter: OnTheWay
    sender: str
    begun: bool = False
    """Whether the server has said yes to its MAIL FROM: what goes wrong then may be this letter's fault."""
    verdict: Outcome | MailServerRefused | None = None
    body_ends_at: int = 0
    """The number of bytes that have been said on this connection once its last one is."""


@dataclass(slots=True)
class Settled:
    letter: OnTheWay
    outcome: Outcome | MailServerRefused
    """An error is not about this letter but about its sender."""


_Hear = Callable[[_Under, Reply], Settled | None]
"""What a reply makes of a letter."""


class Lane:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.pipelining = "PIPELINING" in session.features
        self.out = bytearray()
        self.complete: OnTheWay | None = None
        """The letter whose body is in `out` since the last reply: it is about to be complete."""
        self.closing = ""
        """Why nothing more is said over this connection, after `the server`; empty while it is of use."""
        self.reset_due = session.reset_due
        """The last letter was refused on the way: its transaction must be ended before the next."""
        self._farewell = ""
        self._said = 0
        self._waiting: deque[tuple[_Wait, _Hear, _Under]] = deque()
        self._unsaid: deque[tuple[_Wait, _Hear, _Under, bytes]] = deque()
        """Commands that wait for the reply to the one before them, without PIPELINING."""
        self._envelope: _Under | None = None

    @property
    def ready(self) -> bool:
        """Whether it can take another letter."""
        return self._envelope is None and not self.closing and (self.pipelining or not self._waiting)

    @property
    def idle(self) -> bool:
        return not self._waiting and not self.out

    @property
    def patience(self) -> int:
        """How many times the usual time-out the next reply may take (RFC 5321 § 4.5.3.2)."""
        return DOT_PATIENCE if self._waiting and self._waiting[0][0] is _Wait.BODY else 1

    def take(self, letter: OnTheWay) -> Settled | None:
        """Begin with a letter; or say at once why it cannot be sent over this connection."""
        sender, recipient = wire_address(letter.envelope.mail_from), wire_address(letter.envelope.rcpt_to)
        said, impossible = parameters(self.session, sender + recipient, letter.body)
        if impossible:
            return Settled(letter, Outcome(Fate.REFUSED, impossible))
        self._envelope = under = _Under(letter, sender)
        if self.reset_due:
            self.reset_due = False
            self._say(_Wait.RESET, self._after_reset, under, b"RSET\r\n")
        self._say(_Wait.SENDER, self._after_sender, under, f"MAIL FROM:<{sender}>{said}\r\n".encode())
        self._say(_Wait.RECIPIENT, self._after_recipient, under, f"RCPT TO:<{recipient}>\r\n".encode())
        self._say(_Wait.DATA, self._after_data, under, b"DATA\r\n")
        return None

    def leave_alone(self) -> None:
        """Do not let what is `complete` go after all. There is no way out of DATA that sends nothing but to leave."""
        self.complete = None
        self.closing = "was left alone"
        self._waiting.pop()
        self.out.clear()

    def said(self, number: int) -> None:
        """So many bytes of `out` were handed to the kernel."""
        del self.out[:number]
        self._said += number

    def heard(self, reply: Reply) -> Settled | None:
        """What a reply decides, if it does. A server that is about to hang up leaves the lane `closing`."""
        if not self._waiting:
            self.closing = f"said {reply} out of turn"
            return None
        _, hear, under = self._waiting.popleft()
        settled = hear(under, reply)
        if reply.closing:
            self.closing = f"said {reply}"
            self._farewell = str(reply)
        if self._unsaid:
            self._say_next()
        return settled

    def lost(self, how: str) -> list[Settled | OnTheWay]:
        """The connection is gone: what became of each letter on it. A bare OnTheWay may be tried on another one."""
        left: list[Settled | OnTheWay] = [
            Settled(under.letter, self._of_lost_body(under, how))
            for wait, _, under in self._waiting
            if wait is _Wait.BODY
        ]
        if self._envelope is not None:
            left.append(self._of_lost_envelope(self._envelope, how))
        self._waiting.clear()
        self._unsaid.clear()
        self._envelope = None
        self.closing = self.closing or how
        return left

    def _say(self, wait: _Wait, hear: _Hear, under: _Under, command: bytes) -> None:
        if self._waiting and not self.pipelining:
            self._unsaid.append((wait, hear, under, command))
            return
        self._waiting.append((wait, hear, under))
        self.out += command

    def _say_next(self) -> None:
        if not self._waiting and not self.closing:
            wait, hear, under, command = self._unsaid.popleft()
            self._waiting.append((wait, hear, under))
            self.out += command

    def _after_reset(self, under: _Under, reply: Reply) -> None:
        if not reply.positive:
            self.closing = f"would not start afresh (RSET): {reply}"

    def _after_sender(self, under: _Under, reply: Reply) -> Settled | None:
        under.begun = reply.positive
        return None if reply.positive or reply.closing else self._refused(_Wait.SENDER, under, reply)

    def _after_recipient(self, under: _Under, reply: Reply) -> Settled | None:
        return None if reply.positive or reply.closing else self._refused(_Wait.RECIPIENT, under, reply)

    def _after_body(self, under: _Under, reply: Reply) -> Settled:
        if self._said < under.body_ends_at:
            return Settled(under.letter, self._of_unsaid_body(reply))
        return Settled(under.letter, self._of_body(reply))

    def _after_nothing(self, under: _Under, reply: Reply) -> None:
        """The lone dot may be taken for a message, or refused; it is all the same."""

    def _refused(self, wait: _Wait, under: _Under, reply: Reply) -> Settled | None:
        """The reply to MAIL FROM or RCPT TO. What was said after it has to be answered first, if it was said."""
        self._check_sense(reply)
        if under.verdict is None:
            under.verdict = self._verdict(wait, under, reply)
        if self.pipelining:
            return None
        self._unsaid.clear()
        return self._settled(under, under.verdict)

    def _verdict(self, wait: _Wait, under: _Under, reply: Reply) -> Outcome | MailServerRefused:
        if wait is _Wait.SENDER and reply.permanent and reply.code == _TOO_BIG:
            return Outcome(Fate.REFUSED, str(reply))
        ours = reply.permanent if wait is _Wait.SENDER else about_us(reply)
        return sender_refused(self.session, under.sender, reply) if ours else refused(reply)

    def _after_data(self, under: _Under, reply: Reply) -> Settled | None:
        """Send the body, unless the letter was refused; to a server that wants one all the same, none."""
        if reply.code // 100 == 3 and under.verdict is None:
            self._envelope = None
            self.complete = under.letter
            self._say(_Wait.BODY, self._after_body, under, under.letter.body)
            self.out += END
            under.body_ends_at = self._said + len(self.out)
            return None
        if reply.closing:
            return None
        if reply.code // 100 == 3:
            self._say(_Wait.LONE_DOT, self._after_nothing, under, END)
        else:
            self._check_sense(reply)
        about = sender_refused(self.session, under.sender, reply) if about_us(reply) else refused(reply)
        return self._settled(under, under.verdict or about)

    def _settled(self, under: _Under, verdict: Outcome | MailServerRefused) -> Settled:
        self._envelope = None
        self.reset_due = True
        return Settled(under.letter, verdict)

    def _check_sense(self, reply: Reply) -> None:
        """A reply that is neither yes nor no is to something else than was said: the two are out of step."""
        if reply.code < 400:
            self.closing = f"said {reply} out of turn"

    def _of_body(self, reply: Reply) -> Outcome:
        if reply.positive:
            return Outcome(Fate.ACCEPTED, str(reply))
        if reply.code // 100 == 3:
            self.closing = f"said {reply}"
            return Outcome(Fate.IN_DOUBT, f"the message was complete, and the server answered {reply}")
        return refused(reply)

    def _of_unsaid_body(self, reply: Reply) -> Outcome:
        """A server cannot have accepted what it has not been told; if it does not want it, that is said already."""
        self.complete = None
        self.closing = f"said {reply} before the message was complete"
        return refused(reply) if reply.code >= 400 else Outcome(Fate.REFUSED_FOR_NOW, f"the server {self.closing}")

    def _of_lost_body(self, under: _Under, how: str) -> Outcome:
        if self._said >= under.body_ends_at:
            return Outcome(Fate.IN_DOUBT, f"the message was complete, and the server {how}")
        return Outcome(Fate.REFUSED_FOR_NOW, f"the server {how} before the message was complete")

    def _of_lost_envelope(self, under: _Under, how: str) -> Settled | OnTheWay:
        """A connection that had died while it was idle says nothing about the letter, but not again and again."""
        letter = under.letter
        letter.lost += 1
        if not under.begun and under.verdict is None and letter.lost < CONNECTIONS_TRIED:
            return letter
        wait = next((wait for wait, _, of in self._waiting if of is under), _Wait.SENDER)
        words = self._farewell or f"the server {how} at {wait}"
        return Settled(letter, under.verdict or Outcome(Fate.REFUSED_FOR_NOW, words))
