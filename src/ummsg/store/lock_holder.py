"""Which process holds a database's write lock, as far as the system tells (Linux: /proc/locks, see proc(5))."""

import os
from pathlib import Path


def lock_holder(database: Path) -> str | None:
    """Such as `process 4711 (ummsg customers import big.csv)`; None where it cannot be told."""
    try:
        files = (database, database.with_name(f"{database.name}-shm"))
        inodes = {file.stat().st_ino for file in files if file.exists()}
        locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in locks:
        pid = _writer_of(line, inodes)
        if pid is not None and pid != os.getpid():
            return f"process {pid}{_command_of(pid)}"
    return None


def _writer_of(line: str, inodes: set[int]) -> int | None:
    """A line reads `1: POSIX  ADVISORY  WRITE 4711 08:01:131138 120 120`."""
    fields = line.split()
    if len(fields) < 6 or fields[1] != "POSIX" or fields[3] != "WRITE":
        return None
    inode = int(fields[5].rsplit(":", 1)[1])
    return int(fields[4]) if inode in inodes else None


def _command_of(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return f" ({' '.join(words).strip()[:80]})"
