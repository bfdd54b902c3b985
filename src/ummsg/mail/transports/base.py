"""What a transport promises, and how one is found (docs/transports.md walks through adding one).

A transport is found by its URL's scheme through the entry point group `ummsg.transports`. The entry point names a
function `open_transport(url: MailUrl, password: Callable[[], str | None]) -> Transport`; it reads and checks the
URL and does no I/O.
"""

import re
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, cast

from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate, Outcome
from ummsg.errors import NotConfigured

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "ummsg.transports"

Password = Callable[[], str | None]
"""Asked for only when a server wants one; raises NotConfigured."""


class Envelope(NamedTuple):
    """RFC 5321: who it is from and the one recipient it is for, as bare addresses; not what the headers say."""

    mail_from: str
    rcpt_to: str


class Connection(Protocol):
    """An open conversation, kept between messages; a context manager that closes itself and never raises then.

    Closing it twice is the same as closing it once.
    """

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Hand over one message (RFC 5322 bytes with CRLF line ends) and say what became of it.

        A refusal leaves the conversation usable for the next message. Raises MailServerRefused when credentials or
        sender are refused, MailServerUnreachable when no conversation can be had, and NotConfigured when what the
        transport needs on this machine is missing or full: in all three the message was certainly not accepted.
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


class NothingToClose:
    """For a connection that keeps nothing open between messages."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_transport(url: MailUrl, password: Password) -> Transport:
    """The transport for the URL's scheme; no other one is imported.

    Raises NotConfigured for a scheme that nobody provides, an add-on that cannot be loaded, or a URL that the
    transport cannot use.
    """
    from importlib.metadata import entry_points

    provided = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if url.scheme not in provided:
        raise _unknown_scheme(url.scheme, sorted(provided))
    return _load(provided[url.scheme])(url, password)


def refuse_unknown_options(url: MailUrl, known: Iterable[str] = ()) -> None:
    """Raises NotConfigured for an option (`?name=value`) that the transport does not have."""
    known = list(known)
    for name in url.options:
        if name not in known:
            raise NotConfigured(
                f"UMMSG_MAIL_URL has the option {name!r}; {url.scheme} takes {_listed(known) if known else 'none'}",
                hint=_closest(name, known) or f"UMMSG_MAIL_URL without {name}=",
            )


def refuse_host(url: MailUrl, example: str) -> None:
    """Raises NotConfigured for a URL with a host, given to a transport that stays on this machine."""
    if url.host or url.user or url.port:
        raise NotConfigured(
            f"UMMSG_MAIL_URL names the host {url.host!r}, and {url.scheme} stays on this machine",
            hint=f"write it with no slashes after the colon, or three: {example}",
        )


_ADDRESS = re.compile(r"[^\s<>\x00-\x20\x7f]*")


def unusable(envelope: Envelope) -> Outcome | None:
    """A refusal for an address that would end the line it stands in, and add others to it; None if it is fine."""
    both = "".join(envelope)
    if envelope.rcpt_to and both.isprintable() and not (" " in both or "<" in both or ">" in both):
        return None  # nearly always, and looked at in less time than the pattern takes
    for address in envelope:
        if not _ADDRESS.fullmatch(address):
            return Outcome(Fate.REFUSED, f"not sent: {address!r} cannot be an address")
    return None if envelope.rcpt_to else Outcome(Fate.REFUSED, "not sent: there is no recipient")


def one_line(text: str, limit: int = 500) -> str:
    """What a program or server said, fit for a ledger and a terminal: one line, printable, bounded."""
    printable = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    cleaned = " ".join(printable.split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def _load(entry: "EntryPoint") -> OpenTransport:
    try:
        return cast(OpenTransport, entry.load())
    except Exception as error:  # whatever an add-on's module raises, it is the add-on that cannot be used
        package = f" of the package {entry.dist.name}" if entry.dist else ""
        raise NotConfigured(
            f"The transport for {entry.name}: cannot be loaded",
            details=[f"{entry.value}{package}: {type(error).__name__}: {one_line(str(error))}"],
            hint="install the package again, or set UMMSG_MAIL_URL to another transport",
        ) from error


def _unknown_scheme(scheme: str, known: list[str]) -> NotConfigured:
    return NotConfigured(
        f"UMMSG_MAIL_URL begins with {scheme}:, and no transport is installed for that",
        details=[f"known: {_listed(f'{name}:' for name in known)}"],
        hint=_closest(scheme, known) or "UMMSG_MAIL_URL=smtp://user@mail.example.com:587",
    )


def _closest(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), known, n=1)
    return f"{close[0]} instead of {word}" if close else ""


def _listed(names: Iterable[str]) -> str:
    *most, last = list(names)
    return f"{', '.join(most)} and {last}" if most else last
