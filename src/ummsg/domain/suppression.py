"""An address that must not be mailed, with the reason; and when a server's refusal proposes one."""

import re
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    email: str
    reason: str
    created_at: datetime


_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.4.310"})
"""Enhanced status codes (RFC 3463, RFC 7505, Microsoft's 5.4.310) that say that nobody will ever read this address: no
such mailbox, no such domain, no such syntax, moved away, a domain that takes no mail.

Not here: 5.2.1, which some send for a mailbox that is only busy; 5.2.2 (full), 5.3.4 (too big) and 5.7.x (policy),
which are about the message or the moment; 5.4.4, which a relay of ours without DNS would say about everybody.
"""

_STATUS = re.compile(r"\s*(?:5\d\d[ -]+)?(?P<code>5\.\d{1,3}\.\d{1,3})(?![.\d])")


def says_nobody(reply: str) -> bool:
    """Whether a server's reply refuses the recipient's own address for good, so that mailing it again is no use.

    Decided by the enhanced status code at the beginning alone: words are in every language and mean anything.
    """
    found = _STATUS.match(reply)
    return found is not None and found["code"] in _NO_SUCH_ADDRESS
