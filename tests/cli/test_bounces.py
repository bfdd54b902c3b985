"""Mail that came back, by whole command lines: from a broadcast through a mailbox to the ledger."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.bounce_mail import dsn, qmail, reply
from tests.imap_server import ImapServer, Stored, trust
from tests.program import Program
from tests.unit.mail.settings import settings
from ummsg.mail.bounces.message import LARGEST
from ummsg.mail.return_path import ReturnPath
from ummsg.mail.transports.memory import messages_in

BROADCAST = (
    "broadcast",
    "new",
    "--type",
    "email",
    "--product",
    "pro",
    "--subject",
    "Hi",
    "--content",
    "Hello",
    "--yes",
)
VERP = ReturnPath.from_settings(settings(BOUNCE_ADDRESS="bounces@example.com"))


@pytest.fixture
def sent(network: Program) -> Iterator[Program]:
    """A broadcast went to Anna (delivery 1) and Bo (delivery 2); a maildir `box` waits for what comes back."""
    network.environ |= {
        "UMMSG_MAIL_URL": "memory:bounces",
        "UMMSG_BOUNCE_ADDRESS": "bounces@example.com",
        "UMMSG_SECRET_KEY": "a secret of the tests",
    }
    messages_in("bounces").clear()
    assert network(*BROADCAST).code == 0
    for part in ("new", "cur", "tmp"):
        (network.folder / "box" / part).mkdir(parents=True)
    yield network
    messages_in("bounces").clear()


def address(index: int = 0) -> str:
    """Where the message of a delivery comes back to."""
    return messages_in("bounces")[index][0].mail_from


def put(program: Program, *messages: bytes, into: str = "new") -> None:
    for message in messages:
        part = program.folder / "box" / into
        name = f"{len(list(part.iterdir()))}.x.host{':2,S' if into == 'cur' else ''}"
        (part / name).write_bytes(message)


def process(program: Program, *sources: object) -> Any:
    return program("bounces", "process", *(sources or (program.folder / "box",)))


def ledger(program: Program) -> dict[str, tuple[str, str]]:
    return {
        email: (status, said) for email, status, said in program.rows("SELECT email, status, reply FROM deliveries")
    }


def proposed(program: Program) -> list[str]:
    return program("suppressions", "list", "--proposed", "--format", "ids").out.split()


def history(program: Program) -> list[dict[str, Any]]:
    """Of Anna's delivery, as `broadcast why` tells it."""
    told = program("broadcast", "why", 1, "--customer", "anna@example.com", "--format", "json")
    attempts: list[dict[str, Any]] = json.loads(told.out)["attempts"]
    return attempts


