"""Rate limits by the log of the server that took the messages, whatever processes sent them."""

import json
import random
import signal
from collections.abc import Iterator

import pytest

from tests.acceptance.processes import start, wait_for
from tests.program import Program
from tests.smtp_server import SmtpServer

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--everyone")


@pytest.fixture
def server(ummsg: Program) -> Iterator[SmtpServer]:
    with SmtpServer(features=("PIPELINING", "8BITMIME")) as server:
        ummsg.environ["UMMSG_MAIL_URL"] = server.url
        yield server


def most_in_a_second(server: SmtpServer, domain: str = "") -> int:
    times = [message.at for message in server.messages if message.rcpt_to[0].endswith(domain)]
    return max(sum(begin <= at < begin + 1 for at in times) for begin in times)


def test_two_processes_together_keep_the_limits(ummsg: Program, server: SmtpServer) -> None:
    _queue(ummsg, [*_people("gmail.com", 15), *_people("example.com", 60)])
    ummsg.environ |= {"UMMSG_RATE_LIMIT": "20/s,1000/h", "UMMSG_DOMAIN_LIMITS": "gmail.com=4/s"}
    with start(ummsg, "outbox", "run") as one, start(ummsg, "outbox", "run") as other:
        for process in (one, other):
            process.communicate()

    assert _counts(ummsg) == {"targeted": 75, "sent": 75}
    assert most_in_a_second(server) <= 20
    assert most_in_a_second(server, "@gmail.com") <= 4


def test_killed_and_started_again_and_again_a_drain_keeps_the_limit(ummsg: Program, server: SmtpServer) -> None:
    _queue(ummsg, _people("example.com", 60))
    ummsg.environ["UMMSG_RATE_LIMIT"] = "15/s"
    chance = random.Random(15)
    for _ in range(6):
        before = len(server.messages)
        more = chance.randrange(1, 9)
        with start(ummsg, "outbox", "run") as process:
            wait_for(lambda: len(server.messages) >= before + more)  # noqa: B023
            process.kill()
            process.communicate()
    last = ummsg.alone("outbox", "run")

    assert last.returncode in (0, 3), last.stderr
    assert _counts(ummsg).get("queued", 0) == 0
    assert most_in_a_second(server) <= 15


@pytest.mark.parametrize("domains", ["", "example.com=1/m"], ids=["all mail", "a domain"])
def test_a_drain_that_waits_for_room_is_stopped_by_ctrl_c(ummsg: Program, server: SmtpServer, domains: str) -> None:
    _queue(ummsg, _people("example.com", 3))
    ummsg.environ["UMMSG_DOMAIN_LIMITS" if domains else "UMMSG_RATE_LIMIT"] = domains or "1/m"
    with start(ummsg, "outbox", "run") as process:
        wait_for(lambda: _counts(ummsg).get("sent") == 1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert process.returncode == 130, err
    assert _counts(ummsg) == {"targeted": 3, "sent": 1, "queued": 2}


def test_a_drain_that_waits_for_room_is_stopped_by_a_pause(ummsg: Program, server: SmtpServer) -> None:
    _queue(ummsg, _people("example.com", 3))
    ummsg.environ["UMMSG_RATE_LIMIT"] = "1/m"
    with start(ummsg, "outbox", "run") as process:
        wait_for(lambda: _counts(ummsg).get("sent") == 1)
        assert ummsg("broadcast", "pause", 1).code == 0
        _, err = process.communicate(timeout=20)

    assert process.returncode == 3, err
    assert "Broadcast 1 is paused" in err
    assert len(server.messages) == 1


def _people(domain: str, number: int) -> list[str]:
    return [f"c{i}@{domain}" for i in range(number)]


def _queue(program: Program, addresses: list[str]) -> None:
    lines = "".join(f"{number},{address}\n" for number, address in enumerate(addresses, 1))
    file = program.write("many.csv", f"id,email\n{lines}")
    assert program("customers", "import", file).code == 0
    assert program(*NEW, "--queue", "--yes").code == 0


def _counts(program: Program) -> dict[str, int]:
    shown = json.loads(program("broadcast", "show", 1, "--format", "json").out)
    return {name: number for name, number in shown["counts"].items() if number}
