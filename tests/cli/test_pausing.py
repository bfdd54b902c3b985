"""Broadcasts that pause themselves: too much is refused, or we are."""

import json
from typing import Any

import pytest

from tests.program import Program
from tests.smtp_server import SmtpServer

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--everyone", "--yes")
MANY = 300


@pytest.fixture
def network(ummsg: Program, smtp_server: SmtpServer) -> Program:
    """Three hundred customers; over one connection, so that they are offered in their order."""
    rows = "".join(f"{number},c{number}@example.com\n" for number in range(1, MANY + 1))
    assert ummsg("customers", "import", ummsg.write("customers.csv", f"id,email\n{rows}")).code == 0
    ummsg.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    return ummsg


def show(program: Program, broadcast_id: int = 1) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(program("broadcast", "show", broadcast_id, "--format", "json").out)
    counts = shown["counts"]
    assert counts["targeted"] == sum(number for name, number in counts.items() if name != "targeted")
    return shown


def refuse(server: SmtpServer, reply: str, numbers: range, *, times: int | None = None) -> None:
    for number in numbers:
        server.script("RCPT", reply, recipient=f"c{number}@example.com", times=times)


def test_too_many_refusals_pause_a_broadcast_with_the_reason(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "550 5.7.1 looks like spam", range(1, MANY + 1))
    done = network(*NEW)

    assert done.code == 3
    shown = show(network)
    assert shown["status"] == "paused"
    assert "of the last" in shown["note"]
    assert "550 5.7.1 looks like spam" in shown["note"]
    assert shown["counts"]["failed"] >= 100
    assert shown["counts"]["queued"] > 0
    assert "ummsg broadcast resume 1" in done.err
    assert shown["note"] in done.err


def test_a_resumed_broadcast_starts_counting_anew(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "550 5.7.1 looks like spam", range(1, MANY), times=1)
    network(*NEW)
    left = show(network)["counts"]["queued"]
    refused = show(network)["counts"]["failed"]
    assert network("broadcast", "resume", 1).code == 0
    smtp_server.forget()
    done = network("outbox", "run")

    assert done.code == 0, done.err
    assert show(network)["counts"] | {"sent": left, "failed": refused} == show(network)["counts"]
    assert show(network)["status"] == "finished"


def test_a_server_that_puts_everybody_off_pauses_it_too(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("RCPT", "451 4.7.1 not now")
    assert network(*NEW).code == 3

    shown = show(network)
    assert shown["status"] == "paused"
    assert "put off" in shown["note"]
    assert "451 4.7.1 not now" in shown["note"]
    assert shown["counts"]["queued"] > 0


def test_some_who_are_put_off_are_no_reason_to_pause(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "451 4.7.1 greylisted", range(1, MANY, 2))
    assert network(*NEW).code == 3
    assert show(network)["status"] == "queued"
    assert show(network)["counts"]["deferred"] == 150


def test_those_who_are_tried_again_do_not_count(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "451 4.7.1 greylisted", range(1, MANY, 2), times=1)
    network(*NEW)
    refuse(smtp_server, "550 5.1.1 no such user", range(1, MANY, 2))
    network.now = network.now.replace(hour=20)
    network("outbox", "run")

    assert show(network)["counts"]["failed"] == 150
    assert show(network)["status"] == "finished"


def test_it_can_be_switched_off(network: Program, smtp_server: SmtpServer) -> None:
    network.environ["UMMSG_PAUSE_AT_ERROR_RATE"] = "off"
    smtp_server.script("RCPT", "550 5.7.1 no")
    assert network(*NEW).code == 3
    assert show(network)["counts"]["failed"] == MANY


@pytest.mark.parametrize("value", ["0%", "100%", "20", "-5%", "none", "1000%"])
def test_a_rate_that_is_none_is_refused_before_anything_is_sent(
    network: Program, smtp_server: SmtpServer, value: str
) -> None:
    network.environ["UMMSG_PAUSE_AT_ERROR_RATE"] = value
    network(*NEW, "--queue")
    done = network("outbox", "run")
    assert done.code == 4
    assert "UMMSG_PAUSE_AT_ERROR_RATE takes a percentage from 1% to 99%, or off" in done.err
    assert smtp_server.messages == []


def test_a_sender_that_is_refused_pauses_what_has_that_sender(network: Program, smtp_server: SmtpServer) -> None:
    network(*NEW, "--queue")
    network(*NEW, "--queue", "--from", "other@example.org")
    smtp_server.script("MAIL", "553 5.7.1 not your address", message=1)
    done = network("outbox", "run")

    assert done.code == 4
    assert "ummsg broadcast resume 1" in done.err
    assert "resume 2" not in done.err
    assert (show(network, 1)["status"], show(network, 2)["status"]) == ("paused", "queued")
    assert "553 5.7.1 not your address" in show(network)["note"]
    assert show(network)["counts"] | {"queued": MANY} == show(network)["counts"]

    network("broadcast", "resume", 1)
    assert network("outbox", "run").code == 0
    assert (show(network, 1)["counts"]["sent"], show(network, 2)["counts"]["sent"]) == (MANY, MANY)


def test_credentials_that_are_refused_pause_everything_of_the_run(network: Program) -> None:
    with SmtpServer(credentials={"us": "right"}, login_needed=True) as server:
        network.environ |= {
            "UMMSG_MAIL_URL": f"smtp://us@{server.host}:{server.port}?tls=none",
            "UMMSG_MAIL_PASSWORD": "wrong",
        }
        network(*NEW, "--queue")
        network(*NEW, "--queue")
        done = network("outbox", "run")
        assert done.code == 4
        for number in (1, 2):
            assert f"ummsg broadcast resume {number}" in done.err
            assert show(network, number)["status"] == "paused"
            assert "refuses the login" in show(network, number)["note"]

        again = network("outbox", "run")
        assert again.code == 0
        assert again.err == ""

        network.environ["UMMSG_MAIL_PASSWORD"] = "right"
        network("broadcast", "resume", 1)
        network("broadcast", "resume", 2)
        assert network("outbox", "run").code == 0
        assert len(server.messages) == 2 * MANY


def test_what_is_missing_on_this_machine_pauses_nothing(network: Program) -> None:
    network(*NEW, "--queue")
    network.environ["UMMSG_FROM"] = ""
    assert network("outbox", "run").code == 4
    assert show(network)["status"] == "queued"
