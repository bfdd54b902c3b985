"""`outbox status`: how fast, how long still, what is stuck and why."""

import json
import signal
from datetime import timedelta
from typing import Any

import pytest

from tests.acceptance.processes import start, wait_for
from tests.program import Program
from tests.smtp_server import CLOSE, HANG, SmtpServer

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--everyone", "--yes")


@pytest.fixture
def network(network: Program, smtp_server: SmtpServer) -> Program:
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    return network


def status(program: Program) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(program("outbox", "status", "--format", "json").out)
    return rows


def stuck(program: Program) -> list[tuple[str, int, str]]:
    return [(one["why"], one["number"], one["words"]) for row in status(program) for one in row["stuck"]]


def test_an_empty_outbox_has_nothing_to_say(network: Program) -> None:
    shown = network("outbox", "status")
    assert (shown.code, shown.out, shown.err) == (0, "", "Nothing to list.\n")


def test_each_thing_that_is_stuck_is_named_with_what_to_type(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("RCPT", "451 4.7.1 later", recipient="anna@example.com")
    smtp_server.script("RCPT", "451 4.7.1 later", recipient="bo@example.com")
    smtp_server.script("RCPT", "452 4.2.2 full", recipient="cleo@example.com")
    smtp_server.script("DOT", CLOSE, recipient="dan@example.com", times=1)
    network(*NEW)
    network(*NEW, "--queue")
    network("broadcast", "pause", 2)

    assert stuck(network) == [
        ("unknown", 1, "nobody knows whether they arrived"),
        ("deferred", 3, "most often with: 451 4.7.1 later"),
        ("paused", 5, "paused by an admin"),
    ]
    shown = network("outbox", "status").out
    for words in ("most often with: 451 4.7.1 later", "broadcast resolve 1", "broadcast resume 2", "2026-11-23 12:05"):
        assert words in shown


def test_unknown_deliveries_keep_a_finished_broadcast_in_sight_until_they_are_resolved(
    network: Program, smtp_server: SmtpServer
) -> None:
    smtp_server.script("DOT", CLOSE, recipient="dan@example.com", times=1)
    network(*NEW)
    (row,) = status(network)
    assert (row["id"], row["status"], row["unknown"]) == (1, "finished", 1)

    network("broadcast", "resolve", 1, "--sent")
    assert status(network) == []


def test_what_is_due_and_what_is_too_late_soon(network: Program) -> None:
    network(*NEW, "--queue", "--not-after", (network.now + timedelta(minutes=30)).isoformat())
    assert stuck(network) == [
        ("expiring", 5, "--not-after is near"),
        ("unattended", 5, "due, and no run is sending"),
    ]


def test_what_is_not_due_yet_is_not_said_to_wait_for_a_run(network: Program) -> None:
    zones = network.write("zones.csv", "email,timezone\nanna@example.com,Europe/Stockholm\nbo@example.com,Asia/Tokyo\n")
    network("customers", "import", zones)
    network(*NEW, "--at-local", "today 21:30")
    network.now += timedelta(minutes=31)
    assert stuck(network) == [("unattended", 1, "due, and no run is sending")]


def test_the_rate_counts_what_was_settled_in_the_last_minutes(network: Program, smtp_server: SmtpServer) -> None:
    for name in ("anna", "bo"):
        smtp_server.script("RCPT", "451 4.7.1 later", recipient=f"{name}@example.com")
    network(*NEW)
    network.now += timedelta(minutes=2)
    (row,) = status(network)
    assert row["rate_per_minute"] == 1.5
    assert "messages a minute" in network("outbox", "status").out

    network.now += timedelta(minutes=4)
    (row,) = status(network)
    assert row["rate_per_minute"] == 0
    assert "messages a minute" not in network("outbox", "status").out


def test_a_run_that_was_killed_is_told_from_one_that_lives(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("DOT", HANG, message=2)
    network(*NEW, "--queue")
    with start(network, "outbox", "run") as process:
        wait_for(lambda: smtp_server.complete >= 2)
        assert [why for why, *_ in stuck(network)] == []
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)

    ((why, number, words), *_) = stuck(network)
    assert (why, words) == ("held", "a run that is gone had claimed them")
    assert 1 <= number <= 5


@pytest.mark.parametrize("width", ["80", "40"])
def test_it_fits_the_screen(
    network: Program, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    from ummsg.cli import views

    monkeypatch.setenv("COLUMNS", width)
    views._console.cache_clear()
    smtp_server.script("RCPT", "451 4.7.1 " + "come back later, please, " * 8)
    network(*NEW)
    shown = network("outbox", "status").out
    assert max(map(len, shown.splitlines())) <= int(width)
    assert "put off" in shown
