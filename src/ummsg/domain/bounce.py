"""What a mail server told us, after it had taken a message, about its delivery."""

from dataclasses import dataclass
from enum import StrEnum

from ummsg.domain.delivery import Delivery


class Verdict(StrEnum):
    """What a notification says has become of the message (the actions of RFC 3464 § 2.3.3)."""

    FAILED = "failed"
    """For good: it will not be delivered."""
    DELAYED = "delayed"
    """Not yet; the server goes on trying."""
    OTHER = "other"
    """Delivered, relayed or expanded: nothing to do."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message about a delivery that a server wrote: its verdict, and the words of the server that refused."""

    verdict: Verdict
    reply: str
    """One line, beginning with the most exact status code there is."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A notification tied to the delivery it is about; `digest` is the hash of the whole message."""

    digest: str
    delivery: Delivery
    verdict: Verdict
    reply: str
