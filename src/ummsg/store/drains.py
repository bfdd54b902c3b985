"""Which drains are alive: each holds a lock on its journal for as long as it lives."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from ummsg.store.journal import journals


def living_drains(database: Path) -> set[str]:
    """Their tokens."""
    return {token for token, path in journals(database) if _is_locked(path)}


def _is_locked(path: Path) -> bool:
    """Asked with a lock that others may share, and for a moment only: whoever asks meanwhile takes it for alive, and
    asks again with its next run."""
    with suppress(FileNotFoundError):
        file = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
    return False
