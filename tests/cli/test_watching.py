"""`outbox run --watch` on a clock that the test turns: a script of what happens between its looks at the outbox."""

import json
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.program import Program, Result
from tests.smtp_server import SmtpServer
from ummsg.cli import watching
from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.runtime import Runtime
from ummsg.vocabulary import BroadcastStatus, BroadcastType

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")
DRAFT = BroadcastDraft(BroadcastType.EMAIL, Audience.of([Target.everyone()]), "Hello again", "Good evening.")

Step = Callable[[], Any]


@pytest.fixture
def watch(network: Program, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Each step is done instead of a second's sleep, which then passes; after the last, Ctrl-C."""

    def watch(*steps: Step, number: int = signal.SIGINT) -> Result:
        left: Iterator[Step] = iter([*steps, lambda: signal.raise_signal(number)])

        def sleep(seconds: float) -> None:
            next(left)()
            network.now += timedelta(seconds=seconds)

        monkeypatch.setattr(watching, "time", SimpleNamespace(sleep=sleep))
        return network("outbox", "run", "--watch")

    return watch


def passes(program: Program, **time: float) -> Step:
    def step() -> None:
        program.now += timedelta(**time)

    return step


def queue(program: Program, **fields: Any) -> Step:
    """Another process, with a broadcast to everyone."""

    def step() -> None:
        from dataclasses import replace

        runtime = Runtime(environ=program.environ, directory=program.folder, clock=lambda: program.now)
        broadcasts = runtime.broadcasts
        broadcasts.freeze(broadcasts.release(broadcasts.review(replace(DRAFT, **fields))))
        runtime.close()

    return step


def counts(program: Program, broadcast_id: int = 1) -> dict[str, int]:
    shown = json.loads(program("broadcast", "show", broadcast_id, "--format", "json").out)["counts"]
    return {name: number for name, number in shown.items() if number}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to(watch: Callable[..., Result], number: int) -> None:
    done = watch(number=number)
    assert done.code == 0
    assert "Watching" in done.err
    assert "The watch is over" in done.err
    assert "on the wire" not in done.err


def test_it_sends_what_is_there_and_what_comes(
    network: Program, smtp_server: SmtpServer, watch: Callable[..., Result]
) -> None:
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    network(*NEW, "--everyone", "--queue")
    done = watch(queue(network), passes(network, minutes=1))

    assert done.code == 0
    assert (counts(network, 1), counts(network, 2)) == ({"targeted": 5, "sent": 5}, {"targeted": 5, "sent": 5})
    assert done.err.count("5 sent.") == 2
    assert smtp_server.connections == 2, "nobody is called while nothing is due"


def test_what_is_scheduled_or_deferred_is_sent_in_its_time(
    network: Program, smtp_server: SmtpServer, watch: Callable[..., Result]
) -> None:
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    network(*NEW, "--customer", "1", "--at", (network.now + timedelta(hours=2)).isoformat())
    smtp_server.script("RCPT", "451 4.7.1 later", times=1)
    seen: list[int] = []

    def look() -> None:
        seen.append(len(smtp_server.messages))

    done = watch(look, passes(network, hours=2), look, passes(network, minutes=6), look)
    assert seen == [0, 0, 1]
    assert "0 sent, 1 deferred." in done.err
    assert counts(network) == {"targeted": 1, "sent": 1}


def test_a_server_that_is_away_is_told_once_and_waited_for(network: Program, watch: Callable[..., Result]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    network.environ["UMMSG_MAIL_URL"] = f"smtp://127.0.0.1:{port}?tls=none"
    network(*NEW, "--everyone", "--queue")
    servers: list[SmtpServer] = []
    minute = [passes(network)] * 60
    done = watch(*minute, lambda: servers.append(SmtpServer(port=port)), *minute)
    (server,) = servers
    server.close()

    assert done.code == 0
    assert done.err.count("Error:") == 1
    assert done.err.count(str(port)) >= 1
    assert done.err.count("That is over.") == 1
    assert counts(network) == {"targeted": 5, "sent": 5}


def test_a_database_that_is_locked_is_told_once_and_waited_for(
    network: Program, smtp_server: SmtpServer, watch: Callable[..., Result]
) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    other = sqlite3.connect(network.folder / "ummsg.db", isolation_level=None)
    done = watch(
        queue(network),
        passes(network),
        queue(network),
        lambda: other.execute("BEGIN IMMEDIATE"),
        *[passes(network)] * 15,
        lambda: other.execute("ROLLBACK"),
        *[passes(network)] * 30,
        queue(network),
        passes(network),
    )
    other.close()

    assert done.code == 0
    assert done.err.count("Error:") == 1
    assert "is locked" in done.err
    assert "run the same command again" not in done.err
    assert done.err.count("That is over.") == 1
    assert len(smtp_server.messages) == 15


def test_a_login_that_is_refused_ends_it(network: Program, watch: Callable[..., Result]) -> None:
    with SmtpServer(credentials={"us": "right"}, login_needed=True) as server:
        network.environ |= {
            "UMMSG_MAIL_URL": f"smtp://us@127.0.0.1:{server.port}?tls=none",
            "UMMSG_MAIL_PASSWORD": "no",
        }
        network(*NEW, "--everyone", "--queue")
        done = watch()
    assert done.code == 4
    assert "ummsg broadcast resume 1" in done.err


def test_a_sender_that_is_refused_pauses_its_broadcast_and_not_the_others(
    network: Program, smtp_server: SmtpServer, watch: Callable[..., Result]
) -> None:
    network.environ |= {"UMMSG_MAIL_URL": smtp_server.url, "UMMSG_MAIL_CONNECTIONS": "1"}
    network(*NEW, "--everyone", "--queue", "--from", "other@example.org")
    network(*NEW, "--everyone", "--queue")
    smtp_server.script("MAIL", "553 5.7.1 not your address", message=1)
    done = watch(*[passes(network)] * 10)

    assert done.code == 0
    assert "553 5.7.1 not your address" in done.err
    assert "ummsg broadcast resume 1" in done.err
    assert json.loads(network("broadcast", "show", 1, "--format", "json").out)["status"] == "paused"
    assert counts(network, 2) == {"targeted": 5, "sent": 5}


def test_what_is_scheduled_and_cannot_go_out_is_paused_and_told(network: Program, watch: Callable[..., Result]) -> None:
    network(*NEW, "--customer", "5", "--at", (network.now + timedelta(hours=1)).isoformat())
    network("customers", "delete", "5", "--yes")
    done = watch(passes(network, hours=1), passes(network), passes(network))

    assert done.code == 0
    assert done.err.count("broadcast 1 is paused") == 1
    shown = json.loads(network("broadcast", "show", 1, "--format", "json").out)
    assert shown["status"] == BroadcastStatus.PAUSED


def test_a_local_time_is_sent_in_its_time(network: Program, watch: Callable[..., Result]) -> None:
    network(*NEW, "--customer", "1", "--at-local", "2026-11-24T09:00")
    watched = watch(passes(network, hours=19), passes(network, hours=3), lambda: None)
    assert "1 sent." in watched.err
    assert counts(network) == {"targeted": 1, "sent": 1}


def test_what_waits_for_its_domains_turn_is_sent_when_there_is_room(
    network: Program, watch: Callable[..., Result]
) -> None:
    network(*NEW, "--everyone", "--queue")
    network.environ["UMMSG_DOMAIN_LIMITS"] = "example.com=2/h"
    watch(*(passes(network, hours=2) for _ in range(4)))
    assert counts(network) == {"targeted": 5, "sent": 5}


def test_others_see_that_it_is_there(network: Program, watch: Callable[..., Result]) -> None:
    from ummsg.store.drains import living_drains

    seen = []
    watch(lambda: seen.append(len(living_drains(network.folder / "ummsg.db"))))
    assert seen == [1]
    assert living_drains(network.folder / "ummsg.db") == set()


@pytest.mark.parametrize(("options", "said"), [((), "is over."), (("--at", "2026-11-25T09:00Z"), "what is left waits")])
def test_at_its_end_it_says_whether_something_is_left(
    network: Program, watch: Callable[..., Result], options: tuple[str, ...], said: str
) -> None:
    network(*NEW, "--everyone", *options)
    assert said in watch(lambda: None).err
