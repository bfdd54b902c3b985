"""Bounces in a folder of an IMAP server, over TLS (RFC 3501, RFC 8314), moved into folders below it."""

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from ummsg.errors import InvalidInput, MailServerRefused, MailServerUnreachable, NotConfigured, UmmsgError
from ummsg.mail.bounces.box import PROCESSED, UNMATCHED
from ummsg.mail.transports.base import one_line

TIMEOUT = 60.0
"""Seconds that the server may keep silent."""

_FLAGS = {PROCESSED: r"(\Seen)", UNMATCHED: r"(\Flagged)"}
_EXAMPLE = "imaps://user@mail.example.com/INBOX"


@dataclass(frozen=True)
class ImapSource:
    user: str
    host: str
    port: int
    folder: str
    ca: Path | None = None
    """A file of certificates to trust, instead of the machine's own."""

    def __str__(self) -> str:
        return f"imaps://{self.user}@{self.host}:{self.port}/{self.folder}"


def parse_imaps(url: str) -> ImapSource:
    """`imaps://user@host[:port]/folder[?ca=FILE]`; an @ in the user is %40.

    Raises InvalidInput, without repeating any of a URL that may hold a password.
    """
    login, at, place = url.partition("//")[2].rpartition("@")
    if not at or ":" in login or "/" in login:
        raise InvalidInput(
            "The URL of the mailbox names no user, or holds a password, which would be shown wherever the URL is",
            hint=f"{_EXAMPLE}, and the password in UMMSG_BOUNCE_PASSWORD, _FILE or _COMMAND",
        )
    try:
        parts = urlsplit(f"imaps://{place}")
        port = parts.port or 993
    except ValueError:
        raise InvalidInput("The URL of the mailbox makes no sense", hint=_EXAMPLE) from None
    options = dict(parse_qsl(parts.query))
    ca = options.pop("ca", "")
    user, folder = unquote(login), unquote(parts.path.strip("/")) or "INBOX"
    if not (parts.hostname and user) or options or not all(map(_plain, (user, folder, parts.hostname))):
        raise InvalidInput(
            "The URL of the mailbox makes no sense",
            details=["user, host and folder are printable ASCII; the only option is ca=FILE"],
            hint=_EXAMPLE,
        )
    return ImapSource(user, parts.hostname, port, folder, Path(ca).expanduser() if ca else None)


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


