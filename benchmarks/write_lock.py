"""How long a database's write lock is held, and how long another writer waits for it; both seen from another process.

    python write_lock.py DATABASE

Prints "ready", and on SIGTERM one line of JSON: the longest hold and the longest wait, in seconds.

The holds are seen without touching anything: SQLite in WAL mode locks one byte of the file that ends in -shm to write,
and the system says who has a byte locked. It is asked some 5,000 times a second. A hold ends when the byte is free or a
commit was counted there: two transactions in close succession are two holds. The waits are those of a program that
wants to write twenty times a second: it asks again and again, as SQLite does, and may find the lock taken anew.
"""

import fcntl
import json
import os
import signal
import sqlite3
import struct
import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType

_WRITE_LOCK = 120
"""The byte that is locked by whoever writes: https://www.sqlite.org/walformat.html#wal_locks"""
_COMMITS = 8
"""Where the number of commits stands, four bytes of it."""
_FLOCK = struct.Struct("hhqqi4x")
_LOOK_EVERY = 0.0002
_WRITE_EVERY = 0.05


@dataclass
class Holds:
    """What is seen of one lock by looking at it over and over."""

    longest: float = 0.0
    _since: float | None = None
    _commits: int = -1

    def see(self, held: bool, commits: int, now: float) -> None:
        if self._since is not None:
            self.longest = max(self.longest, now - self._since)
        if not held:
            self._since = None
        elif self._since is None or commits != self._commits:
            self._since = now
        self._commits = commits


def main() -> None:
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60, check_same_thread=False)
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # now the file is there, as long as we are
    waits: list[float] = [0.0]
    writer = threading.Thread(target=_write_now_and_then, args=(database, waits, stopping))
    writer.start()
    descriptor = os.open(f"{sys.argv[1]}-shm", os.O_RDWR)
    holds = Holds()
    print("ready", flush=True)
    while not stopping.is_set():
        holds.see(_is_held(descriptor), _commits(descriptor), time.perf_counter())
        time.sleep(_LOOK_EVERY)
    writer.join()
    print(json.dumps({"longest_hold": holds.longest, "longest_wait": max(waits)}))


def _is_held(descriptor: int) -> bool:
    """By another process; what this one holds is not told."""
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _WRITE_LOCK, 1, 0)
    return bool(_FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK)


def _commits(descriptor: int) -> int:
    return int.from_bytes(os.pread(descriptor, 4, _COMMITS), sys.byteorder)


def _write_now_and_then(database: sqlite3.Connection, waits: list[float], stopping: threading.Event) -> None:
    while not stopping.wait(_WRITE_EVERY):
        begun = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        waits.append(time.perf_counter() - begun)
        database.execute("ROLLBACK")


if __name__ == "__main__":
    main()
