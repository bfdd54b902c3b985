"""What is special about the transports that stay on this machine."""

import errno
import mailbox
import os
import signal
import stat
from pathlib import Path
from urllib.parse import quote

import pytest

from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate
from ummsg.errors import NotConfigured
from ummsg.mail.transports import maildir
from ummsg.mail.transports.base import Envelope, Transport, open_transport
from ummsg.mail.transports.memory import MemoryTransport, messages_in
from ummsg.mail.transports.sendmail import SendmailTransport

ENVELOPE = Envelope("hello@example.com", "anna@example.net")
MESSAGE = b"Subject: Hello\r\n\r\nGood morning.\r\n"


def transport(url: str) -> Transport:
    return open_transport(MailUrl.parse(url), lambda: None)


# maildir


def test_a_mail_program_can_read_the_maildir(tmp_path: Path) -> None:
    with transport(f"maildir:{tmp_path / 'mail'}").connect() as connection:
        for number in range(20):
            connection.send(ENVELOPE, b"Subject: %d\r\n\r\nHello\r\n" % number)

    messages = list(mailbox.Maildir(tmp_path / "mail", create=False))
    assert sorted(int(message["Subject"]) for message in messages) == list(range(20))
    assert {message["Delivered-To"] for message in messages} == {"anna@example.net"}


def test_a_maildir_is_its_owners_alone(tmp_path: Path) -> None:
    with transport(f"maildir:{tmp_path / 'deep' / 'down' / 'mail'}").connect() as connection:
        connection.send(ENVELOPE, MESSAGE)

    made = [tmp_path / "deep", *(tmp_path / "deep").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {0o600}


def test_a_maildir_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with transport("maildir:~/mail").connect() as connection:
        connection.send(ENVELOPE, MESSAGE)

    assert len(list((tmp_path / "mail" / "new").iterdir())) == 1


def test_two_drains_share_a_maildir(tmp_path: Path) -> None:
    url = f"maildir:{tmp_path / 'mail'}"
    with transport(url).connect() as one, transport(url).connect() as other:
        for connection in (one, other, one, other):
            assert connection.send(ENVELOPE, MESSAGE).fate is Fate.ACCEPTED

    assert len(list((tmp_path / "mail" / "new").iterdir())) == 4


@pytest.mark.parametrize("step", ["write", "rename"])
def test_a_full_disk_stops_the_run_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with transport(f"maildir:{tmp_path / 'mail'}").connect() as connection:
        with monkeypatch.context() as patched, pytest.raises(NotConfigured) as refused:
            if step == "write":
                patched.setattr(maildir.os, "fsync", full)
            else:
                patched.setattr(Path, "rename", full)
            connection.send(ENVELOPE, MESSAGE)
        assert [path for path in (tmp_path / "mail").rglob("*") if path.is_file()] == []
        assert connection.send(ENVELOPE, MESSAGE).fate is Fate.ACCEPTED

    assert str(tmp_path / "mail") in refused.value.what
    assert "No space left on device" in refused.value.what


def test_a_message_that_may_not_outlast_a_power_cut_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with transport(f"maildir:{tmp_path / 'mail'}").connect() as connection:
        monkeypatch.setattr(maildir, "_sync_folder", failing)
        assert connection.send(ENVELOPE, MESSAGE).fate is Fate.IN_DOUBT


def test_a_maildir_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("not a folder")

    with pytest.raises(NotConfigured, match="cannot be written"):
        transport(f"maildir:{tmp_path / 'mail'}").connect()


def test_a_maildir_that_is_taken_away(tmp_path: Path) -> None:
    with transport(f"maildir:{tmp_path / 'mail'}").connect() as connection:
        (tmp_path / "mail" / "tmp").rmdir()
        with pytest.raises(NotConfigured, match="No such file or directory"):
            connection.send(ENVELOPE, MESSAGE)


# sendmail


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "sendmail"
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(stat.S_IRWXU)
    return path


def send_with(program: Path, script: str, timeout: float = 30):
    program.write_text(f"#!/bin/sh\n{script}\n")
    with SendmailTransport(program, timeout).connect() as connection:
        return connection.send(ENVELOPE, MESSAGE)


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        (0, Fate.ACCEPTED),
        (1, Fate.REFUSED_FOR_NOW),
        (65, Fate.REFUSED),
        (67, Fate.REFUSED),
        (68, Fate.REFUSED),
        (69, Fate.REFUSED_FOR_NOW),
        (71, Fate.REFUSED_FOR_NOW),
        (75, Fate.REFUSED_FOR_NOW),
    ],
)
def test_the_exit_code_says_what_became_of_it(program: Path, code: int, fate: Fate) -> None:
    outcome = send_with(program, f"cat > /dev/null; echo 'it said\n so' >&2; exit {code}")

    assert outcome.fate is fate
    if code:
        assert outcome.reply == f"exit {code} it said so"


