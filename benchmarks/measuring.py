"""Running a command to its end: how long it took, how much processor time, how much memory at its peak."""

import os
import re
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 1800
"""Seconds after which a command is taken to hang, and killed."""

_LOOK_EVERY = 20
"""Milliseconds between two looks at a process's peak memory, which only grows."""


class Failed(Exception):
    """A command did not do what it was measured for: its figure would be void."""


class Lacking(Exception):
    """Something that a measurement needs is not installed."""


@dataclass(frozen=True)
class Measured:
    seconds: float
    cpu: float
    peak: float
    said: str
    """What it wrote on standard output."""


def measure(command: Sequence[str], *, folder: Path, environ: dict[str, str] | None = None) -> Measured:
    """Run a command with nothing of ours in its way: its output goes to files. Raises Failed if it fails."""
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    os.sync()  # what the command before left to be written is not this one's burden
    with out.open("wb") as stdout, err.open("wb") as stderr:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        peak = _watch(process)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
    process.returncode = code = os.waitstatus_to_exitcode(status)
    if code:
        said = (err.read_text(errors="replace") or out.read_text(errors="replace")).strip().splitlines()[-3:]
        raise Failed(f"{Path(command[0]).name} ended with {code}: {' | '.join(said) or 'it said nothing'}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, peak, out.read_text(errors="replace"))


def _watch(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process to end; its peak in MiB.

    Not getrusage: its peak is also that of the process which started this one.
    """
    peak, until = 0.0, time.monotonic() + LONGEST
    descriptor = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not poll.poll(_LOOK_EVERY):
            peak = max(peak, _peak(process.pid))
            if time.monotonic() > until:
                process.kill()
    finally:
        os.close(descriptor)
    return peak


def _peak(process_id: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process_id}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
