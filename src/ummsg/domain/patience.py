"""How long to wait for what comes back by itself: a mail server that is away, a database that is locked."""

from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)
"""So soon, at the latest, it is noticed that a server is back."""


def pause_after(failures: int) -> timedelta:
    """After so many in a row: doubling, bounded. A server that comes up again is not met by everybody every second."""
    return min(FIRST_PAUSE * int(2 ** min(failures - 1, 20)), LONGEST_PAUSE)