def lying(program: Program, folder: str) -> int:
    """How many messages there are in a folder of the maildir: new, cur, .Processed/cur, .Unmatched/cur."""
    return len(list((program.folder / "box" / folder).iterdir()))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestMatching:
    def test_by_the_address_that_it_came_back_to(self, sent: Program) -> None:
        put(sent, dsn(address(0)))

        result = process(sent)

        assert result.code == 0, result.err
        assert "1 processed, 1 matched, 1 delivery failed, 0 delayed, 1 proposal to" in result.err
        assert ledger(sent)["anna@example.com"] == ("failed", "550 5.1.1 <gone@example.org>: no such user")
        assert ledger(sent)["bo@example.com"][0] == "sent"
        assert proposed(sent) == ["anna@example.com"]
        assert (lying(sent, "new"), lying(sent, ".Processed/cur")) == (0, 1)

    @pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/rfc822"])
    def test_by_the_message_that_came_back_in_it(self, sent: Program, returned: str) -> None:
        ((message_id,),) = sent.rows("SELECT message_id FROM deliveries WHERE email = 'bo@example.com'")
        put(sent, dsn("bounces@example.com", message_id=message_id, returned=returned))

        assert process(sent).code == 0
        assert ledger(sent)["bo@example.com"][0] == "failed"
        assert ledger(sent)["anna@example.com"][0] == "sent"

    def test_the_address_decides_if_the_two_disagree(self, sent: Program) -> None:
        ((message_id,),) = sent.rows("SELECT message_id FROM deliveries WHERE email = 'bo@example.com'")
        put(sent, dsn(address(0), message_id=message_id))

        process(sent)

        assert ledger(sent)["anna@example.com"][0] == "failed"
        assert ledger(sent)["bo@example.com"][0] == "sent"

    def test_never_by_the_words_in_it(self, sent: Program) -> None:
        ((message_id,),) = sent.rows("SELECT message_id FROM deliveries WHERE email = 'bo@example.com'")
        before = ledger(sent)
        text = f"To: {address(0)}\nMessage-ID: <{message_id}>\nFinal-Recipient: rfc822; anna@example.com\n"
        put(sent, dsn("bounces@example.com").replace(b"I'm sorry", text.encode()), qmail("bounces@example.com"))

        result = process(sent)

        assert ledger(sent) == before
        assert "2 kept aside" in result.err
        assert lying(sent, ".Unmatched/cur") == 2

    def test_a_forged_address_fails_nothing(self, sent: Program) -> None:
        before = ledger(sent)
        forged = address(0).replace("+1-", "+2-")
        assert forged != address(0)
        put(sent, dsn(forged), dsn("bounces+1@example.com"), dsn("bounces+1-aaaaaaaaaaaaaaaa@example.com"))

        assert process(sent).code == 0
        assert ledger(sent) == before
        assert lying(sent, ".Unmatched/cur") == 3

    def test_a_delivery_that_there_never_was(self, sent: Program) -> None:
        class Nobody:
            id = 4711

        put(sent, dsn(VERP.of(Nobody(), "")))  # type: ignore[arg-type]

        assert "1 kept aside" in process(sent).err

    def test_what_is_no_notification_but_came_back_to_the_address(self, sent: Program) -> None:
        put(sent, qmail(address(0)), reply(address(1)))

        result = process(sent)

        assert "2 processed, 1 matched, 1 delivery failed" in result.err
        assert ledger(sent)["anna@example.com"] == ("failed", "550 5.1.1 no such user")
        assert ledger(sent)["bo@example.com"][0] == "sent"
        assert lying(sent, ".Unmatched/cur") == 1


