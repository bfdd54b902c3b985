"""Why a customer got a broadcast or did not, asked by whole command lines."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.program import Program
from tests.smtp_server import CLOSE, SmtpServer
from ummsg.runtime import Runtime

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")
NOTICE = ("broadcast", "new", "--type", "notice", "--subject", "Hello", "--content", "Good morning.", "--yes")
PRO = {"kind": "product", "target": "Pro (pro)", "membership_status": "active"}
KEYS = [
    *("broadcast_id", "customer_id", "email", "in_audience", "targets", "targets_as_of", "reason", "status", "shown"),
    *("message_id", "attempts"),
]


@pytest.fixture
def network(network: Program, smtp_server: SmtpServer) -> Program:
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    return network


def why(program: Program, customer: object, broadcast_id: int = 1) -> dict[str, Any]:
    result = program("broadcast", "why", broadcast_id, "--customer", customer, "--format", "json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    assert list(found) == KEYS
    return found


def in_store(program: Program, act: Callable[[Any], None]) -> None:
    """Change the directory behind the program's back."""

    def change(runtime: Runtime) -> None:
        with runtime.store.begin() as tx:
            act(tx)

    assert program("products", "list", set_up=change).code == 0


def execute(statement: str) -> Callable[[Any], None]:
    return lambda tx: tx.session.connection().exec_driver_sql(statement)


# Emails


def test_a_recipient_is_told_by_which_target_and_when_it_was_sent(network: Program) -> None:
    network(*NEW, "--product", "pro", "--product", "starter", "--customer", "1")

    found = why(network, "anna@example.com")

    assert (found["broadcast_id"], found["customer_id"], found["email"]) == (1, 1, "anna@example.com")
    assert found["in_audience"] is True
    assert found["targets"] == [
        {"kind": "customer", "target": "Anna Björk <anna@example.com>", "membership_status": None},
        PRO,
    ]
    assert found["targets_as_of"] == "2026-11-23T12:00:00Z"
    assert found["reason"] == (
        "in the audience that was frozen; now matched by: named as a customer; a membership of Pro (pro), active"
    )
    assert (found["status"], found["shown"]) == ("sent", None)
    assert found["message_id"].endswith("@example.com")
    assert found["attempts"] == [
        {"number": 1, "at": "2026-11-23T12:00:00Z", "status": "sent", "reply": "250 2.0.0 queued as 1"}
    ]


def test_everyone_is_a_target(network: Program) -> None:
    network(*NEW, "--everyone")

    assert why(network, 3)["reason"] == "in the audience that was frozen; now matched by: everyone"


def test_a_target_that_matches_now_is_not_said_to_be_the_reason_then(network: Program) -> None:
    network(*NEW, "--product", "pro", "--product", "starter")
    in_store(network, execute("UPDATE memberships SET product_id = 2 WHERE customer_id = 1"))
    network.now += timedelta(hours=1)

    found = why(network, 1)

    assert found["reason"].startswith("in the audience that was frozen; now matched by: a membership of Starter")
    assert found["targets_as_of"] == "2026-11-23T13:00:00Z"


