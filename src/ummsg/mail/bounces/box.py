"""A mailbox that bounces come into, whatever kind it is."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from ummsg.errors import InvalidInput

PROCESSED = "Processed"
UNMATCHED = "Unmatched"


class Box(Protocol):
    """Open while it is a context. What is not moved lies in it the next time."""

    description: str
    """For people, without secrets."""

    def keys(self) -> Sequence[str]:
        """Of the messages that are there now. Raises NotConfigured if this user may not list them."""

    def read(self, key: str, most: int) -> bytes | None:
        """The message, or its beginning if it has more than `most` bytes, so that one more than that comes; None if it
        is gone. Raises NotConfigured if this user may not read it, or the disk does not let anybody."""

    def move(self, key: str, folder: str) -> None:
        """Into PROCESSED or UNMATCHED; nothing if somebody else was sooner."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_box(source: str, password: Callable[[], str | None]) -> Box:
    """The mailbox that a maildir's path or an `imaps:` URL names; opens nothing yet.

    Raises InvalidInput for what is neither.
    """
    from ummsg.mail.bounces.imap import ImapBox, parse_imaps
    from ummsg.mail.bounces.maildir import MaildirBox

    scheme, separator, _ = source.partition(":")
    if scheme.lower() == "imaps":
        return ImapBox(parse_imaps(source), password)
    if separator and scheme.lower() in ("imap", "pop", "pop3", "pop3s", "mbox", "maildir"):
        raise InvalidInput(
            f"Bounces are not read from {scheme.lower()}:", hint="a maildir's folder, or imaps://user@host/folder"
        )
    return MaildirBox(source)
