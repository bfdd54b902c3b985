"""Carrying many messages: what a drain and a transport say to each other while they are on their way."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ummsg.domain.delivery import Outcome
from ummsg.errors import MailServerRefused, MailServerUnreachable, NotConfigured
from ummsg.mail.transports.base import Envelope, Transport


class Letter(NamedTuple):
    """A message to be delivered; `key` is the drain's name for it."""

    key: int
    envelope: Envelope
    message: bytes


class Sack(Protocol):
    """Where a courier gets its letters from, and whom it tells what became of them.

    Every method may raise: then the courier lets what is on the wire finish, settles it, closes, and raises it on.
    """

    def next(self) -> Letter | None:
        """The next one; None if there is none at this moment."""

    @property
    def finished(self) -> bool:
        """Whether there will be none any more."""

    def wait(self, seconds: float) -> None:
        """Come back when there may be a next one, or after so long."""

    def commit(self, keys: Sequence[int]) -> bool:
        """Keep what was settled, before anything more is said; and whether these letters may go, now that they are
        about to be complete. After True their outcome has to be told."""

    def settle(self, key: int, outcome: Outcome | MailServerRefused) -> None:
        """What became of a letter; an error is about its sender, not about its recipient."""

    def take_back(self, key: int) -> None:
        """A letter that was not begun, and will not be by this courier."""


def carry(transport: Transport, sack: Sack, *, connections: int) -> None:
    """Deliver everything in a sack, in a transport's own way (`carry(sack, connections)`) if it has one.

    Raises what the sack raises, and what opening a connection raises.
    """
    own = getattr(transport, "carry", None)
    if own is None:
        _carry_one_by_one(transport, sack)
    else:
        own(sack, connections)


def _carry_one_by_one(transport: Transport, sack: Sack) -> None:
    """For transports that have no way of their own: over one connection, each letter settled before the next."""
    with transport.connect() as connection:
        while not sack.finished:
            letter = sack.next()
            if letter is None:
                sack.wait(1)
                continue
            if not sack.commit([letter.key]):
                sack.take_back(letter.key)
                return
            try:
                outcome: Outcome | MailServerRefused = connection.send(letter.envelope, letter.message)
            except MailServerRefused as error:
                outcome = error
            except (MailServerUnreachable, NotConfigured):
                sack.take_back(letter.key)
                raise
            sack.settle(letter.key, outcome)
            sack.commit([])