class TestWhatBecomesOfADelivery:
    @pytest.mark.parametrize("status", ["unknown", "deferred"])
    def test_one_that_may_have_been_taken_fails_too(self, sent: Program, status: str) -> None:
        change(sent, status=status, due_at="2026-11-23 13:00:00")
        put(sent, dsn(address(0)))

        process(sent)

        assert ledger(sent)["anna@example.com"][0] == "failed"
        assert sent.rows("SELECT due_at FROM deliveries WHERE id = 1") == [(None,)]

    @pytest.mark.parametrize("status", ["queued", "failed", "suppressed", "cancelled"])
    def test_any_other_stays(self, sent: Program, status: str) -> None:
        change(sent, status=status, reply="as it was")
        put(sent, dsn(address(0)))

        result = process(sent)

        assert "1 matched, 0 deliveries failed" in result.err
        assert ledger(sent)["anna@example.com"] == (status, "as it was")

    def test_of_one_on_the_wire_the_bounce_waits_for_the_next_run(self, sent: Program) -> None:
        change(sent, status="sending")
        put(sent, dsn(address(0)))

        first = process(sent)
        assert "1 is about a message that is being sent at this moment: it is for the next run." in first.err
        assert lying(sent, "new") == 1
        change(sent, status="sent")
        process(sent)

        assert ledger(sent)["anna@example.com"][0] == "failed"

    def test_a_delay_is_only_noted(self, sent: Program) -> None:
        put(sent, dsn(address(0), action="delayed", status="4.4.1", diagnostic="smtp; 451 4.4.1 timed out"))

        result = process(sent)

        assert "0 deliveries failed, 1 delayed, 0 proposals" in result.err
        assert ledger(sent)["anna@example.com"][0] == "sent"
        assert sent.rows("SELECT delivery_id, verdict, reply FROM bounces") == [(1, "delayed", "451 4.4.1 timed out")]

    @pytest.mark.parametrize("diagnostic", ["smtp; 552 5.2.2 full", "smtp; 550 5.7.1 blocked", "smtp; 550 no"])
    def test_a_failure_that_is_not_the_addresss_own_proposes_nothing(self, sent: Program, diagnostic: str) -> None:
        put(sent, dsn(address(0), status="5.0.0", diagnostic=diagnostic))

        process(sent)

        assert ledger(sent)["anna@example.com"][0] == "failed"
        assert proposed(sent) == []

    def test_with_auto_suppress_the_address_is_suppressed(self, sent: Program) -> None:
        sent.environ["UMMSG_AUTO_SUPPRESS"] = "yes"
        put(sent, dsn(address(0)))

        result = process(sent)

        assert "1 address suppressed" in result.err
        assert sent("suppressions", "list", "--format", "ids").out.split() == ["anna@example.com"]
        assert proposed(sent) == []

    @pytest.mark.parametrize("automatic", ["no", "yes"])
    @pytest.mark.parametrize("original", ["", "rfc822; someone@example.org"])
    def test_that_of_an_address_mail_is_passed_on_to_proposes_nothing(
        self, sent: Program, original: str, automatic: str
    ) -> None:
        sent.environ["UMMSG_AUTO_SUPPRESS"] = automatic
        put(sent, dsn(address(0), recipient="rfc822; gone@example.org", original=original))
        put(sent, qmail(address(1), recipient="gone@example.org"))

        process(sent)

        assert {status for status, _ in ledger(sent).values()} == {"failed"}
        assert proposed(sent) == []
        assert sent("suppressions", "list", "--format", "ids").out == ""

    @pytest.mark.parametrize(
        ("recipient", "original"),
        [("rfc822; ANNA@example.com", ""), ("rfc822; gone@example.org", "rfc822;anna@example.com"), ("", "")],
    )
    def test_that_of_the_recipient_or_of_nobody_by_name_proposes(
        self, sent: Program, recipient: str, original: str
    ) -> None:
        put(sent, dsn(address(0), recipient=recipient, original=original))

        process(sent)

        assert proposed(sent) == ["anna@example.com"]

    def test_of_several_blocks_that_of_the_recipient_counts(self, sent: Program) -> None:
        other = b"Final-Recipient: rfc822; gone@example.org\nAction: failed\nStatus: 5.1.1\n\n"
        report = dsn(address(0), action="delayed", status="4.4.1", diagnostic="")
        put(sent, report.replace(b"Final-Recipient", other + b"Final-Recipient"))

        result = process(sent)

        assert "0 deliveries failed, 1 delayed, 0 proposals" in result.err
        assert ledger(sent)["anna@example.com"][0] == "sent"

    def test_the_counts_still_balance(self, sent: Program) -> None:
        put(sent, dsn(address(0)))

        process(sent)

        shown = sent("broadcast", "show", 1, "--format", "json").out
        assert '"targeted": 2' in shown
        assert '"sent": 1' in shown
        assert '"failed": 1' in shown

    def test_what_a_server_says_does_not_reach_the_terminal(self, sent: Program) -> None:
        put(sent, dsn(address(0), diagnostic="smtp; 550 5.1.1 \x1b[2J\x9b31m =cmd"))

        process(sent)

        shown = sent("broadcast", "show", 1, "--deliveries").out + sent("suppressions", "list", "--proposed").out
        assert "cmd" in shown
        assert not set(shown) & set("\x1b\x9b")


class TestHistory:
    def test_the_acceptance_and_the_bounce_are_told(self, sent: Program) -> None:
        change(sent, reply="250 queued as 7")
        before = history(sent)
        sent.now += timedelta(hours=1)
        put(sent, dsn(address(0)))

        process(sent)

        accepted, returned = history(sent)
        assert [accepted] == before
        assert (accepted["number"], accepted["status"], accepted["reply"]) == (1, "sent", "250 queued as 7")
        assert (returned["number"], returned["status"]) == (1, "failed")
        assert returned["reply"] == "550 5.1.1 <gone@example.org>: no such user"
        assert returned["at"] > accepted["at"]

    def test_they_are_told_after_a_retry_too(self, sent: Program) -> None:
        put(sent, dsn(address(0)))
        process(sent)
        told = history(sent)

        assert sent("broadcast", "retry", 1, "--yes").code == 0
        assert sent("outbox", "run").code == 0
        put(sent, dsn(address(0), diagnostic="smtp; 550 5.1.1 still"))
        process(sent)

        after = history(sent)
        assert after[:2] == told
        since = [(each["number"], each["status"]) for each in after[2:]]
        assert since == [(1, "queued"), (2, "sent"), (2, "failed")]
        assert after[-1]["reply"] == "550 5.1.1 still"

    @pytest.mark.parametrize("status", ["queued", "failed"])
    def test_one_that_stays_gets_none(self, sent: Program, status: str) -> None:
        change(sent, status=status)
        put(sent, dsn(address(0)))

        process(sent)

        assert sent.rows("SELECT * FROM attempts") == []


