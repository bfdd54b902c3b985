"""postfix's smtp-sink: takes mail and throws it away."""

import os
import shutil
import smtplib
import socket
import subprocess
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from measuring import Failed, Lacking

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


def program(name: str) -> str | None:
    """Where one of postfix's programs is; they are not in everybody's PATH."""
    return shutil.which(name, path=PATH)


class Sink:
    """A running smtp-sink on loopback, for so many messages.

    It counts them silently, as counting aloud (-c) takes time, and most from those who open many connections: it ends
    by itself at one message more, and that one is ours to send when all the others should be there.
    """

    def __init__(self, messages: int) -> None:
        found = program("smtp-sink")
        if found is None:
            raise Lacking("smtp-sink is not installed; apt-get install postfix")
        self.port = free_port()
        self._messages = messages
        as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [found, *as_nobody, "-M", str(messages + 1), f"127.0.0.1:{self.port}", "200"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE)

    def __enter__(self) -> Self:
        wait_for(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def check(self) -> None:
        """Raises Failed unless it has taken as many messages as were meant for it, no more and no fewer."""
        if self._process.poll() is not None:
            raise Failed(f"smtp-sink took more than {self._messages:,} messages, or ended for another reason")
        with suppress(smtplib.SMTPServerDisconnected), smtplib.SMTP("127.0.0.1", self.port) as one_more:
            one_more.sendmail("hello@example.com", ["one@example.com"], b"Subject: one more\r\n\r\n")
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            raise Failed(f"smtp-sink took fewer than {self._messages:,} messages") from None


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