@pytest.mark.parametrize("code", [64, 77, 78])
def test_a_program_that_is_not_set_up_stops_the_run(program: Path, code: int) -> None:
    with pytest.raises(NotConfigured, match=f"is not set up to take mail from us: exit {code} no") as refused:
        send_with(program, f"echo no >&2; exit {code}")

    assert str(program) in refused.value.hint


def test_a_program_that_does_not_read_the_message(program: Path) -> None:
    assert send_with(program, "exit 0").fate is Fate.ACCEPTED


def test_a_program_that_does_not_end_leaves_doubt_and_no_process(program: Path, tmp_path: Path) -> None:
    outcome = send_with(program, f"echo $$ > {tmp_path}/pid; sleep 600", timeout=1.5)

    assert outcome.fate is Fate.IN_DOUBT
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_child_left_behind_does_not_hold_us(program: Path, tmp_path: Path) -> None:
    outcome = send_with(program, f"sleep 600 & echo $! > {tmp_path}/pid; exit 0")

    assert outcome.fate is Fate.ACCEPTED
    # Raises if we had waited for it.
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_a_killed_program_leaves_doubt(program: Path) -> None:
    outcome = send_with(program, "kill -9 $$")

    assert (outcome.fate, "signal 9" in outcome.reply) == (Fate.IN_DOUBT, True)


@pytest.mark.parametrize("kind", ["missing", "folder", "not executable"])
def test_a_program_that_is_none(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "there"
    if kind == "folder":
        path.mkdir()
    if kind == "not executable":
        path.write_text("#!/bin/sh\n")

    with pytest.raises(NotConfigured, match="cannot be run") as refused:
        transport(f"sendmail:{path}").connect()
    assert "UMMSG_MAIL_URL=" in refused.value.hint or "smtp://" in refused.value.hint


def test_a_program_that_disappears_stops_the_run(program: Path) -> None:
    with SendmailTransport(program).connect() as connection:
        program.unlink()
        with pytest.raises(NotConfigured, match="No such file"):
            connection.send(ENVELOPE, MESSAGE)


def test_no_room_for_temporary_files_stops_the_run(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with SendmailTransport(program).connect() as connection, pytest.raises(NotConfigured, match="No space left"):
        connection.send(ENVELOPE, MESSAGE)


# console


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (b"Subject: \x1b[31mred\r\n\r\n\x1b]0;title\x07text\r\n", "�]0;title�text"),
        (b"Content-Type: text/plain; charset=no-such\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n", "Grüße"),
        (b"Content-Type: application/pdf\r\n\r\n%PDF\r\n", "(no text)"),
        (b"Content-Type: text/html\r\n\r\n<p>Hello</p>\r\n", "<p>Hello</p>"),
        (b"", ""),
    ],
)
def test_the_console_shows_odd_messages_safely(capsys: pytest.CaptureFixture[str], message: bytes, shown: str) -> None:
    with transport("console:").connect() as connection:
        assert connection.send(ENVELOPE, message).fate is Fate.ACCEPTED

    printed = capsys.readouterr().out
    assert shown in printed.splitlines()
    assert "\x1b" not in printed
    assert "\x07" not in printed


# memory


def test_a_test_finds_what_the_program_sent_by_the_urls_name(tmp_path: Path) -> None:
    opened = transport(f"memory:{quote(str(tmp_path))}")
    with opened.connect() as connection:
        connection.send(ENVELOPE, MESSAGE)

    assert messages_in(str(tmp_path)) == [(ENVELOPE, MESSAGE)]
    assert isinstance(opened, MemoryTransport)
    assert opened.messages is messages_in(str(tmp_path))
    messages_in(str(tmp_path)).clear()
    assert opened.messages == []