class TestAgain:
    def test_a_message_that_comes_again_counts_once(self, sent: Program) -> None:
        put(sent, dsn(address(0)), dsn(address(0)))

        process(sent)
        change(sent, status="sent", reply="")
        put(sent, dsn(address(0)))
        again = process(sent)

        assert "1 matched (1 of them before), 0 deliveries failed" in again.err
        assert ledger(sent)["anna@example.com"][0] == "sent"
        assert lying(sent, ".Processed/cur") == 3

    def test_recorded_and_not_moved_it_is_moved_the_next_time(self, sent: Program, tmp_path: Path) -> None:
        put(sent, dsn(address(0)))
        shutil.copytree(tmp_path / "box", tmp_path / "as-it-was")
        process(sent)

        result = process(sent, tmp_path / "as-it-was")

        assert "0 deliveries failed" in result.err
        assert len(list((tmp_path / "as-it-was" / ".Processed" / "cur").iterdir())) == 1

    def test_an_empty_mailbox(self, sent: Program) -> None:
        before = sent.dump()

        result = process(sent)

        assert result.code == 0
        assert "0 processed" in result.err
        assert sent.dump() == before

    def test_many(self, sent: Program) -> None:
        whose = ("rfc822; anna@example.com", "rfc822; bo@example.com")
        put(
            sent,
            *(
                dsn(address(number % 2), diagnostic=f"smtp; 550 5.1.1 no {number}", recipient=whose[number % 2])
                for number in range(250)
            ),
        )

        result = process(sent)

        assert "250 processed, 250 matched, 2 deliveries failed, 0 delayed, 2 proposals to suppress" in result.err


