"""What a drain has on the wire at this moment, in a file beside the database: what narrows doubt when it is killed.

The ledger records results a window at a time. Before messages are about to be complete their deliveries are written
here, with the results that came since; so whoever comes upon the file of a drain that died knows of every delivery that
it had claimed: not begun (to be sent), settled (as it says), or begun and not settled (unknown).

A living drain holds a lock on its file, which the system takes from it when it dies. One that was stopped for longer
than its claims hold is *fenced*: a line is put into its file, and it finds its file longer than it made it before it
sends anything more. Appending is atomic, so either its line comes first, and counts as begun, or the fence does.
"""

import fcntl
import glob
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ummsg.domain.delivery import Settled
from ummsg.errors import DiskFull
from ummsg.vocabulary import DeliveryStatus

_FENCE = b"F\n"
_MARK = ".outbox-"


class Journal:
    """The file of one drain. Each write appends one line; nothing is ever changed, and half a line says nothing.

    Every method raises DiskFull for a line that cannot be written whole, and from then on.
    """

    def __init__(self, database: Path, token: str) -> None:
        self.token = token
        self.path = database.with_name(f"{database.name}{_MARK}{token}")
        # It gets the name under which others look for it when it is locked: before, it would look like a dead one's.
        unborn = self.path.with_name(f".{self.path.name}")
        self._file = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._size = 0
        self._is_full = False
        self._append(f"B{_boot()}")
        unborn.rename(self.path)

    def write(self, settled: Mapping[int, Settled], begun: Sequence[int]) -> bool:
        """Write what became of attempts, and which messages are about to be complete; False if another process has
        taken our claims meanwhile."""
        results = [[number, *_fields(each)] for number, each in settled.items()]
        self._append(json.dumps([results, begun]))
        return os.fstat(self._file).st_size == self._size

    def close(self, *, keep: bool) -> None:
        """`keep` it when something in it is not in the ledger."""
        if not keep:
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    def _append(self, line: str) -> None:
        data = f"{line}\n".encode()
        if not self._is_full:
            with suppress(OSError):
                written = os.write(self._file, data)
                self._size += written
                self._is_full = written < len(data)
                if not self._is_full:
                    return
        self._is_full = True
        raise DiskFull(
            f"No room left on the disk of {self.path}",
            details=["nothing is sent that could not be written down"],
            hint="make room there, then: ummsg outbox run",
        )


@dataclass(frozen=True)
class Left:
    """What another drain's file says."""

    token: str
    path: Path
    begun: frozenset[int]
    """Whose message was about to be complete, and nothing is said of what came of it."""
    settled: dict[int, Settled]
    """What became of each delivery's last attempt that has a result; the ledger may have that already."""
    dead: bool
    """Its process is gone; else it was fenced."""
    complete: bool
    """Whether every line that was written is there: not after the power went."""


def journals(database: Path) -> Iterator[tuple[str, Path]]:
    """The tokens and files of all drains."""
    for path in sorted(database.parent.glob(f"{glob.escape(database.name)}{_MARK}*")):
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
    complete = bool(_boot()) and lines[0] == f"B{_boot()}".encode()
    for line in lines[1:-1]:  # the last one was not finished, or is empty
        if line == _FENCE.strip():
            break
        try:
            results, started = _written(line)
        except (ValueError, TypeError):
            complete = False  # what the power left of a line
            continue
        begun.difference_update(results)
        settled.update(results)
        begun.update(started)
        for number in started:
            settled.pop(number, None)
    return Left(token, path, frozenset(begun), settled, dead, complete)


def _written(line: bytes) -> tuple[dict[int, Settled], set[int]]:
    """What one write said. Raises ValueError or TypeError for what is no line of ours."""
    results, begun = json.loads(line)
    return {number: _result(*fields) for number, *fields in results}, set(begun)


def _fields(settled: Settled) -> tuple[Any, ...]:
    status, attempts, due_at, reply, tried_since = settled
    return status, attempts, due_at and due_at.isoformat(), reply, tried_since and tried_since.isoformat()


def _result(status: str, attempts: int, due_at: str | None, reply: str, tried_since: str | None) -> Settled:
    return Settled(DeliveryStatus(status), attempts, _moment(due_at), reply, _moment(tried_since))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _boot() -> str:
    """This run of the machine; empty where it has no name. What was written before another one may be lost."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
