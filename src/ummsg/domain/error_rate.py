"""When too much of a broadcast is refused for it to go on by itself.

A stale list, a sender that a filter has taken against, a server that takes nothing at all: each next message makes
matters worse (receivers count the refusals against the sender), and somebody has to look. So the last results of a
broadcast are kept, and it is paused when too few of them are good.

Only the first attempt at a recipient counts. Whoever is tried again was refused before: at the end of a broadcast
nobody else is left, and of them alone most would be refused again, whatever the server thinks of us.

A refusal for good, and a message of which nobody knows whether it arrived, is an error. One for now is not: that is how
servers ask to be given time, and a person would only be woken to press `resume`. But where hardly anything gets
through, a million recipients are not to be deferred one by one.
"""

import re
from collections.abc import Iterable, Sequence

from ummsg.vocabulary import DeliveryStatus

WINDOW = 200
"""First attempts that are looked back at."""
LEAST = 100
"""Fewer say nothing."""
STANDSTILL = 0.8
"""The part that may be refused in any way, for good or for now."""
WORDS_SHOWN = 3
"""Different replies that a reason names."""

GOOD, FOR_NOW, ERROR = ".", "d", "x"
_MARKS = {DeliveryStatus.SENT: GOOD, DeliveryStatus.DEFERRED: FOR_NOW}

_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@:;,]+>?")
_LONGEST_REPLY = 100


def slid(recent: str, statuses: Iterable[DeliveryStatus]) -> str:
    """What is kept of a broadcast's results, a letter each and the newest last, after these."""
    return (recent + "".join(_MARKS.get(status, ERROR) for status in statuses))[-WINDOW:]


def complaint(recent: str, limit: float | None) -> str:
    """Why a broadcast with these results must not go on, in words; nothing if it may.

    `limit` is the part of errors that is borne; None bears everything.
    """
    seen = len(recent)
    if limit is None or seen < LEAST:
        return ""
    errors, refused = recent.count(ERROR), seen - recent.count(GOOD)
    if errors > limit * seen:
        return f"{errors} of the last {seen} recipients failed, more than {limit:.0%}"
    if refused > max(limit, STANDSTILL) * seen:
        return f"{refused} of the last {seen} recipients were refused or put off"
    return ""


def different(replies: Sequence[str]) -> list[str]:
    """The last different replies, the newest first; addresses in them are no difference, and nobody's business."""
    seen = dict.fromkeys(_ADDRESS.sub("…", reply) for reply in reversed(replies))
    return [reply if len(reply) <= _LONGEST_REPLY else reply[: _LONGEST_REPLY - 1] + "…" for reply in seen][
        :WORDS_SHOWN
    ]