class ImapBox:
    def __init__(self, source: ImapSource, password: Callable[[], str | None]) -> None:
        self._source = source
        self._password = password
        self._connection: Any = None
        self._abilities: list[str] = []
        """What the server can do for those who have logged in; it says less to others."""
        self._delimiter = "/"
        self.description = str(source)

    def __enter__(self) -> Self:
        """Raises MailServerUnreachable, MailServerRefused (certificate, credentials), NotConfigured without a password,
        and InvalidInput for a folder that is not there."""
        password = self._password()
        if password is None:
            raise NotConfigured(
                "The mailbox of bounces has no password",
                hint="UMMSG_BOUNCE_PASSWORD, UMMSG_BOUNCE_PASSWORD_FILE or UMMSG_BOUNCE_PASSWORD_COMMAND in .env",
            )
        with self._explained():
            self._connection = imaplib.IMAP4_SSL(
                self._source.host, self._source.port, ssl_context=self._trust(), timeout=TIMEOUT
            )
        try:
            self._log_in(password)
            with self._explained():
                said = b" ".join(self._said(self._connection.capability()))
                self._abilities = said.decode("ascii", "replace").upper().split()
                self._select()
        except BaseException:
            self._log_out()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log_out()

    def keys(self) -> Sequence[str]:
        with self._explained():
            found = self._said(self._connection.uid("SEARCH", "UNDELETED"))
        return [uid.decode() for uid in b" ".join(filter(None, found)).split() if uid.isdigit()]

    def read(self, key: str, most: int) -> bytes | None:
        with self._explained():
            what = f"(BODY.PEEK[]<0.{most + 1}>)"  # never more, however long it is
            answer = self._said(self._connection.uid("FETCH", key, what))
        return next((bytes(item[1]) for item in answer if isinstance(item, tuple)), None)

    def move(self, key: str, folder: str) -> None:
        """Flagged first: seen if it was dealt with, flagged for somebody to look at if not. Where the server cannot
        move (RFC 6851) it is copied and deleted."""
        target = _quoted(self._below(folder))
        with self._explained():
            self._said(self._connection.uid("STORE", key, "+FLAGS.SILENT", _FLAGS[folder]))
            if "MOVE" in self._abilities:
                self._said(self._connection.uid("MOVE", key, target))
                return
            self._said(self._connection.uid("COPY", key, target))
            self._said(self._connection.uid("STORE", key, "+FLAGS.SILENT", r"(\Deleted)"))
            if "UIDPLUS" in self._abilities:
                self._said(self._connection.uid("EXPUNGE", key))

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=None if self._source.ca is None else str(self._source.ca))
        except (OSError, ssl.SSLError) as error:
            raise NotConfigured(f"{self._source.ca} cannot be read as certificates", details=[str(error)]) from None

    def _log_in(self, password: str) -> None:
        """Nothing that is said of it repeats the password."""
        user = self._source.user
        try:
            with self._unreachable():
                if "AUTH=PLAIN" in self._connection.capabilities:
                    self._connection.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
                else:
                    self._connection.login(_quoted(user), password)
        except (imaplib.IMAP4.error, UnicodeEncodeError):
            raise MailServerRefused(
                f"{self._source.host} refused the password of {user}",
                hint="UMMSG_BOUNCE_PASSWORD, UMMSG_BOUNCE_PASSWORD_FILE or UMMSG_BOUNCE_PASSWORD_COMMAND",
            ) from None

    def _select(self) -> None:
        status, said = self._connection.select(_quoted(self._source.folder))
        if status != "OK":
            raise InvalidInput(
                f"There is no folder {self._source.folder} for {self._source.user} on {self._source.host}",
                details=[_words(said)],
                hint=_EXAMPLE,
            )
        self._delimiter = _delimiter(self._connection.list('""', '""')[1])
        for name in (PROCESSED, UNMATCHED):
            self._connection.create(_quoted(self._below(name)))  # refused if it is there, as it should be

    def _below(self, name: str) -> str:
        return f"{self._source.folder}{self._delimiter}{name}"

    def _said(self, answer: tuple[str, list[Any]]) -> list[Any]:
        status, said = answer
        if status != "OK":
            raise UmmsgError(f"{self._source.host} refused what ummsg asked of it", details=[_words(said)])
        return said

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with self._unreachable():
                yield
        except imaplib.IMAP4.error as error:
            raise UmmsgError(f"{self._source.host} does not speak IMAP as it should", details=[_words(error)]) from None

    @contextmanager
    def _unreachable(self) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise MailServerRefused(
                f"The certificate of {self._source.host} is not to be trusted", details=[error.verify_message]
            ) from None
        except (OSError, imaplib.IMAP4.abort) as error:
            what = f"No conversation with {self._source.host}:{self._source.port}"
            raise MailServerUnreachable(what, details=[_words(error)], hint="the same command, later") from None

    def _log_out(self) -> None:
        with suppress(OSError, imaplib.IMAP4.error):
            self._connection.logout()
        with suppress(OSError):
            self._connection.shutdown()  # which logging out does only where it is answered


def _quoted(text: str) -> str:
    """An IMAP string (RFC 3501 § 4.3); what it is made of is printable ASCII."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _delimiter(answer: Sequence[Any]) -> str:
    """What stands between a folder and one below it, as LIST "" "" says; a slash if it does not."""
    found = re.search(rb'\(.*?\) "(.)"', answer[0]) if answer and isinstance(answer[0], bytes) else None
    return found[1].decode("ascii", "replace") if found else "/"


def _words(said: object) -> str:
    """What a server said, fit for a terminal."""
    if isinstance(said, list):
        said = b" ".join(item for item in said if isinstance(item, bytes))
    return one_line(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))
