"""Mail into this process's memory: `memory:` or `memory:NAME`, for tests and rehearsals."""

from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate, Outcome
from ummsg.mail.transports.base import (
    Envelope,
    NothingToClose,
    Password,
    refuse_host,
    refuse_unknown_options,
    unusable,
)

_boxes: dict[str, list[tuple[Envelope, bytes]]] = {}


def messages_in(name: str = "") -> list[tuple[Envelope, bytes]]:
    """The box that `memory:NAME` fills, as long as the process lives; `clear()` empties it for the program too."""
    return _boxes.setdefault(name, [])


def open_transport(url: MailUrl, password: Password) -> "MemoryTransport":
    refuse_unknown_options(url)
    refuse_host(url, "memory:name")
    return MemoryTransport(url.path)


class MemoryTransport(NothingToClose):
    """`messages` holds what was sent, oldest first, shared by all transports of that name."""

    def __init__(self, name: str = "") -> None:
        self.messages = messages_in(name)
        self.description = f"memory:{name}"

    def connect(self) -> "MemoryTransport":
        return self

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        refused = unusable(envelope)
        if refused:
            return refused
        self.messages.append((envelope, message))
        return Outcome(Fate.ACCEPTED, f"kept in memory, number {len(self.messages)}")
