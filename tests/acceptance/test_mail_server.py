"""The main job against a real SMTP server, in a process of its own: who gets what, whatever the server does."""

import json
import signal
import socket
from email import policy
from email.parser import BytesParser
from typing import Any

import pytest

from tests.acceptance.processes import start, wait_for
from tests.program import Program
from tests.smtp_server import CLOSE, HANG, SmtpServer

EMAIL = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")


@pytest.fixture
def network(network: Program, smtp_server: SmtpServer) -> Program:
    network.environ["UMMSG_MAIL_URL"] = f"{smtp_server.url}?timeout=2"
    return network


@pytest.fixture
def alone_on_the_wire(network: Program) -> None:
    """One connection: what happens to the second message happens after the first is settled."""
    network.environ["UMMSG_MAIL_CONNECTIONS"] = "1"


def counts(program: Program, broadcast_id: int = 1) -> dict[str, int]:
    shown = json.loads(program("broadcast", "show", broadcast_id, "--format", "json").out)
    balance: dict[str, int] = shown["counts"]
    assert balance["targeted"] == sum(number for name, number in balance.items() if name != "targeted")
    return {name: number for name, number in balance.items() if number}


def deliveries(program: Program, status: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(
        program("broadcast", "show", 1, "--deliveries", "--status", status, "--format", "json").out
    )
    return rows


def test_each_recipient_has_an_envelope_of_their_own(network: Program, smtp_server: SmtpServer) -> None:
    done = network.alone(*EMAIL, "--everyone", "--content", 'Hello {{ customer_name or "friend" }}')

    assert done.returncode == 0, done.stderr
    messages = sorted(smtp_server.messages, key=lambda message: message.rcpt_to)
    assert [message.rcpt_to for message in messages] == [
        [f"{name}@example.com"] for name in ("anna", "bo", "cleo", "dan", "eve")
    ]
    assert {message.mail_from for message in messages} == {"hello@example.com"}
    texts = [
        BytesParser(policy=policy.default).parsebytes(message.data).get_body(("plain",)).get_content()  # type: ignore[union-attr]
        for message in messages
    ]
    for text, name in zip(texts, ("Anna Björk", "Bo Ek", "Cléo Dubois", "Dan O'Brien", "friend"), strict=True):
        assert f"Hello {name}" in text


@pytest.mark.parametrize("most", [1, 3])
def test_there_are_never_more_connections_than_are_allowed(
    network: Program, smtp_server: SmtpServer, most: int
) -> None:
    network.environ["UMMSG_MAIL_CONNECTIONS"] = str(most)
    done = network.alone(*EMAIL, "--everyone")

    assert done.returncode == 0, done.stderr
    assert len(smtp_server.messages) == 5
    assert smtp_server.connections <= 1 + most  # one to make sure that it is there, the others kept open


def test_a_server_that_takes_no_more_connections_gets_fewer(network: Program, smtp_server: SmtpServer) -> None:
    network(*EMAIL, "--everyone", "--queue")
    for connection in range(2, 12):
        smtp_server.script("BANNER", "421 4.7.0 too many connections", connection=connection)
    done = network.alone("broadcast", "send", "1")

    assert done.returncode == 0, done.stderr
    assert counts(network) == {"targeted": 5, "sent": 5}
    assert len(smtp_server.messages) == 5
    assert {message.connection for message in smtp_server.messages} == {1}


def test_one_refused_address_does_not_stop_the_others(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("RCPT", "550 5.1.1 no such user", recipient="bo@example.com")
    smtp_server.script("RCPT", "451 4.7.1 greylisted", recipient="dan@example.com")
    done = network.alone(*EMAIL, "--everyone")

    assert done.returncode == 3
    assert counts(network) == {"targeted": 5, "sent": 3, "failed": 1, "deferred": 1}
    (failed,) = deliveries(network, "failed")
    assert (failed["email"], failed["attempts"], failed["reply"]) == ("bo@example.com", 1, "550 5.1.1 no such user")
    assert len(smtp_server.messages) == 3


def test_a_deferred_one_is_sent_when_it_is_due_and_nobody_twice(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("RCPT", "451 4.7.1 greylisted", recipient="dan@example.com", times=1)
    network(*EMAIL, "--everyone")
    assert network("outbox", "run").code == 3 or counts(network)["deferred"] == 1
    network.now = network.now.replace(hour=13)

    assert network("outbox", "run").code == 0
    assert counts(network) == {"targeted": 5, "sent": 5}
    assert sorted(message.rcpt_to[0] for message in smtp_server.messages) == [
        f"{name}@example.com" for name in ("anna", "bo", "cleo", "dan", "eve")
    ]


def test_a_reply_that_never_came_is_unknown_and_never_resent(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("DOT", CLOSE, message=2)
    done = network.alone(*EMAIL, "--everyone")

    assert done.returncode == 3
    assert counts(network) == {"targeted": 5, "sent": 4, "unknown": 1}
    network.alone("outbox", "run")
    network.alone("broadcast", "send", "1", "--yes")
    assert counts(network) == {"targeted": 5, "sent": 4, "unknown": 1}
    assert len(smtp_server.messages) <= 5


class TestAServerThatCannotBeUsed:
    """Nothing is stored, nothing is sent, one message says what to do."""

    def refused(self, network: Program, code: int, *words: str) -> None:
        before = network.dump()
        done = network.alone(*EMAIL, "--everyone")
        assert done.returncode == code, done.stderr
        for word in words:
            assert word in done.stderr
        assert "Traceback" not in done.stderr
        assert network.dump() == before

    def test_that_is_not_there(self, network: Program) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        network.environ["UMMSG_MAIL_URL"] = f"smtp://127.0.0.1:{port}?tls=none"
        self.refused(network, 1, str(port))

    def test_that_hangs(self, network: Program, smtp_server: SmtpServer) -> None:
        smtp_server.script("BANNER", HANG)
        self.refused(network, 1, str(smtp_server.port))

    def test_that_does_not_want_us(self, network: Program, smtp_server: SmtpServer) -> None:
        smtp_server.script("BANNER", "554 5.7.1 go away")
        self.refused(network, 1, "go away")

    def test_that_refuses_our_password(self, network: Program) -> None:
        with SmtpServer(credentials={"user": "right"}, login_needed=True) as server:
            network.environ["UMMSG_MAIL_URL"] = f"smtp://user@127.0.0.1:{server.port}?tls=none"
            network.environ["UMMSG_MAIL_PASSWORD"] = "hunter2-the-wrong-one"
            before = network.dump()
            done = network.alone(*EMAIL, "--everyone")
        assert done.returncode == 4
        assert "hunter2" not in done.stderr + done.stdout
        assert network.dump() == before


def test_a_sender_that_is_refused_stops_the_run_and_counts_no_attempt(
    network: Program, smtp_server: SmtpServer
) -> None:
    smtp_server.script("MAIL", "553 5.7.1 sender address rejected: not yours")
    done = network.alone(*EMAIL, "--everyone")

    assert done.returncode == 4
    assert "not yours" in done.stderr
    assert counts(network) == {"targeted": 5, "queued": 5}
    assert {row["attempts"] for row in deliveries(network, "queued")} == {0}


@pytest.mark.usefixtures("alone_on_the_wire")
def test_a_server_that_is_lost_on_the_way_leaves_the_rest_queued(network: Program, smtp_server: SmtpServer) -> None:
    network(*EMAIL, "--everyone", "--queue")
    smtp_server.script("BANNER", "421 4.3.2 shutting down", message=2)
    smtp_server.script("MAIL", CLOSE, message=2)
    done = network.alone("broadcast", "send", "1")

    assert done.returncode == 3
    assert "ummsg broadcast send 1" in done.stderr
    assert counts(network) == {"targeted": 5, "sent": 1, "queued": 4}
    assert len(smtp_server.messages) == 1


@pytest.mark.usefixtures("alone_on_the_wire")
def test_ctrl_c_finishes_the_message_on_the_wire_and_says_how_to_go_on(
    network: Program, smtp_server: SmtpServer
) -> None:
    smtp_server.script("DOT", HANG, message=2, times=1)
    network.environ["UMMSG_MAIL_URL"] = f"{smtp_server.url}?timeout=1"
    with start(network, *EMAIL, "--everyone") as process:
        wait_for(lambda: smtp_server.complete >= 2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "ummsg broadcast send 1" in err
    balance = counts(network)
    assert balance["sent"] == len(smtp_server.messages) == 1
    assert balance["unknown"] == 1
    assert balance["queued"] == 3

    assert network.alone("broadcast", "send", "1").returncode == 0
    assert counts(network) == {"targeted": 5, "sent": 4, "unknown": 1}


@pytest.mark.usefixtures("alone_on_the_wire")
def test_paused_from_elsewhere_it_stops_after_the_message_on_the_wire(
    network: Program, smtp_server: SmtpServer
) -> None:
    smtp_server.script("DOT", HANG, message=2, times=1)
    network.environ["UMMSG_MAIL_URL"] = f"{smtp_server.url}?timeout=1"
    with start(network, *EMAIL, "--everyone") as process:
        wait_for(lambda: smtp_server.complete >= 2)
        assert network.alone("broadcast", "pause", "1").returncode == 0
        _, err = process.communicate(timeout=30)

    assert process.returncode == 3
    assert "paused by an admin" in err
    assert "ummsg broadcast resume 1" in err
    assert counts(network) == {"targeted": 5, "sent": 1, "unknown": 1, "queued": 3}
    assert len([line for line in smtp_server.commands if line.startswith("RCPT")]) == 2

    assert network.alone("broadcast", "resume", "1").returncode == 0
    assert network.alone("outbox", "run").returncode == 0
    assert counts(network) == {"targeted": 5, "sent": 4, "unknown": 1}


@pytest.mark.usefixtures("alone_on_the_wire")
def test_killed_in_the_middle_and_started_again_nobody_is_mailed_twice_or_forgotten(
    network: Program, smtp_server: SmtpServer
) -> None:
    smtp_server.script("DOT", HANG, message=3, times=1)
    with start(network, *EMAIL, "--everyone") as process:
        wait_for(lambda: smtp_server.complete >= 3)
        process.kill()
        process.communicate(timeout=30)
    assert counts(network)["targeted"] == 5

    assert network.alone("outbox", "run").returncode == 3

    assert [message.rcpt_to[0] for message in smtp_server.messages] == [
        f"{name}@example.com" for name in ("anna", "bo", "dan", "eve")
    ]
    assert counts(network) == {"targeted": 5, "sent": 4, "unknown": 1}
    network.now = network.now.replace(year=2027)
    network("outbox", "run")
    assert counts(network) == {"targeted": 5, "sent": 4, "unknown": 1}
    assert len(smtp_server.messages) == 4


@pytest.mark.usefixtures("alone_on_the_wire")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_that_is_ended_finishes_the_message_on_the_wire(
    network: Program, smtp_server: SmtpServer, number: int
) -> None:
    smtp_server.script("DOT", HANG, message=2, times=1)
    network.environ["UMMSG_MAIL_URL"] = f"{smtp_server.url}?timeout=1"
    network(*EMAIL, "--everyone", "--queue")
    with start(network, "outbox", "run", "--watch") as process:
        wait_for(lambda: smtp_server.complete >= 2)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 0, err
    assert "Finishing what is on the wire" in err
    assert counts(network) == {"targeted": 5, "sent": 1, "unknown": 1, "queued": 3}


def test_two_watches_share_the_work_and_one_takes_over_from_the_other(
    network: Program, smtp_server: SmtpServer
) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    with start(network, "outbox", "run", "--watch") as one, start(network, "outbox", "run", "--watch") as other:
        network.alone(*EMAIL, "--everyone", "--queue")
        wait_for(lambda: counts(network) == {"targeted": 5, "sent": 5})
        one.kill()
        network.alone(*EMAIL, "--everyone", "--queue")
        wait_for(lambda: len(smtp_server.messages) == 10)
        other.terminate()
        one.communicate(timeout=30)
        other.communicate(timeout=30)

    assert other.returncode == 0
    assert counts(network, 1) == counts(network, 2) == {"targeted": 5, "sent": 5}
