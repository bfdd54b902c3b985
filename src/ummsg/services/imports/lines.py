"""Physical lines, numbered, of bounded length, that can be read again after a row went wrong."""

import io
from collections import deque
from collections.abc import Sequence
from typing import TextIO

LINE_LIMIT = 1024 * 1024
"""Characters in a line."""

ROW_LIMIT = 500
"""Lines in a row: a quote that is opened and never closed must not swallow the file."""

BLOCK = 64 * 1024
"""Characters, about, that are read at once."""


class TooLong(Exception):
    """A row goes on for longer than any honest one; the message says in which way."""


class Lines:
    """An iterator for `csv.reader`, which takes as many lines as a row needs."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._ahead: deque[str] = deque()
        self.taken: list[str] = []
        """The lines of the row that is being read."""
        self.number = 0
        """Of the line read last; the first is 1."""

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= ROW_LIMIT:
            raise TooLong(f"opens a quote that is not closed within {ROW_LIMIT} lines")
        line = self._ahead.popleft() if self._ahead else self._text.readline(LINE_LIMIT)
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        if len(line) >= LINE_LIMIT and line[-1] not in "\r\n":
            self._skip_rest_of(line)
            raise TooLong(f"has more than {LINE_LIMIT:,} characters on a line")
        return line

    def start_row(self) -> int:
        """Forget the lines of the row before; returns the number of the line that comes next."""
        self.taken.clear()
        return self.number + 1

    def give_back(self) -> str:
        """Return all lines of this row but the first to be read again; returns the first."""
        first, *others = self.taken
        self._ahead.extendleft(reversed(others))
        self.number -= len(others)
        self.taken = [first]
        return first.rstrip("\r\n")

    def give_back_all(self) -> None:
        """Return every line of this row to be read again."""
        self._ahead.extendleft(reversed(self.taken))
        self.number -= len(self.taken)
        self.taken = []

    def block(self) -> Sequence[str]:
        """Whole lines that come next, read ahead; empty at the end. `skip` takes them, iterating does so one by one."""
        if not self._ahead:
            text = self._text.read(BLOCK)
            self._ahead.extend(io.StringIO(text + self._text.readline(LINE_LIMIT), newline=""))
        return list(self._ahead)

    def skip(self) -> None:
        """Take all that `block` gave."""
        self.number += len(self._ahead)
        self._ahead.clear()

    @property
    def read_ahead(self) -> bool:
        """Whether lines of the block are left."""
        return bool(self._ahead)

    def _skip_rest_of(self, line: str) -> None:
        while len(line) >= LINE_LIMIT and line[-1] not in "\r\n":
            line = self._text.readline(LINE_LIMIT)
