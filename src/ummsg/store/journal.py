"""What a drain has on the wire at this moment, in a file beside the database: what narrows doubt when it is killed.

The ledger records results a window at a time. Before a message is about to be complete its delivery is written here,
and after it its result; so whoever comes upon the file of a drain that died knows of every delivery that it had
claimed: not begun (to be sent), settled (as it says), or begun and not settled (unknown).

A living drain holds a lock on its file, which the system takes from it when it dies. One that was stopped for longer
than its claims hold is *fenced*: a line is put into its file, and it finds its file longer than it made it before it
sends anything more. Appending is atomic, so either its line comes first, and counts as begun, or the fence does.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ummsg.domain.delivery import Settled
from ummsg.vocabulary import DeliveryStatus

_FENCE = b"F\n"
_MARK = ".outbox-"


class Journal:
    """The file of one drain. Everything in it is an append of one line; nothing is ever changed."""

    def __init__(self, database: Path, token: str) -> None:
        self.token = token
        self.path = database.with_name(f"{database.name}{_MARK}{token}")
        self._file = _locked(self.path)
        self._size = os.write(self._file, f"B{_boot()}\n".encode())

    def begin(self, delivery_id: int) -> bool:
        """Write that a message is about to be complete; False if another process has taken our claims meanwhile."""
        self._size += os.write(self._file, b"S%d\n" % delivery_id)
        return os.fstat(self._file).st_size == self._size

    def settle(self, delivery_id: int, settled: Settled) -> None:
        """Write what became of a message that was begun."""
        moments = [moment.isoformat() if moment else None for moment in (settled.due_at, settled.tried_since)]
        line = json.dumps([delivery_id, settled.status, settled.attempts, settled.reply, *moments])
        self._size += os.write(self._file, f"R{line}\n".encode())

    def close(self, *, keep: bool) -> None:
        """`keep` it when something in it is not in the ledger."""
        if not keep:
            self.path.unlink(missing_ok=True)
        os.close(self._file)


def _locked(path: Path) -> int:
    """A new file that is ours. Another process may have looked at it, and taken it away, before we had the lock."""
    while True:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists() and os.fstat(file).st_ino == path.stat().st_ino:
            return file
        os.close(file)


@dataclass(frozen=True)
class Left:
    """What another drain's file says."""

    token: str
    path: Path
    begun: frozenset[int]
    settled: dict[int, Settled]
    dead: bool
    """Its process is gone; else it was fenced."""
    complete: bool
    """Whether every line that was written is there: not after the power went."""


def journals(database: Path) -> Iterator[tuple[str, Path]]:
    """The tokens and files of all drains."""
    for path in sorted(database.parent.glob(f"{database.name}{_MARK}*")):
        yield path.name.rpartition(_MARK)[2], path


def take_over(token: str, path: Path, *, expired: bool) -> Left | None:
    """Read the file of a drain that is dead or, if its claims have `expired`, fence it first; None if it is at work."""
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND)
    except FileNotFoundError:
        return None
    try:
        dead = _is_free(file)
        if not dead and not expired:
            return None
        if not dead:
            os.write(file, _FENCE)
        return _read(token, path, dead=dead)
    finally:
        os.close(file)


def _is_free(file: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _read(token: str, path: Path, *, dead: bool) -> Left:
    begun: set[int] = set()
    settled: dict[int, Settled] = {}
    lines = path.read_bytes().split(b"\n")
    for line in lines[:-1]:  # the last one was not finished, or is empty
        if line == _FENCE.strip():
            break
        if line.startswith(b"S"):
            begun.add(int(line[1:]))
        elif line.startswith(b"R"):
            number, status, attempts, reply, *moments = json.loads(line[1:])
            due_at, tried_since = (datetime.fromisoformat(moment) if moment else None for moment in moments)
            settled[number] = Settled(DeliveryStatus(status), attempts, due_at, reply, tried_since)
    complete = bool(_boot()) and lines[0] == f"B{_boot()}".encode()
    return Left(token, path, frozenset(begun), settled, dead, complete)


def _boot() -> str:
    """This run of the machine; empty where it has no name. What was written before another one may be lost."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
