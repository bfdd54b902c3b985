"""Mail into a maildir folder: `maildir:PATH`. Nothing leaves the machine; mail programs can read it."""

import contextlib
import itertools
import os
import secrets
import socket
import time
from pathlib import Path

from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate, Outcome
from ummsg.errors import NotConfigured
from ummsg.mail.transports.base import (
    Envelope,
    NothingToClose,
    Password,
    refuse_host,
    refuse_unknown_options,
    unusable,
)

PRIVATE = 0o700


def open_transport(url: MailUrl, password: Password) -> "MaildirTransport":
    """Raises NotConfigured for a URL without a folder."""
    refuse_unknown_options(url)
    refuse_host(url, "maildir:/srv/ummsg/maildir")
    if not url.path:
        raise NotConfigured("UMMSG_MAIL_URL names no folder", hint="UMMSG_MAIL_URL=maildir:/srv/ummsg/maildir")
    return MaildirTransport(Path(url.path).expanduser())


class MaildirTransport:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.description = f"maildir:{folder}"

    def connect(self) -> "MaildirFolder":
        """Make the folder, readable by its owner alone. Raises NotConfigured if that cannot be."""
        try:
            for part in ("tmp", "new", "cur"):
                _make_private(self._folder / part)
        except OSError as error:
            raise _unusable_folder(self._folder, error) from None
        return MaildirFolder(self._folder)


class MaildirFolder(NothingToClose):
    """A message is written to tmp/ and, when it is safe on the disk, renamed into new/: there it is whole or not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Raises NotConfigured, with nothing left behind, if the disk is full or the folder cannot be written."""
        refused = unusable(envelope)
        if refused:
            return refused
        name = self._unique_name()
        draft, final = self._folder / "tmp" / name, self._folder / "new" / name
        try:
            _write_safely(draft, _delivery_lines(envelope) + message)
            draft.rename(final)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise _unusable_folder(self._folder, error) from None
        return self._settled(final)

    def _settled(self, final: Path) -> Outcome:
        try:
            _sync_folder(final.parent)
        except OSError as error:
            return Outcome(Fate.IN_DOUBT, f"{final} may not outlast a power cut: {error.strerror}")
        return Outcome(Fate.ACCEPTED, f"written to {final}")

    def _unique_name(self) -> str:
        """Time, process, number and host, as maildir(5) asks, and chance, for containers that share all of those."""
        host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
        unique = f"P{os.getpid()}Q{next(self._numbers)}R{secrets.token_hex(4)}"
        return f"{time.time_ns() // 10**9}.{unique}.{host}"


def _delivery_lines(envelope: Envelope) -> bytes:
    """Who it was from and for, as every delivery into a mailbox notes it (RFC 5321 § 4.4)."""
    return f"Return-Path: <{envelope.mail_from}>\r\nDelivered-To: {envelope.rcpt_to}\r\n".encode()


def _make_private(folder: Path) -> None:
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        _make_private(folder.parent)
    folder.mkdir(PRIVATE, exist_ok=True)


def _write_safely(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself safe: a file's own fsync says nothing about its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable_folder(folder: Path, error: OSError) -> NotConfigured:
    return NotConfigured(
        f"The maildir {folder} cannot be written: {error.strerror or error}",
        details=[f"at {error.filename}"] if error.filename else [],
        hint="make room or give this user the folder, or set UMMSG_MAIL_URL to another one; then: ummsg doctor",
    )
