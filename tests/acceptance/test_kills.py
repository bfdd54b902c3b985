"""Drains that are killed with SIGKILL at random moments, and the server that knows what it took."""

import random
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.balance import NEW, counts_of, customers, taken_by
from tests.acceptance.processes import start, wait_for
from tests.program import Program
from tests.smtp_server import HANG, SmtpServer

ON_THE_WIRE = 10
"""Messages that may be complete and without an answer when a drain dies: one a connection."""


@pytest.mark.parametrize("features", [("PIPELINING", "8BITMIME"), ("8BITMIME",)], ids=["pipelining", "lock-step"])
def test_whenever_a_drain_is_killed_nobody_is_mailed_twice_or_forgotten(
    ummsg: Program, features: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    kills = max(1, request.config.getoption("--kills") // 2)
    chance = random.Random(kills)
    recipients = kills * 25
    customers(ummsg, recipients)
    with SmtpServer(features=features) as server:
        ummsg.environ["UMMSG_MAIL_URL"] = server.url
        assert ummsg(*NEW, "--queue", "--yes").code == 0
        for _ in range(kills):
            _kill_after(ummsg, server, chance.randrange(30))
            assert counts_of(ummsg)["targeted"] == recipients
        last = ummsg.alone("outbox", "run")

    counts = counts_of(ummsg)
    assert last.returncode in (0, 3), last.stderr  # 3 if it is this one that found some unknown
    assert (counts["queued"], counts["failed"]) == (0, 0)
    assert counts["unknown"] <= kills * ON_THE_WIRE
    taken = taken_by(server)
    assert [address for address, times in taken.items() if times > 1] == []
    rows = ummsg.rows("SELECT status, email FROM deliveries")
    assert {email for status, email in rows if status == "sent"} <= taken.keys()
    assert taken.keys() <= {email for status, email in rows if status in ("sent", "unknown")}
    assert list(ummsg.folder.glob("*.outbox-*")) == []


def test_a_drain_that_was_stopped_for_longer_than_its_claims_hold_sends_nothing_more(ummsg: Program) -> None:
    customers(ummsg, 400)
    with SmtpServer() as server:
        ummsg.environ["UMMSG_MAIL_URL"] = f"{server.url}?timeout=1"
        for message in range(21, 31):
            server.script("DOT", HANG, message=message)
        assert ummsg(*NEW, "--queue", "--yes").code == 0
        with start(ummsg, "outbox", "run") as stopped:
            wait_for(lambda: len(server.messages) >= 20 and server.complete > 20)  # one is on the wire, for good
            with _locked(ummsg) as ledger:  # it is not in the middle of writing there
                stopped.send_signal(signal.SIGSTOP)
                ledger.execute("UPDATE deliveries SET lease_until = '2020-01-01 00:00:00' WHERE status = 'sending'")
            try:
                other = ummsg.alone("outbox", "run")
                taken = len(server.messages)
            finally:
                stopped.send_signal(signal.SIGCONT)
            _, err = stopped.communicate(timeout=30)

    assert other.returncode in (0, 3), other.stderr
    assert stopped.returncode in (1, 3), err  # 3 if it saw that there was nothing left before it tried to go on
    assert len(server.messages) == taken
    counts = counts_of(ummsg)
    assert (counts["queued"], counts["failed"]) == (0, 0)
    assert counts["unknown"] <= ON_THE_WIRE
    assert [address for address, times in taken_by(server).items() if times > 1] == []


@contextmanager
def _locked(program: Program) -> Iterator[sqlite3.Connection]:
    """Nobody else writes meanwhile."""
    ledger = sqlite3.connect(program.folder / "ummsg.db", timeout=10, isolation_level=None)
    ledger.execute("BEGIN IMMEDIATE")
    try:
        yield ledger
        ledger.execute("COMMIT")
    finally:
        ledger.close()


def test_two_drains_at_once_share_the_work(ummsg: Program) -> None:
    customers(ummsg, 400)
    with SmtpServer() as server:
        ummsg.environ["UMMSG_MAIL_URL"] = server.url
        assert ummsg(*NEW, "--queue", "--yes").code == 0
        with start(ummsg, "outbox", "run") as one, start(ummsg, "outbox", "run") as other:
            for process in (one, other):
                process.communicate()

    assert counts_of(ummsg) == counts_of(ummsg) | {"targeted": 400, "sent": 400, "queued": 0, "unknown": 0}
    assert set(taken_by(server).values()) == {1}


def _kill_after(program: Program, server: SmtpServer, messages: int) -> None:
    """Start a drain, and kill it when the server has taken so many more."""
    before = len(server.messages)
    with start(program, "outbox", "run") as process:
        wait_for(lambda: len(server.messages) >= before + messages or process.poll() is not None)
        process.kill()
        process.communicate()
