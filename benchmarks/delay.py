"""A slow way to a sink, and proof that it is slow for its delay and nothing else."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from socket import create_connection
from types import TracebackType
from typing import Self

from sink import free_port, wait_for

_PROGRAM = Path(__file__).with_name("delay_proxy.py")
_PINGS = 30


class Delay:
    """A running delay proxy (`delay_proxy.py`) in front of a server on loopback."""

    def __init__(self, server_port: int, round_trip: float) -> None:
        self.port = free_port()
        arguments = [str(self.port), str(server_port), str(round_trip / 2)]
        self._process = subprocess.Popen([sys.executable, str(_PROGRAM), *arguments])

    def __enter__(self) -> Self:
        wait_for(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def round_trip(self) -> float:
        """Seconds from a command to its reply, as measured: the median."""
        with create_connection(("127.0.0.1", self.port)) as connection, connection.makefile("rb") as replies:
            replies.readline()
            took = [_ping(connection.sendall, replies.readline) for _ in range(_PINGS)]
        return statistics.median(took)


def _ping(send: Callable[[bytes], None], receive: Callable[[], bytes]) -> float:
    begun = time.perf_counter()
    send(b"NOOP\r\n")
    receive()
    return time.perf_counter() - begun
