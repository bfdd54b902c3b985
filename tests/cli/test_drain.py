"""A drain beside which something happens: nothing of it is forgotten, and what is said at its end is true."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from tests.program import Program
from tests.smtp_server import SmtpServer
from ummsg.errors import DatabaseBusy
from ummsg.runtime import Runtime
from ummsg.store.engine import Transaction

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--everyone")


def counts(program: Program) -> dict[str, int]:
    balance = json.loads(program("broadcast", "show", 1, "--format", "json").out)["counts"]
    return {name: number for name, number in balance.items() if number}


def test_results_that_the_database_did_not_take_are_recorded_by_the_next_run(
    network: Program, smtp_server: SmtpServer
) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    network(*NEW, "--queue", "--yes")

    def locked_from_the_first_message_on(runtime: Runtime) -> None:
        begin = runtime.store.begin

        def begin_unless_locked() -> AbstractContextManager[Transaction]:
            if smtp_server.messages:
                raise DatabaseBusy("The database is locked")
            return begin()

        runtime.store.begin = begin_unless_locked  # type: ignore[method-assign]

    failed = network("outbox", "run", set_up=locked_from_the_first_message_on)
    assert failed.code == 1
    assert "not forgotten" in failed.err
    sent = len(smtp_server.messages)
    assert sent > 0
    assert counts(network) == {"targeted": 5, "queued": 5}

    assert network("outbox", "run").code == 0
    assert counts(network) == {"targeted": 5, "sent": 5}
    assert len(smtp_server.messages) == 5
    assert list(network.folder.glob("*.outbox-*")) == []


# What others do while it lasts


@pytest.fixture
def many(network: Program, smtp_server: SmtpServer) -> Program:
    """A hundred customers, and a server that takes their mail one after another."""
    rows = "".join(f"{number},c{number}@example.com\n" for number in range(6, 101))
    network("customers", "import", network.write("more.csv", f"id,email\n{rows}"))
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    return network


def meanwhile(server: SmtpServer, do: Callable[[], object]) -> Callable[[Runtime], None]:
    """Do it once, beside a run, when the server has got its first messages."""
    todo = [do]

    def set_up(runtime: Runtime) -> None:
        begin = runtime.store.begin

        def begin_after_that(**options: Any) -> AbstractContextManager[Transaction]:
            if server.messages and todo:
                todo.pop()()
            return begin(**options)

        runtime.store.begin = begin_after_that  # type: ignore[method-assign]

    return set_up


def another(program: Program) -> Runtime:
    return Runtime(environ=program.environ, directory=program.folder, clock=lambda: program.now, chance=lambda: 0.5)


def test_what_another_run_has_sent_meanwhile_does_not_wait(many: Program, smtp_server: SmtpServer) -> None:
    run = many(*NEW, "--yes", set_up=meanwhile(smtp_server, lambda: another(many).outbox.drain()))

    assert (run.code, len(smtp_server.messages)) == (0, 100)
    assert "still wait" not in run.err
    assert counts(many) == {"targeted": 100, "sent": 100}


def test_what_is_cancelled_meanwhile_is_told_and_does_not_wait(many: Program, smtp_server: SmtpServer) -> None:
    run = many(*NEW, "--yes", set_up=meanwhile(smtp_server, lambda: another(many).broadcasts.cancel(1)))

    sent = len(smtp_server.messages)
    assert sent < 100
    assert run.code == 3
    assert f"cut short (cancelled by an admin): {100 - sent} recipients do not get it" in run.err
    assert "still wait" not in run.err
    assert counts(many) == {"targeted": 100, "sent": sent, "cancelled": 100 - sent}


def test_what_becomes_too_late_meanwhile_is_told_and_counted(many: Program, smtp_server: SmtpServer) -> None:
    def pass_the_time() -> None:
        many.now += timedelta(seconds=20)

    times = ("--not-after", (many.now + timedelta(seconds=10)).isoformat())
    run = many(*NEW, *times, "--yes", set_up=meanwhile(smtp_server, pass_the_time))

    sent = len(smtp_server.messages)
    assert sent < 100
    assert run.code == 3
    assert f"{sent} sent, {100 - sent} cancelled." in run.err
    assert f"cut short (too late: --not-after has passed): {100 - sent} recipients do not get it" in run.err
    assert "still wait" not in run.err
    assert counts(many) == {"targeted": 100, "sent": sent, "cancelled": 100 - sent}


def test_a_scheduled_one_that_is_too_late_is_not_passed_over_in_silence(network: Program) -> None:
    network(*NEW, "--at", "2026-11-23T13:00Z", "--not-after", "2026-11-23T14:00Z", "--yes")
    network.now += timedelta(hours=3)
    run = network("outbox", "run")

    assert run.code == 3
    assert "too late for broadcast 1: its --not-after has passed; nobody got it" in run.err
    assert "broadcast 1 is cancelled" in run.err
    assert network("outbox", "run").code == 0