class TestMaildir:
    def test_read_messages_keep_their_flags(self, sent: Program, tmp_path: Path) -> None:
        put(sent, dsn(address(0)), into="cur")
        (tmp_path / "box" / "cur" / "0.x.host:2,S").rename(tmp_path / "box" / "cur" / "0.x.host:2,FS")

        process(sent)

        assert names(tmp_path / "box" / ".Processed" / "cur") == ["0.x.host:2,FS"]

    def test_no_message_replaces_another_of_its_name(self, sent: Program, tmp_path: Path) -> None:
        put(sent, dsn(address(0)))
        process(sent)
        put(sent, dsn(address(1)))
        process(sent)

        assert names(tmp_path / "box" / ".Processed" / "cur") == ["0.x.host:2,S", "0.x.host_1:2,S"]

    def test_a_file_of_100_mb_is_set_aside(self, sent: Program, tmp_path: Path) -> None:
        with (tmp_path / "box" / "new" / "huge").open("wb") as file:
            file.write(dsn(address(0)))
            file.truncate(100_000_000)
        put(sent, dsn(address(1)))

        result = process(sent)

        assert result.code == 0
        assert "2 processed, 1 matched" in result.err
        assert (tmp_path / "box" / ".Unmatched" / "cur" / "huge:2,S").stat().st_size == 100_000_000

    def test_a_bomb_and_spam_keep_nothing_else_from_being_read(self, sent: Program) -> None:
        bomb = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(5_000))
        put(sent, f"To: {address(0)}\n{bomb}".encode(), b"", b"\0\xff" * 5_000, reply(address(0)), dsn(address(1)))

        result = process(sent)

        assert "5 processed, 1 matched, 1 delivery failed" in result.err
        assert lying(sent, ".Unmatched/cur") == 4

    def test_what_is_no_file_is_left_alone(self, sent: Program, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "box" / "new" / "pipe")
        (tmp_path / "box" / "new" / "folder").mkdir()
        (tmp_path / "secret").write_bytes(dsn(address(0)))
        (tmp_path / "box" / "new" / "link").symlink_to(tmp_path / "secret")

        result = process(sent)

        assert "0 processed" in result.err
        assert lying(sent, "new") == 3

    @pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
    def test_a_file_that_cannot_be_read_stays_and_keeps_no_other(
        self, sent: Program, monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        put(sent, dsn(address(1)), dsn(address(0)))
        unreadable = sent.folder / "box" / "new" / "0.x.host"
        failing(monkeypatch, "open", unreadable, code)

        result = process(sent)

        assert result.code == 4
        assert f"{unreadable} cannot be read: {os.strerror(code)}" in unfolded(result.err)
        assert "run ummsg as the user" in result.err
        assert (lying(sent, "new"), lying(sent, ".Processed/cur")) == (1, 1)
        assert [status for status, _ in ledger(sent).values()] == ["failed", "sent"]
        monkeypatch.undo()
        assert "1 delivery failed" in process(sent).err

    @pytest.mark.parametrize(("call", "words"), [("scandir", "listed"), ("stat", "reached")])
    def test_a_folder_that_may_not_be_looked_into(
        self, sent: Program, monkeypatch: pytest.MonkeyPatch, call: str, words: str
    ) -> None:
        put(sent, dsn(address(0)))
        failing(monkeypatch, call, sent.folder / "box" / "new", errno.EACCES)

        result = process(sent)

        assert result.code == 4
        assert f"cannot be {words}: Permission denied" in unfolded(result.err)
        assert ledger(sent)["anna@example.com"][0] == "sent"

    @pytest.mark.parametrize("source", ["nowhere", ".", "mbox:/var/mail/x", "imap://user@host/INBOX"])
    def test_what_is_no_mailbox_is_refused(self, sent: Program, source: str) -> None:
        before = sent.dump()

        result = process(sent, sent.folder / source if "/" not in source else source)

        assert result.code == 2, result.err
        assert sent.dump() == before


def failing(monkeypatch: pytest.MonkeyPatch, call: str, place: Path, code: int) -> None:
    """Have a call of the operating system fail for one path: root, as whom tests may run, may read everything."""
    real = getattr(os, call)

    def call_or_fail(path: Any, *arguments: Any, **options: Any) -> Any:
        if path == place:
            raise OSError(code, os.strerror(code), str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, call, call_or_fail)


def unfolded(text: str) -> str:
    return " ".join(text.split())


Serve = Callable[..., ImapServer]


@pytest.fixture
def imap(sent: Program, tmp_path: Path) -> Iterator[Serve]:
    """Starts an IMAP server that the program has the password and the certificate of."""
    trust(tmp_path / "ca.pem")
    sent.environ["UMMSG_BOUNCE_PASSWORD"] = ImapServer.password
    running: list[ImapServer] = []

    def serve(*messages: bytes, **more: Any) -> ImapServer:
        running.append(ImapServer({"INBOX": list(messages)}, **more).__enter__())
        return running[-1]

    yield serve
    for server in running:
        server.__exit__(None, None, None)


def url(program: Program, server: ImapServer, folder: str = "/INBOX") -> str:
    return f"imaps://bounces%40example.com@127.0.0.1:{server.port}{folder}?ca={program.folder / 'ca.pem'}"


class TestImap:
    @pytest.mark.parametrize("capabilities", ["AUTH=PLAIN MOVE UIDPLUS", "AUTH=PLAIN UIDPLUS", "AUTH=PLAIN"])
    def test_messages_are_read_flagged_and_moved(self, sent: Program, imap: Serve, capabilities: str) -> None:
        to_bo = dsn(address(1), recipient="rfc822; bo@example.com")
        server = imap(dsn(address(0)), reply("bounces@example.com"), to_bo, capabilities=capabilities)

        result = process(sent, url(sent, server))

        assert result.code == 0, result.err
        assert "3 processed, 2 matched, 2 deliveries failed, 0 delayed, 2 proposals" in result.err
        moving = [command for command in server.commands if command.startswith("UID MOVE")]
        assert len(moving) == (3 if "MOVE" in capabilities else 0)
        assert {status for status, _ in ledger(sent).values()} == {"failed"}
        left = [stored for stored in server.folders["INBOX"].values() if r"\Deleted" not in stored.flags]
        assert left == []
        assert [stored.flags for stored in server.folders["INBOX.Processed"].values()] == [{r"\Seen"}] * 2
        assert [stored.flags for stored in server.folders["INBOX.Unmatched"].values()] == [{r"\Flagged"}]
        again = process(sent, url(sent, server))
        assert "0 processed" in again.err

    def test_a_folder_below_another_and_a_server_without_auth_plain(self, sent: Program, imap: Serve) -> None:
        server = imap(capabilities="MOVE", delimiter="/")
        server.folders["Mail/My bounces"] = {7: Stored(dsn(address(0)))}
        server.password = sent.environ["UMMSG_BOUNCE_PASSWORD"] = 'ascii "only" \\'

        result = process(sent, url(sent, server, "/Mail/My%20bounces"))

        assert "1 delivery failed" in result.err
        assert len(server.folders["Mail/My bounces/Processed"]) == 1

    def test_of_a_huge_message_only_the_beginning_is_fetched(self, sent: Program, imap: Serve) -> None:
        server = imap(dsn(address(0)) + b"x" * 10 * LARGEST)

        result = process(sent, url(sent, server))

        assert "1 kept aside" in result.err
        assert any(f"<0.{LARGEST + 1}>" in command for command in server.commands)

    def test_a_wrong_password_is_not_repeated(self, sent: Program, imap: Serve) -> None:
        server = imap(dsn(address(0)))
        sent.environ["UMMSG_BOUNCE_PASSWORD"] = "Hunter2"

        result = process(sent, url(sent, server))

        assert result.code == 4
        assert "refused the password of bounces@example.com" in result.err
        assert "Hunter2" not in result.err

    def test_the_password_from_a_command(self, sent: Program, imap: Serve) -> None:
        server = imap(dsn(address(0)))
        sent.write("password", ImapServer.password + "\n")
        del sent.environ["UMMSG_BOUNCE_PASSWORD"]
        sent.environ["UMMSG_BOUNCE_PASSWORD_COMMAND"] = f"cat {sent.folder / 'password'}"

        assert process(sent, url(sent, server)).code == 0

    def test_without_a_password_nothing_is_tried(self, sent: Program, imap: Serve) -> None:
        server = imap()
        del sent.environ["UMMSG_BOUNCE_PASSWORD"]

        result = process(sent, url(sent, server))

        assert result.code == 4
        assert "UMMSG_BOUNCE_PASSWORD" in result.err
        assert server.commands == []

    @pytest.mark.parametrize("ca", ["", "ca.pem"], ids=["unknown authority", "another name"])
    def test_a_certificate_that_is_not_to_be_trusted(self, sent: Program, imap: Serve, ca: str) -> None:
        server = imap(names=("mail.example.com",))
        source = f"imaps://bounces%40example.com@127.0.0.1:{server.port}/INBOX"

        result = process(sent, source + (f"?ca={sent.folder / ca}" if ca else ""))

        assert result.code == 4
        assert "certificate" in result.err
        assert server.commands == []

    def test_a_folder_that_is_not_there(self, sent: Program, imap: Serve) -> None:
        result = process(sent, url(sent, imap(), "/Nowhere"))

        assert result.code == 2
        assert "no folder Nowhere" in result.err
        assert "\x1b" not in result.err

    def test_a_server_that_is_not_there(self, sent: Program) -> None:
        result = process(sent, "imaps://user@127.0.0.1:1/INBOX")

        assert result.code == 4  # no password is asked of nobody
        sent.environ["UMMSG_BOUNCE_PASSWORD"] = "x"
        assert process(sent, "imaps://user@127.0.0.1:1/INBOX").code == 1

    @pytest.mark.parametrize("dies_at", ["SELECT", "UID SEARCH", "UID FETCH", "UID STORE", "UID MOVE"])
    def test_a_server_that_is_lost_on_the_way(self, sent: Program, imap: Serve, dies_at: str) -> None:
        dying = imap(dsn(address(0)), dies_at=dies_at)

        result = process(sent, url(sent, dying))
        assert result.code == 1
        assert "later" in result.err
        dying.dies_at = ""
        assert process(sent, url(sent, dying)).code == 0

        assert ledger(sent)["anna@example.com"][0] == "failed"
        assert sent.rows("SELECT count(*) FROM bounces") == [(1,)]
        assert len(dying.folders["INBOX.Processed"]) == 1

    @pytest.mark.parametrize(
        "source",
        [
            "imaps://user:Hunter2@host/INBOX",
            "imaps://host/INBOX",
            "imaps:user@host",
            "imaps://user@",
            "imaps://user@host:port/INBOX",
            "imaps://user@host/INBOX?tls=none",
            "imaps://us%0D%0Aer@host/INBOX",
            "imaps://user@host/a%0D%0Ab",
            "imaps://user@host/%C3%A5",
            "imaps://user/Hunter2@host/INBOX",
        ],
    )
    def test_a_url_that_makes_no_sense_is_refused_without_its_password(self, sent: Program, source: str) -> None:
        result = process(sent, source)

        assert result.code == 2
        assert "Hunter2" not in result.err


def change(program: Program, **values: str) -> None:
    """Of Anna's delivery, past the rules."""
    import sqlite3

    connection = sqlite3.connect(program.folder / "ummsg.db")
    for column, value in values.items():
        connection.execute(f"UPDATE deliveries SET {column} = ? WHERE id = 1", [value])
    connection.commit()
    connection.close()
