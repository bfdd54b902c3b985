"""What the suite has to know of a peer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from letter import Letter


@dataclass(frozen=True)
class Errand:
    """So many messages to send; the recipients are in a CSV file with columns email and name."""

    messages: int
    letter: Letter
    recipients: Path
    folder: Path
    """Where a peer may write what it needs."""


class Peer(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def in_words(self) -> str:
        """The command, without what changes each time."""

    def lacking(self) -> str:
        """Why it cannot be measured here; nothing if it can."""

    def version(self) -> str: ...

    def command(self, errand: Errand, port: int) -> list[str]:
        """What does the errand, to the server on a port of this machine."""
