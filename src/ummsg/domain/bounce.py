"""What a mail server told us, after it had taken a message, about its delivery."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ummsg.domain.address import checked_address
from ummsg.domain.customer import email_key
from ummsg.domain.delivery import Delivery
from ummsg.errors import InvalidInput


class Verdict(StrEnum):
    """What a notification says has become of the message (the actions of RFC 3464 § 2.3.3)."""

    FAILED = "failed"
    """For good: it will not be delivered."""
    DELAYED = "delayed"
    """Not yet; the server goes on trying."""
    OTHER = "other"
    """Delivered, relayed or expanded: nothing to do."""


_GRAVEST_FIRST = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Notification:
    """One message about a delivery that a server wrote: its verdict, and the words of the server that refused."""

    verdict: Verdict
    reply: str
    """One line, beginning with the most exact status code there is."""
    recipient: str = ""
    """The address that it is about; empty if it names none."""

    def is_about(self, address: str) -> bool:
        """Also if it names nobody: each of our messages has one recipient."""
        return not self.recipient or _key(self.recipient) == email_key(address)


@dataclass(frozen=True, slots=True)
class Bounce:
    """A notification tied to the delivery it is about; `digest` is the hash of the whole message."""

    digest: str
    delivery: Delivery
    verdict: Verdict
    reply: str
    of_recipient: bool
    """Whether it says so of the delivery's address, and not of another that the message was passed on to."""


def bounce_of(digest: str, delivery: Delivery, said: Sequence[Notification]) -> Bounce:
    """What one message says of a delivery: of its address, or else of any; the gravest of that. `said` is not empty."""
    ours = [notification for notification in said if notification.is_about(delivery.email)]
    gravest = min(ours or said, key=lambda notification: _GRAVEST_FIRST.index(notification.verdict))
    return Bounce(digest, delivery, gravest.verdict, gravest.reply, of_recipient=bool(ours))


def _key(reported: str) -> str:
    """Of an address as servers write it: its domain may be in Punycode, since ours are on the wire."""
    try:
        return email_key(checked_address(reported))
    except InvalidInput:
        return email_key(reported)
