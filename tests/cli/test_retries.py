"""How often, and for how long, a broadcast tries again: its own bounds, from the flags to the ledger."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.program import Program
from tests.smtp_server import SmtpServer

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--everyone", "--yes")
NOTICE = ("broadcast", "new", "--type", "notice", "--subject", "Hello", "--content", "Hi.", "--everyone", "--yes")


def show(program: Program, broadcast_id: int = 1) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(program("broadcast", "show", broadcast_id, "--format", "json").out)
    return shown


def bounds(program: Program, broadcast_id: int = 1) -> tuple[int, str]:
    shown = show(program, broadcast_id)
    return shown["attempts"], shown["retry_for"]


def test_after_so_many_attempts_it_gives_up(network: Program, smtp_server: SmtpServer) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    smtp_server.script("RCPT", "451 4.7.1 later")
    network(*NEW, "--attempts", "2")
    assert show(network)["counts"]["deferred"] == 5

    network.now += timedelta(hours=1)
    assert network("outbox", "run").code == 3
    assert show(network)["counts"]["failed"] == 5
    (reply,) = {row[0] for row in network.rows("SELECT reply FROM deliveries")}
    assert reply == "451 4.7.1 later (gave up after 2)"


def test_after_so_long_it_gives_up(network: Program, smtp_server: SmtpServer) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    smtp_server.script("RCPT", "451 4.7.1 later")
    network(*NEW, "--retry-for", "1h30m")
    network(*NEW)
    network.now += timedelta(hours=2)
    network("outbox", "run")

    assert (show(network, 1)["counts"]["failed"], show(network, 2)["counts"]["deferred"]) == (5, 5)


def test_the_bounds_are_stored_shown_and_changed(network: Program) -> None:
    network(*NEW, "--draft", "--attempts", "3", "--retry-for", "36h")
    network(*NEW, "--draft")
    network(*NOTICE)
    assert bounds(network) == (3, "1d12h")
    assert bounds(network, 2) == (8, "3d")
    assert bounds(network, 3) == (None, None)

    assert network("broadcast", "edit", 1, "--attempts", "5").code == 0
    assert bounds(network) == (5, "1d12h")
    assert network("broadcast", "edit", 1, "--retry-for", "90m").code == 0
    assert bounds(network) == (5, "1h30m")
    network("broadcast", "send", 1, "--yes")
    assert bounds(network) == (5, "1h30m")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--attempts", "0", "attempts: 0 is not from 1 to 50"),
        ("--attempts", "-1", "attempts: -1 is not from 1 to 50"),
        ("--attempts", "51", "attempts: 51 is not from 1 to 50"),
        ("--attempts", "many", "'many' is not a valid int"),
        ("--attempts", "99999999999999999999", "not in the range"),
        ("--retry-for", "0", "retry-for: 0 is not from 1m to 30d"),
        ("--retry-for", "31d", "retry-for: 31d is not from 1m to 30d"),
        ("--retry-for", "-1h", "--retry-for: '-1h' is no length of time"),
        ("--retry-for", "soon", "--retry-for: 'soon' is no length of time"),
        ("--retry-for", "", "--retry-for: '' is no length of time"),
    ],
)
def test_bounds_that_are_none_are_refused(network: Program, option: str, value: str, words: str) -> None:
    network(*NEW, "--draft")
    before = network.dump()
    for command in (NEW, (*NEW, "--draft"), ("broadcast", "edit", "1")):
        refused = network(*command, option, value)
        assert refused.code == 2
        assert words in refused.err
    assert network.dump() == before


def test_a_notice_is_not_tried_again(network: Program) -> None:
    refused = network(*NOTICE, "--attempts", "3", "--retry-for", "1h")
    assert refused.code == 2
    assert "attempts: does not go with --type notice" in refused.err
    assert "retry-for: does not go with --type notice" in refused.err


def test_an_idempotency_key_holds_for_the_bounds_too(network: Program) -> None:
    network(*NEW, "--queue", "--idempotency-key", "k", "--attempts", "3")
    assert network(*NEW, "--queue", "--idempotency-key", "k", "--attempts", "3").code == 0
    assert network(*NEW, "--queue", "--idempotency-key", "k", "--attempts", "4").code == 2
