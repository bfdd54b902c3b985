"""`ummsg serve` as a process of its own."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.acceptance.processes import start
from tests.program import Program


@dataclass
class Serving:
    url: str
    process: "subprocess.Popen[str]"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def serving(program: Program, *options: str) -> Iterator[Serving]:
    """On a free port of loopback, until the block ends; from now on the program's clock is the machine's, as is its."""
    program.now = datetime.now(UTC)
    with start(program, "serve", "--port", "0", *options) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("Serving http://"), said + process.stderr.read()
        # What it says goes on being read, or it would wait for that.
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        try:
            yield Serving(said.split()[1].rstrip(";"), process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
            reader.join()
