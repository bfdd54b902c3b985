"""Making messages some at a time: a processor that has just made one makes the next a good deal faster than one that
comes from talking to a server.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from time import monotonic

from ummsg.services.prepared_email import Parcel
from ummsg.services.turns import Claimed

MOST = 64
MOST_BYTES = 512 * 1024
"""Of messages that are made before it is their turn."""
LONGEST = 0.02
"""Seconds for which making them may keep from everything else that goes on."""


class Making:
    """Makes what is asked for, and some of what follows it: more each time within one second, and none for somebody
    who asks once in a second."""

    def __init__(self) -> None:
        self._made: dict[int, Parcel] = {}
        self._date: datetime | None = None
        self._at_once = 1

    def parcel(self, claimed: Claimed, following: Iterable[Claimed], date: datetime) -> Parcel:
        """The message of `claimed` as of `date`, a whole second. Raises what making it raises."""
        if date != self._date:
            self._date = date
            self._made.clear()
            self._at_once = 1
        if (made := self._made.pop(claimed.delivery.id, None)) is not None:
            return made
        asked_for = claimed.parcel(now=date)
        self._make_ahead(following, date)
        return asked_for

    def _make_ahead(self, following: Iterable[Claimed], date: datetime) -> None:
        size, until = 0, monotonic() + LONGEST
        for claimed in islice(following, self._at_once - 1):
            try:
                made = claimed.parcel(now=date)
            except Exception:  # it is told what is wrong with it when its turn comes, and no sooner
                break
            self._made[claimed.delivery.id] = made
            if (size := size + len(made.message)) > MOST_BYTES or monotonic() > until:
                break
        self._at_once = min(2 * self._at_once, MOST)
