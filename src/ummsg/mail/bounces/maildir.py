"""Bounces in a maildir: files in `new` and `cur`, moved into its folders `.Processed` and `.Unmatched`."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ummsg.errors import InvalidInput, NotConfigured
from ummsg.mail.bounces.box import PROCESSED, UNMATCHED

PRIVATE = 0o700


class MaildirBox:
    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).expanduser()
        self.description = str(self._folder)

    def __enter__(self) -> Self:
        """Raises InvalidInput for what is no maildir, NotConfigured for one that cannot be reached or written."""
        if not self._is_maildir():
            raise InvalidInput(
                f"{self._folder} is no maildir: it has no folders new and cur",
                hint="the folder of the mailbox that UMMSG_BOUNCE_ADDRESS delivers into",
            )
        for name in (PROCESSED, UNMATCHED):
            self._make(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def keys(self) -> Sequence[str]:
        """Regular files only: what a name else leads to (a pipe, a link) is nobody's message."""
        found = []
        for part in ("new", "cur"):
            try:
                found += self._files(part)
            except OSError as error:
                raise self._unusable("listed", error) from None
        return sorted(found)

    def _files(self, part: str) -> list[str]:
        with os.scandir(self._folder / part) as entries:
            return [f"{part}/{e.name}" for e in entries if e.is_file(follow_symlinks=False) and e.name[0] != "."]

    def read(self, key: str, most: int) -> bytes | None:
        try:
            return self._beginning(key, most)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotConfigured(
                f"{self._folder / key} cannot be read: {error.strerror or error}",
                details=["it stays where it is; what could be read was dealt with"],
                hint="give this user the file, or run ummsg as the user whose it is",
            ) from None

    def _beginning(self, key: str, most: int) -> bytes | None:
        descriptor = os.open(self._folder / key, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return file.read(most + 1)

    def move(self, key: str, folder: str) -> None:
        """Under its own name, marked as seen, or another if that is taken there."""
        name = Path(key).name
        unique, marked, flags = name.partition(":2,")
        target = self._folder / f".{folder}" / "cur"
        for number in range(1000):
            free = target / f"{unique}{f'_{number}' if number else ''}:2,{flags if marked else 'S'}"
            if not free.exists():
                break
        try:
            (self._folder / key).rename(free)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable("written", error) from None

    def _is_maildir(self) -> bool:
        try:
            return all((self._folder / part).is_dir() for part in ("new", "cur"))
        except PermissionError as error:
            raise self._unusable("reached", error) from None

    def _make(self, name: str) -> None:
        try:
            for part in ("", "tmp", "new", "cur"):
                (self._folder / f".{name}" / part).mkdir(PRIVATE, exist_ok=True)
            if not os.access(self._folder / f".{name}" / "cur", os.W_OK):
                raise PermissionError(13, os.strerror(13))
        except OSError as error:
            raise self._unusable("written", error) from None

    def _unusable(self, done: str, error: OSError) -> NotConfigured:
        return NotConfigured(
            f"The maildir {self._folder} cannot be {done}: {error.strerror or error}",
            details=["what was read is stored, and will not count twice"],
            hint="give this user the folder, or run ummsg as the user whose it is",
        )
