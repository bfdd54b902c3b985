"""postfix's smtp-sink: takes mail and throws it away, and counts it."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Self

from measuring import Failed, Lacking

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


def program(name: str) -> str | None:
    """Where one of postfix's programs is; they are not in everybody's PATH."""
    return shutil.which(name, path=PATH)


class Sink:
    """A running smtp-sink on loopback."""

    def __init__(self) -> None:
        found = program("smtp-sink")
        if found is None:
            raise Lacking("smtp-sink is not installed; apt-get install postfix")
        self.port = free_port()
        as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
        self._counters = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the sink
        self._process = subprocess.Popen(
            [found, *as_nobody, "-c", f"127.0.0.1:{self.port}", "200"], stdout=self._counters, stderr=subprocess.PIPE
        )

    def __enter__(self) -> Self:
        wait_for(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()
        self._counters.close()

    def received(self) -> int:
        """How many messages it has taken so far: what it last printed."""
        end = self._counters.seek(0, os.SEEK_END)
        last = os.pread(self._counters.fileno(), 200, max(0, end - 200)).decode()
        counts = re.findall(r"mesg=(\d+)\r", last)
        return int(counts[-1]) if counts else 0


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def wait_for(port: int, seconds: float = 5) -> None:
    """Until something listens there. Raises Failed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Failed(f"nothing listens on port {port} after {seconds:g} s")
