"""Pausing, resuming, retrying and resolving by whole command lines, against a real SMTP server."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.acceptance.processes import start, wait_for
from tests.cli.scripted import BACK, STOP, ScriptedPrompter
from tests.program import NOW, Program, Result
from tests.smtp_server import CLOSE, HANG, SmtpServer
from ummsg.runtime import Runtime

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")
NOTICE = ("broadcast", "new", "--type", "notice", "--subject", "Hello", "--content", "Good morning.", "--yes")
EVERYBODY = [f"{name}@example.com" for name in ("anna", "bo", "cleo", "dan", "eve")]


@pytest.fixture
def network(network: Program, smtp_server: SmtpServer) -> Program:
    """Over one connection, so that the server is offered the messages in the order of the customers."""
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    return network


def answering(*answers: Any) -> Callable[[Runtime], Any]:
    def set_up(runtime: Runtime) -> None:
        runtime.prompter = ScriptedPrompter(*answers)

    return set_up


def show(program: Program, broadcast_id: int = 1) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(program("broadcast", "show", broadcast_id, "--format", "json").out)
    counts = shown["counts"]
    assert counts["targeted"] == sum(number for name, number in counts.items() if name != "targeted")
    return shown


def counts(program: Program, broadcast_id: int = 1) -> dict[str, int]:
    return {name: number for name, number in show(program, broadcast_id)["counts"].items() if number}


def deliveries(program: Program) -> dict[str, dict[str, Any]]:
    rows = json.loads(program("broadcast", "show", 1, "--deliveries", "--format", "json").out)
    return {row["email"]: row for row in rows}


def history(program: Program, email: str) -> list[tuple[int, str, str]]:
    query = "SELECT number, a.status, a.reply FROM attempts a JOIN deliveries d ON d.id = delivery_id"
    return program.rows(f"{query} WHERE email = '{email}' ORDER BY a.id")  # type: ignore[return-value]


def refuse(server: SmtpServer, *names: str, times: int | None = 1) -> None:
    for name in names:
        server.script("RCPT", "550 5.1.1 no such user", recipient=f"{name}@example.com", times=times)


def lose(server: SmtpServer, *names: str) -> None:
    """Hang up after the final dot: nobody knows what became of it."""
    for name in names:
        server.script("DOT", CLOSE, recipient=f"{name}@example.com", times=1)


def refused(result: Result, *words: str) -> None:
    assert result.code == 2, result.err
    assert result.err.count("Error:") == 1
    for word in words:
        assert word in result.err


# Pause and resume


def test_what_is_paused_is_not_sent_until_it_is_resumed(network: Program, smtp_server: SmtpServer) -> None:
    network(*NEW, "--everyone", "--queue")

    paused = network("broadcast", "pause", 1)
    run = network("outbox", "run")

    assert (paused.code, run.code) == (0, 0), paused.err + run.err
    assert "5 customers wait for it" in paused.err
    assert "ummsg broadcast resume 1" in paused.err
    assert smtp_server.messages == []
    assert (show(network)["status"], show(network)["note"]) == ("paused", "paused by an admin")

    resumed = network("broadcast", "resume", 1)
    assert resumed.code == 0
    assert "ummsg outbox run" in resumed.err
    assert (show(network)["status"], show(network)["note"]) == ("queued", "")
    network("outbox", "run")
    assert counts(network) == {"targeted": 5, "sent": 5}


def test_pausing_twice_and_resuming_twice_changes_nothing(network: Program) -> None:
    network(*NEW, "--everyone", "--queue")
    network("broadcast", "pause", 1)
    before = network.dump()
    network.now += timedelta(hours=1)
    assert network("broadcast", "pause", 1).code == 0
    assert network.dump() == before

    network("broadcast", "resume", 1)
    before = network.dump()
    network.now += timedelta(hours=1)
    again = network("broadcast", "resume", 1)
    assert (again.code, "is not paused" in again.err) == (0, True)
    assert network.dump() == before


def test_a_paused_schedule_does_not_start_and_is_scheduled_again(network: Program, smtp_server: SmtpServer) -> None:
    at = NOW + timedelta(hours=1)
    network(*NEW, "--everyone", "--at", at.isoformat())
    network("broadcast", "pause", 1)
    network.now = at + timedelta(hours=1)
    network("outbox", "run")
    assert show(network)["status"] == "paused"
    assert smtp_server.messages == []

    network("broadcast", "resume", 1)
    assert show(network)["status"] == "scheduled"
    network("outbox", "run")
    assert counts(network) == {"targeted": 5, "sent": 5}


@pytest.mark.parametrize("options", [("--queue",), ("--at", "2026-11-23T13:00Z")], ids=["queued", "scheduled"])
def test_what_has_become_too_late_is_not_resumed(network: Program, options: tuple[str, ...]) -> None:
    network(*NEW, "--everyone", "--not-after", "2026-11-23T14:00Z", *options)
    network("broadcast", "pause", 1)
    network.now += timedelta(hours=3)
    before = network.dump()

    refused(network("broadcast", "resume", 1), "too late", "2026-11-23 14:00", "ummsg broadcast cancel 1")
    assert network.dump() == before


@pytest.mark.parametrize("act", ["pause", "resume"])
@pytest.mark.parametrize(
    ("command", "afterwards", "words"),
    [
        ((*NEW, "--customer", "1"), (), "is finished"),
        ((*NEW, "--customer", "1", "--queue"), ("broadcast", "cancel", "1", "--yes"), "is cancelled"),
        ((*NEW, "--customer", "1", "--draft"), (), "is a draft"),
        ((*NOTICE, "--customer", "1"), (), "is a notice"),
    ],
    ids=["finished", "cancelled", "draft", "notice"],
)
def test_what_can_neither_be_paused_nor_resumed(
    network: Program, act: str, command: tuple[str, ...], afterwards: tuple[str, ...], words: str
) -> None:
    assert network(*command).code == 0
    if afterwards:
        assert network(*afterwards).code == 0
    before = network.dump()

    refused(network("broadcast", act, 1), f"Broadcast 1 {words}", "ummsg")
    assert network.dump() == before


def test_a_paused_one_can_be_sent_at_once_to_those_it_was_frozen_for(network: Program, smtp_server: SmtpServer) -> None:
    network(*NEW, "--everyone", "--queue")
    network("broadcast", "pause", 1)
    network("customers", "add", "late@example.com")

    assert network("broadcast", "send", 1).code == 0

    assert [message.rcpt_to[0] for message in smtp_server.messages] == EVERYBODY


def test_a_paused_one_can_be_cancelled(network: Program) -> None:
    network(*NEW, "--everyone", "--queue")
    network("broadcast", "pause", 1)

    cancelled = network("broadcast", "cancel", 1, "--yes")
    assert (cancelled.code, cancelled.err) == (0, "Broadcast 1 is cancelled; 5 recipients do not get it.\n")
    assert counts(network) == {"targeted": 5, "cancelled": 5}


def test_cancelling_says_what_nobody_knows_yet(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("DOT", HANG, message=2)
    network.environ["UMMSG_MAIL_CONNECTIONS"] = "1"
    network(*NEW, "--everyone", "--queue")
    with start(network, "outbox", "run") as process:
        wait_for(lambda: smtp_server.complete >= 2)
        cancelled = network("broadcast", "cancel", 1, "--yes")
        process.kill()
        process.communicate(timeout=30)
    assert "in the hands of a run at this moment" in cancelled.err


def test_cancelling_what_is_scheduled_says_that_nobody_gets_it(network: Program) -> None:
    network(*NEW, "--everyone", "--at", "2026-11-24T09:00Z")
    assert network("broadcast", "cancel", 1, "--yes").err == "Broadcast 1 is cancelled; nobody gets it.\n"


def test_a_cancelled_one_cannot_be_sent(network: Program) -> None:
    network(*NEW, "--everyone", "--queue")
    network("broadcast", "cancel", 1, "--yes")
    refused(network("broadcast", "send", 1), "Broadcast 1 is cancelled (cancelled by an admin): it cannot be sent")


def test_what_is_paused_while_its_audience_is_written_down_goes_on_there(
    network: Program, smtp_server: SmtpServer
) -> None:
    def half(runtime: Runtime) -> None:
        from ummsg.domain.audience import Audience, Target
        from ummsg.domain.broadcast import BroadcastDraft
        from ummsg.vocabulary import BroadcastStatus, BroadcastType

        everyone = Audience.of([Target.everyone()])
        draft = BroadcastDraft(type=BroadcastType.EMAIL, audience=everyone, subject="Hello", content="Good morning.")
        with runtime.store.begin() as tx:
            tx.broadcasts.add(draft, BroadcastStatus.FREEZING, NOW)
            tx.outbox.freeze_chunk(1, everyone, "example.com", NOW, 2)

    assert network("broadcast", "list", set_up=half).code == 0
    assert network("broadcast", "pause", 1).code == 0
    network("outbox", "run")
    assert smtp_server.messages == []

    network("broadcast", "resume", 1)
    network("outbox", "run")
    assert [message.rcpt_to[0] for message in smtp_server.messages] == EVERYBODY


def test_resuming_what_has_nothing_left_finishes_it(network: Program) -> None:
    network(*NEW, "--customer", "1", "--queue")
    network("broadcast", "pause", 1)
    network("customers", "delete", "1", "--yes")

    resumed = network("broadcast", "resume", 1)

    assert "nothing of it was left to send" in resumed.err
    assert show(network)["status"] == "finished"


# Retry


def test_only_the_failed_are_sent_again(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "bo", "dan")
    assert network(*NEW, "--everyone").code == 3
    before = deliveries(network)
    network.now += timedelta(hours=1)

    retried = network("broadcast", "retry", 1, "--yes")

    assert retried.code == 0, retried.err
    assert "2 deliveries of broadcast 1 queued again" in retried.err
    assert "ummsg outbox run" in retried.err
    assert counts(network) == {"targeted": 5, "sent": 3, "queued": 2}
    assert show(network)["status"] == "queued"
    assert network("outbox", "run").code == 0
    assert counts(network) == {"targeted": 5, "sent": 5}
    assert show(network)["status"] == "finished"
    assert sorted(message.rcpt_to[0] for message in smtp_server.messages) == EVERYBODY
    assert f"Message-ID: <{before['bo@example.com']['message_id']}>".encode() in smtp_server.messages[-2].data
    assert history(network, "bo@example.com") == [
        (1, "failed", "550 5.1.1 no such user"),
        (1, "queued", "to be sent again, by an admin"),
        (2, "sent", "250 2.0.0 queued as 4"),
    ]


def test_only_the_named_are_sent_again(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "bo", "dan")
    network(*NEW, "--everyone")

    network("broadcast", "retry", 1, "--customer", "bo@example.com", "--yes")

    assert counts(network) == {"targeted": 5, "sent": 3, "failed": 1, "queued": 1}


def test_after_a_retry_giving_up_counts_anew(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("RCPT", "451 4.7.1 later", recipient="bo@example.com")
    network(*NEW, "--customer", "2")
    for _ in range(7):
        network.now += timedelta(hours=7)
        network("outbox", "run")
    assert deliveries(network)["bo@example.com"]["reply"] == "451 4.7.1 later (gave up after 8)"

    network("broadcast", "retry", 1, "--yes")
    network("outbox", "run")

    again = deliveries(network)["bo@example.com"]
    assert (again["status"], again["attempts"]) == ("deferred", 9)
    assert datetime.fromisoformat(again["due_at"]) == network.now + timedelta(minutes=5.5)


def test_nothing_failed(network: Program) -> None:
    network(*NEW, "--everyone")
    before = network.dump()

    result = network("broadcast", "retry", 1)

    assert result.code == 0
    assert "No delivery of broadcast 1 is failed" in result.err
    assert network.dump() == before


def test_a_retry_asks(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "bo", "dan")
    network(*NEW, "--everyone")
    before = network.dump()

    refused(network("broadcast", "retry", 1), "Send 'Hello' again to 2 customers?", "--yes")
    assert network.dump() == before
    assert network("broadcast", "retry", 1, set_up=answering(False)).code == 130
    assert network.dump() == before
    assert network("broadcast", "retry", 1, set_up=answering(True)).code == 0
    assert counts(network)["queued"] == 2


def test_a_suppressed_address_is_not_tried_again(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "bo", "dan")
    network(*NEW, "--everyone")
    network("suppressions", "add", "bo@example.com")

    result = network("broadcast", "retry", 1, "--yes")

    assert "1 delivery left failed: the address is suppressed" in result.err
    assert counts(network) == {"targeted": 5, "sent": 3, "failed": 1, "queued": 1}
    assert network("broadcast", "retry", 1, "--customer", "2").code == 0
    assert counts(network)["failed"] == 1


def test_somebody_who_has_not_failed_is_a_mistake(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "bo")
    network(*NEW, "--product", "pro")
    before = network.dump()

    result = network("broadcast", "retry", 1, "--customer", "1", "--customer", "2", "--customer", "5", "--yes")

    refused(result, "Anna Björk <anna@example.com> is sent", "eve@example.com is not a recipient", "broadcast why 1")
    assert network.dump() == before


def test_a_retry_of_a_paused_one_waits_for_resuming(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "bo")
    smtp_server.script("RCPT", "451 4.7.1 later", recipient="anna@example.com", times=1)
    network(*NEW, "--product", "pro")
    network("broadcast", "pause", 1)

    result = network("broadcast", "retry", 1, "--yes")

    assert "ummsg broadcast resume 1" in result.err
    assert show(network)["status"] == "paused"


@pytest.mark.parametrize("act", [("retry",), ("resolve", "--resend"), ("resolve", "--sent"), ("resolve",)])
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((*NEW, "--draft"), "is a draft: nothing of it has been sent"),
        ((*NEW, "--at", "2027-01-01T00:00Z"), "is scheduled: nothing of it has been sent"),
        (NOTICE, "is a notice"),
    ],
    ids=["draft", "scheduled", "notice"],
)
def test_of_what_nothing_was_sent_nothing_is_settled(
    network: Program, act: tuple[str, ...], command: tuple[str, ...], words: str
) -> None:
    network(*command, "--customer", "1")
    before = network.dump()

    refused(network("broadcast", act[0], 1, *act[1:], "--yes"), words)
    assert network.dump() == before


def test_of_a_cancelled_broadcast_nothing_is_sent_again(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "anna")
    smtp_server.script("RCPT", "451 4.7.1 later", recipient="bo@example.com", times=1)
    network(*NEW, "--product", "pro")
    network("broadcast", "cancel", 1, "--yes")
    before = network.dump()

    refused(network("broadcast", "retry", 1, "--yes"), "is cancelled: nothing more of it is sent")
    assert network.dump() == before


def test_too_late_for_a_retry(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "anna")
    network(*NEW, "--customer", "1", "--not-after", "2026-11-23T14:00Z")
    network.now += timedelta(hours=3)
    before = network.dump()

    refused(network("broadcast", "retry", 1, "--yes"), "too late")
    assert network.dump() == before


# Resolve


@pytest.fixture
def unknown(network: Program, smtp_server: SmtpServer) -> Program:
    """Three sent, two of which nobody knows."""
    lose(smtp_server, "bo", "dan")
    assert network(*NEW, "--everyone").code == 3
    assert counts(network) == {"targeted": 5, "sent": 3, "unknown": 2}
    return network


def test_the_unknown_are_listed_with_what_to_look_for(unknown: Program) -> None:
    before = unknown.dump()

    result = unknown("broadcast", "resolve", 1)

    refused(result, "--sent, --resend or --failed", "grep -F")
    for email in ("bo@example.com", "dan@example.com"):
        assert email in result.out
        assert deliveries(unknown)[email]["message_id"] in result.out
    assert "anna@example.com" not in result.out
    assert unknown.dump() == before


@pytest.mark.parametrize(("how", "became"), [("--sent", "sent"), ("--failed", "failed")])
def test_the_unknown_become_what_the_admin_says(unknown: Program, how: str, became: str) -> None:
    result = unknown("broadcast", "resolve", 1, how, "--customer", "2")

    assert result.code == 0, result.err
    assert f"1 delivery of broadcast 1 now counts as {became}" in result.err
    bo = deliveries(unknown)["bo@example.com"]
    assert (bo["status"], bo["attempts"]) == (became, 1)
    assert [status for _, status, _ in history(unknown, "bo@example.com")] == ["unknown", became]
    assert counts(unknown)["unknown"] == 1
    unknown("broadcast", "resolve", 1, how)
    assert "unknown" not in counts(unknown)
    assert show(unknown)["status"] == "finished"


def test_resending_asks_because_it_may_double(unknown: Program, smtp_server: SmtpServer) -> None:
    before = unknown.dump()
    refused(unknown("broadcast", "resolve", 1, "--resend"), "gets it twice", "--yes")
    assert unknown("broadcast", "resolve", 1, "--resend", set_up=answering(False)).code == 130
    assert unknown.dump() == before

    assert unknown("broadcast", "resolve", 1, "--resend", "--yes").code == 0
    assert counts(unknown) == {"targeted": 5, "sent": 3, "queued": 2}
    assert unknown("outbox", "run").code == 0
    assert counts(unknown) == {"targeted": 5, "sent": 5}
    assert len(smtp_server.messages) == 5


@pytest.mark.parametrize(
    ("answers", "code", "balance"),
    [
        (("They arrived",), 0, {"targeted": 5, "sent": 5}),
        (("They did not",), 0, {"targeted": 5, "sent": 3, "failed": 2}),
        (("Send them again", True), 0, {"targeted": 5, "sent": 3, "queued": 2}),
        (("Send them again", False), 130, {"targeted": 5, "sent": 3, "unknown": 2}),
        ((BACK,), 130, {"targeted": 5, "sent": 3, "unknown": 2}),
        ((STOP,), 130, {"targeted": 5, "sent": 3, "unknown": 2}),
    ],
)
def test_on_a_terminal_it_asks_what_became_of_them(
    unknown: Program, answers: tuple[Any, ...], code: int, balance: dict[str, int]
) -> None:
    result = unknown("broadcast", "resolve", 1, set_up=answering(*answers))

    assert result.code == code, result.err
    assert counts(unknown) == balance


@pytest.mark.parametrize("how", ["--sent", "--failed", "--resend"])
def test_what_is_not_unknown_is_not_resolved(unknown: Program, how: str) -> None:
    before = unknown.dump()

    result = unknown("broadcast", "resolve", 1, how, "--customer", "1", "--customer", "2", "--yes")

    refused(result, "Anna Björk <anna@example.com> is sent", "nothing was changed")
    assert unknown.dump() == before


@pytest.mark.parametrize("how", ["--sent", "--failed", "--resend"])
def test_there_is_nothing_to_resolve(network: Program, how: str) -> None:
    network(*NEW, "--everyone")
    before = network.dump()

    refused(network("broadcast", "resolve", 1, how, "--yes"), "no delivery that is unknown")
    assert network("broadcast", "resolve", 1).code == 0
    assert network.dump() == before


def test_only_one_thing_can_be_done(unknown: Program) -> None:
    before = unknown.dump()

    refused(unknown("broadcast", "resolve", 1, "--sent", "--failed"), "--sent and --failed")
    assert unknown.dump() == before


def test_a_process_that_died_left_something_to_resolve(network: Program) -> None:
    def die_sending(runtime: Runtime) -> None:
        with runtime.store.begin() as tx:
            assert len(tx.outbox.claim(1, "dead", network.now)) == 1

    network(*NEW, "--customer", "1", "--queue")
    network("broadcast", "list", set_up=die_sending)
    assert counts(network) == {"targeted": 1, "queued": 1}
    network.now += timedelta(minutes=11)

    assert network("broadcast", "resolve", 1, "--sent").code == 0

    assert counts(network) == {"targeted": 1, "sent": 1}
    assert show(network)["status"] == "finished"


def test_of_a_cancelled_broadcast_the_unknown_are_settled_but_not_sent(unknown: Program) -> None:
    unknown("broadcast", "resolve", 1, "--resend", "--customer", "2", "--yes")
    unknown("broadcast", "cancel", 1, "--yes")

    refused(unknown("broadcast", "resolve", 1, "--resend", "--yes"), "is cancelled")
    assert unknown("broadcast", "resolve", 1, "--sent").code == 0
    assert counts(unknown) == {"targeted": 5, "sent": 4, "cancelled": 1}
    assert show(unknown)["status"] == "cancelled"


# What to type next


def suggested(program: Program, broadcast_id: int = 1) -> list[str]:
    said = program("broadcast", "show", broadcast_id).err
    return [line.rpartition(": ummsg ")[2] for line in said.splitlines() if ": ummsg " in line]


def test_showing_a_broadcast_says_what_can_be_done_about_it(network: Program, smtp_server: SmtpServer) -> None:
    refuse(smtp_server, "anna")
    lose(smtp_server, "bo")
    network(*NEW, "--everyone", "--queue")
    assert suggested(network) == ["outbox run"]
    network("broadcast", "pause", 1)
    assert suggested(network) == ["broadcast resume 1"]
    network("broadcast", "resume", 1)
    network("outbox", "run")
    assert suggested(network) == ["broadcast resolve 1", "broadcast retry 1"]
    assert network("broadcast", "show", 1, "--format", "json").err == ""
    network("broadcast", "resolve", 1, "--sent")
    network("broadcast", "retry", 1, "--yes")
    network("outbox", "run")
    assert counts(network) == {"targeted": 5, "sent": 5}
    assert suggested(network) == []

    network(*NEW, "--everyone", "--draft")
    assert suggested(network, 2) == ["broadcast send 2"]