def test_every_attempt_is_listed(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("RCPT", "451 4.7.1 later", times=1)
    smtp_server.script("DOT", CLOSE, times=1)
    network(*NEW, "--product", "extra")
    network.now += timedelta(hours=1)
    network("outbox", "run")
    network.now += timedelta(hours=1)
    network("broadcast", "resolve", 1, "--resend", "--yes")
    network("outbox", "run")

    attempts = why(network, 2)["attempts"]

    assert [(a["number"], a["at"][11:16], a["status"]) for a in attempts] == [
        (1, "12:00", "deferred"),
        (2, "13:00", "unknown"),
        (2, "14:00", "queued"),
        (3, "14:00", "sent"),
    ]
    assert attempts[0]["reply"] == "451 4.7.1 later"


def test_what_was_resolved_as_sent_has_no_attempt_that_nobody_made(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("DOT", CLOSE, times=1)
    network(*NEW, "--customer", "1")
    network("broadcast", "resolve", 1, "--sent")

    found = why(network, 1)

    assert found["status"] == "sent"
    assert [(a["number"], a["status"]) for a in found["attempts"]] == [(1, "unknown"), (1, "sent")]


def test_what_could_not_be_made_and_then_was_sent_has_both(network: Program) -> None:
    network(*NEW, "--customer", "1", "--queue")
    in_store(network, execute("UPDATE broadcasts SET content = '{{ customer_city }}'"))
    in_store(network, execute("UPDATE customers SET attributes = '{}' WHERE id = 1"))
    assert network("outbox", "run").code == 3
    in_store(network, execute("UPDATE broadcasts SET content = 'Hello'"))
    network("broadcast", "retry", 1, "--yes")
    network("outbox", "run")

    assert [(a["number"], a["status"]) for a in why(network, 1)["attempts"]] == [
        (0, "failed"),
        (0, "queued"),
        (1, "sent"),
    ]


@pytest.mark.parametrize(
    ("customer", "reason"),
    [
        (4, "no target matches"),
        (3, "a membership of Pro (pro), expired, which does not count: active, trialing do"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--draft",)], ids=["frozen", "draft"])
def test_who_is_not_in_the_audience(network: Program, customer: int, reason: str, options: tuple[str, ...]) -> None:
    network(*NEW, "--product", "pro", *options)

    found = why(network, customer)

    assert found["in_audience"] is False
    assert found["reason"].startswith(reason)
    assert (found["targets"], found["status"], found["message_id"], found["attempts"]) == ([], None, None, [])


def test_who_was_suppressed(network: Program) -> None:
    network("suppressions", "add", "anna@example.com", "--reason", "complained")
    network(*NEW, "--product", "pro")
    network(*NEW, "--product", "pro", "--draft")

    assert why(network, 1)["status"] == "suppressed"
    assert "suppressed (complained) when the audience was frozen" in why(network, 1)["reason"]
    assert why(network, 1, 2)["status"] is None
    assert "left out: the address is suppressed (complained); the broadcast is draft" in why(network, 1, 2)["reason"]


@pytest.mark.parametrize("tried", [False, True])
def test_who_was_suppressed_after_the_audience_was_frozen(
    network: Program, smtp_server: SmtpServer, tried: bool
) -> None:
    network(*NEW, "--customer", "1", "--queue")
    if tried:
        smtp_server.script("RCPT", "451 4.7.1 later", times=1)
        network("outbox", "run")
    network("suppressions", "add", "anna@example.com", "--reason", "asked")
    network.now += timedelta(hours=1)
    network("outbox", "run")

    found = why(network, 1)

    assert found["reason"] == "left out: the address was suppressed (asked) before the message went out"
    assert [a["status"] for a in found["attempts"]] == ["deferred", "suppressed"][not tried :]


def test_who_was_cancelled_has_the_reason_in_their_history(network: Program) -> None:
    network(*NEW, "--customer", "1", "--queue")
    network(*NEW, "--customer", "1", "--queue", "--not-after", "2026-11-23T12:30Z")
    network(*NEW, "--customer", "1", "--queue")
    network("broadcast", "cancel", 1, "--yes")
    network.now += timedelta(hours=1)
    network("broadcast", "pause", 3)
    network("outbox", "run")
    network("customers", "delete", "1", "--yes")

    histories = [why(network, "anna@example.com", broadcast_id)["attempts"] for broadcast_id in (1, 2, 3)]

    assert histories == [
        [{"number": 0, "at": "2026-11-23T12:00:00Z", "status": "cancelled", "reply": "cancelled by an admin"}],
        [
            {
                "number": 0,
                "at": "2026-11-23T13:00:00Z",
                "status": "cancelled",
                "reply": "too late: --not-after has passed",
            }
        ],
        [{"number": 0, "at": "2026-11-23T13:00:00Z", "status": "cancelled", "reply": "customer deleted"}],
    ]


def test_who_came_after_the_audience_was_frozen(network: Program) -> None:
    network(*NEW, "--product", "pro")
    late = network.write("m.csv", "id,customer,product,status\n900,4,1,active\n")
    assert network("memberships", "import", late).code == 0

    found = why(network, 4)

    assert found["in_audience"] is False
    assert found["reason"].startswith("not in the audience when it was frozen; now matched by: a membership of Pro")
    assert found["targets"] == [PRO]


def test_who_has_left_since(network: Program) -> None:
    network(*NEW, "--product", "pro")
    in_store(network, execute("DELETE FROM memberships"))

    found = why(network, 1)

    assert (found["in_audience"], found["status"], found["targets"]) == (True, "sent", [])
    assert found["reason"] == "a target matched when the audience was frozen; none does now"


def test_an_address_that_was_another_recipients(network: Program) -> None:
    network(*NEW, "--product", "pro")
    in_store(network, execute("UPDATE customers SET email = 'new@x.example', email_key = 'new@x.example' WHERE id = 1"))
    in_store(
        network, execute("UPDATE customers SET email = 'anna@example.com', email_key = 'anna@example.com' WHERE id = 5")
    )

    assert why(network, 5)["in_audience"] is False
    assert why(network, 5)["reason"] == "the address was another recipient's: Anna Björk <new@x.example>"
    assert (why(network, 1)["email"], why(network, 1)["status"]) == ("anna@example.com", "sent")


def test_a_recipient_who_was_deleted_is_found_by_their_address(network: Program) -> None:
    network(*NEW, "--product", "pro")
    network("customers", "delete", "anna@example.com", "--yes")

    found = why(network, "Anna@example.com")
    unknown = network("broadcast", "why", 1, "--customer", "nobody@example.com")

    assert (found["customer_id"], found["status"], found["in_audience"]) == (None, "sent", True)
    assert "deleted from the directory since" in found["reason"]
    assert unknown.code == 2
    assert "There is no customer 'nobody@example.com'" in unknown.err


def test_on_a_terminal_it_is_a_table_and_one_of_the_attempts(network: Program, smtp_server: SmtpServer) -> None:
    smtp_server.script("RCPT", "550 5.1.1 no such user")
    network(*NEW, "--customer", "1")

    result = network("broadcast", "why", 1, "--customer", 1)

    assert result.code == 0
    for word in ("named as a customer", "failed", "550 5.1.1 no such user", "message id"):
        assert word in result.out
    assert (
        network("broadcast", "why", 1, "--customer", 1, "--fields", "status", "--format", "csv").out
        == "status\nfailed\n"
    )


def test_a_broadcast_that_is_not_there(network: Program) -> None:
    result = network("broadcast", "why", 4711, "--customer", 1)

    assert result.code == 2
    assert "There is no broadcast 4711" in result.err


# Notices


def test_a_notice_on_the_dashboard(network: Program) -> None:
    network(*NOTICE, "--product", "pro")

    found = why(network, 1)

    assert (found["in_audience"], found["shown"], found["status"]) == (True, True, "live")
    assert found["targets"] == [PRO]
    assert found["reason"] == "matched by: a membership of Pro (pro), active"
    assert (found["message_id"], found["attempts"]) == (None, [])


@pytest.mark.parametrize(
    ("options", "afterwards", "status", "reason"),
    [
        (("--starts", "2027-01-01T00:00Z"), (), "scheduled", "not shown yet: its --starts is to come"),
        (("--ends", "2026-11-23T12:30Z"), (), "ended", "not shown any more: its --ends has passed"),
        (("--draft",), (), "draft", "a draft, and on no dashboard yet"),
        ((), ("notices", "withdraw", "1", "--yes"), "withdrawn", "withdrawn"),
        ((), ("notices", "dismiss", "1", "--customer", "1"), "live", "the customer dismissed it"),
    ],
)
def test_a_notice_that_is_not_shown(
    network: Program, options: tuple[str, ...], afterwards: tuple[str, ...], status: str, reason: str
) -> None:
    network(*NOTICE, "--product", "pro", *options)
    if afterwards:
        assert network(*afterwards).code == 0
    network.now += timedelta(hours=1)

    found = why(network, 1)

    assert (found["in_audience"], found["shown"], found["status"]) == (True, False, status)
    assert found["reason"].endswith(reason)


def test_a_notice_for_others(network: Program) -> None:
    network(*NOTICE, "--product", "pro")

    found = why(network, 3)

    assert (found["in_audience"], found["shown"], found["status"]) == (False, False, "live")
    assert "expired, which does not count" in found["reason"]
