"""What a transport promises (docs/transports.md walks through adding one).

A transport is found by its URL's scheme through the entry point group `ummsg.transports`. The entry point names a
function `open_transport(url: MailUrl, password: Callable[[], str | None]) -> Transport`; it reads and checks the
URL and does no I/O.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from ummsg.config import MailUrl
from ummsg.domain.delivery import Outcome

Password = Callable[[], str | None]
"""Asked for only when a server wants one; raises NotConfigured."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """RFC 5321: who it is from and the one recipient it is for, as bare addresses; not what the headers say."""

    mail_from: str
    rcpt_to: str


class Connection(Protocol):
    """An open conversation, kept between messages; a context manager that closes itself and never raises then."""

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Hand over one message (RFC 5322 bytes with CRLF line ends) and say what became of it.

        Raises MailServerRefused when credentials or sender are refused and MailServerUnreachable when no
        conversation can be had: in both cases the message was certainly not accepted.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Transport(Protocol):
    description: str
    """For people: where the mail goes, without secrets."""

    def connect(self) -> Connection:
        """Open a conversation: reach, secure and log in, without sending anything.

        Raises MailServerUnreachable, MailServerRefused (certificate, missing TLS, credentials) or NotConfigured.
        """


OpenTransport = Callable[[MailUrl, Password], Transport]
