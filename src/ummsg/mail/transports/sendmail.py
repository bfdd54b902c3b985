"""Mail through a local program that takes it like sendmail does: `sendmail:/usr/sbin/sendmail`.

Postfix, Exim, OpenSMTPD, msmtp and nullmailer come with one.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate, Outcome
from ummsg.errors import NotConfigured
from ummsg.mail.transports.base import (
    Envelope,
    NothingToClose,
    Password,
    one_line,
    refuse_host,
    refuse_unknown_options,
    unusable,
)

USUAL = "/usr/sbin/sendmail"
TIMEOUT = 120
"""Seconds. The program only has to queue the message."""

# The exit codes of sysexits.h that are about the message or its recipient; any other refusal may pass.
_REFUSED = {os.EX_DATAERR, os.EX_NOUSER, os.EX_NOHOST}
_NOT_CONFIGURED = {os.EX_USAGE, os.EX_NOPERM, os.EX_CONFIG}


def open_transport(url: MailUrl, password: Password) -> "SendmailTransport":
    """Without a path: /usr/sbin/sendmail. Raises NotConfigured for a URL that cannot be used."""
    refuse_unknown_options(url)
    refuse_host(url, f"sendmail:{USUAL}")
    program = Path(url.path or USUAL)
    if not program.is_absolute():
        raise NotConfigured(
            f"UMMSG_MAIL_URL names {program}, which depends on where ummsg is started",
            hint=f"the whole path: UMMSG_MAIL_URL=sendmail:{shutil.which(program.name) or USUAL}",
        )
    return SendmailTransport(program)


class SendmailTransport(NothingToClose):
    def __init__(self, program: Path, timeout: float = TIMEOUT) -> None:
        self._program = program
        self._timeout = timeout
        self.description = f"sendmail:{program}"

    def connect(self) -> "SendmailTransport":
        """Raises NotConfigured if there is no such program."""
        if not os.access(self._program, os.X_OK) or self._program.is_dir():
            raise self._no_program("there is no program there that this user may run")
        return self

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Run the program once. Raises NotConfigured if it is gone, or says that it is not set up."""
        refused = unusable(envelope)
        if refused:
            return refused
        with _file_of(message.replace(b"\r\n", b"\n")) as stdin, _file_of(b"") as stderr:
            code = self._run(envelope, stdin, stderr)
            stderr.seek(0)
            said = one_line(stderr.read(4096).decode("utf-8", "replace"))
        if code is None:
            return Outcome(Fate.IN_DOUBT, f"{self._program} did not end within {self._timeout:g} s and was stopped")
        return self._outcome(code, said)

    def _run(self, envelope: Envelope, stdin: IO[bytes], stderr: IO[bytes]) -> int | None:
        """The exit code, or None if it had to be stopped. `--`: an address cannot be taken for an option."""
        command = [str(self._program), "-i", "-f", envelope.mail_from, "--", envelope.rcpt_to]
        try:
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for us: the message on the wire is to be finished
            )
        except OSError as error:
            raise self._no_program(error.strerror or str(error)) from None
        try:
            return process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _outcome(self, code: int, said: str) -> Outcome:
        reply = f"exit {code} {said}".strip()
        if code == os.EX_OK:
            return Outcome(Fate.ACCEPTED, f"queued by {self._program}")
        if code in _REFUSED:
            return Outcome(Fate.REFUSED, reply)
        if code < 0:
            return Outcome(Fate.IN_DOUBT, f"{self._program} was killed by signal {-code} {said}".strip())
        if code in _NOT_CONFIGURED:
            raise NotConfigured(
                f"{self._program} is not set up to take mail from us: {reply}",
                hint=f"as this user: echo test | {self._program} -i -- you@example.com",
            )
        return Outcome(Fate.REFUSED_FOR_NOW, reply)

    def _no_program(self, why: str) -> NotConfigured:
        found = shutil.which("sendmail", path="/usr/sbin:/usr/lib:/usr/bin:/usr/local/sbin:/usr/local/bin")
        return NotConfigured(
            f"{self._program} cannot be run: {why}",
            hint=f"UMMSG_MAIL_URL=sendmail:{found}"
            if found and found != str(self._program)
            else "install a mail server that brings a sendmail, or use smtp://user@mail.example.com:587",
        )


def _file_of(data: bytes) -> IO[bytes]:
    """A file, not a pipe: a program that leaves a child behind, holding its end, must not hold us too."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        file.write(data)
        file.seek(0)
    except OSError as error:
        raise NotConfigured(
            f"No temporary file can be written in {tempfile.gettempdir()}: {error.strerror}",
            hint="make room there, or name another folder in TMPDIR",
        ) from None
    return file
