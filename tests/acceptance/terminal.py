"""`ummsg` on a real pseudo-terminal, its screen read by a terminal emulator."""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import pexpect
import pyte

from tests.program import Program

PATIENCE = 15
"""Seconds until a screen that does not come is a failure."""

KEYS = {"<Enter>": "\r", "<Esc>": "\x1b", "<Up>": "\x1b[A", "<Down>": "\x1b[B", "<Backspace>": "\x7f"}
KEYS |= {"<Ctrl-C>": "\x03", "<Ctrl-D>": "\x04", "<Ctrl-O>": "\x0f", "<Space>": " "}


class Terminal:
    """A running command: press keys, and wait for what the screen must show."""

    def __init__(
        self, program: Program, *arguments: str, columns: int = 80, rows: int = 30, stdout: str = "", **env: str
    ) -> None:
        """`stdout` is a file that standard output goes to; the terminal has the rest."""
        self.screen = pyte.HistoryScreen(columns, rows, history=1000, ratio=0.5)
        self._stream = pyte.Stream(self.screen)
        self.raw = ""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(program.folder),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            **program.environ,
            **env,
        }
        redirected = f'exec "$@" > {stdout}' if stdout else 'exec "$@"'
        self._child = pexpect.spawn(
            "/bin/sh",
            ["-c", redirected, "sh", sys.executable, "-m", "ummsg", *arguments],
            cwd=program.folder,
            env=environ,
            dimensions=(rows, columns),
            encoding="utf-8",
            timeout=PATIENCE,
        )

    @property
    def text(self) -> str:
        """What is on the screen, without empty lines, every run of spaces as one."""
        return "\n".join(" ".join(line.split()) for line in self.screen.display if line.strip())

    def press(self, *keys: str) -> "Terminal":
        for key in keys:
            self._child.send(KEYS.get(key, key))
        return self

    def paste(self, text: str) -> "Terminal":
        """A paste as terminals send it to programs that ask for brackets."""
        return self.press(f"\x1b[200~{text}\x1b[201~")

    def shows(self, *texts: str) -> "Terminal":
        """Wait until all of these are on the screen."""
        return self._until(lambda: all(text in self.text for text in texts), f"to show {texts}")

    def hides(self, text: str) -> "Terminal":
        return self._until(lambda: text not in self.text, f"to show no {text!r}")

    def ends(self, code: int) -> "Terminal":
        while not self._read():
            pass
        self._child.close()
        assert self._child.exitstatus == code, f"{self._child.exitstatus}\n{self.text}"
        return self

    def hang_up(self) -> None:
        """Close the terminal's window, as a lost connection does, and wait for the command to end."""
        process = self._child.ptyproc
        process.fileobj.close()
        os.waitpid(process.pid, 0)
        process.closed = process.terminated = self._child.closed = self._child.terminated = True

    def close(self) -> None:
        if not self._child.closed:
            self._child.close(force=True)

    def _until(self, done: Callable[[], Any], what: str) -> "Terminal":
        deadline = time.monotonic() + PATIENCE
        while not done():
            ended = self._read()
            assert done() or not ended, f"it ended before it came {what}:\n{self.text}"
            assert time.monotonic() < deadline, f"it never came {what}:\n{self.text}"
        return self

    def _read(self) -> bool:
        """Take in what it has written; true once it has ended."""
        try:
            new = self._child.read_nonblocking(65536, timeout=0.2)
        except pexpect.TIMEOUT:
            return False
        except pexpect.EOF:
            return True
        self.raw += new
        self._stream.feed(new)
        return False
