"""The program as a process that is signalled while it runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from tests.program import Program


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Look again and again, until it is so. Raises AssertionError if it never is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.002)


def start(program: Program, *arguments: str) -> subprocess.Popen[str]:
    """The program in a process of its own, with the machine's clock; `communicate` for what it says."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(program.folder), "LANG": "C.UTF-8", **program.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "ummsg", *arguments],
        cwd=program.folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
