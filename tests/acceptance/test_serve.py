"""`ummsg serve` as a process of its own, and those who would wear it out."""

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx2
import pytest

from tests.acceptance.processes import start
from tests.program import Program
from tests.serving import Serving, serving
from tests.web import bearer, publish, token


def test_it_answers_until_it_is_told_to_stop(network: Program) -> None:
    notice = publish(network, "--everyone")
    text = token(network, "network")
    with serving(network) as server:
        answer = httpx2.get(f"{server.url}/v1/notices", params={"customer": "1"}, headers=bearer(text))
        assert [each["id"] for each in answer.json()["notices"]] == [notice]
        assert "server" not in answer.headers
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=20) == 0


def test_it_listens_on_loopback_alone_unless_told(network: Program) -> None:
    with serving(network) as server:
        assert server.url.startswith("http://127.0.0.1:")
        with pytest.raises(ConnectionRefusedError):  # loopback, too, but another address
            socket.create_connection(("127.0.0.2", server.port), timeout=5).close()


def test_a_port_that_is_taken_is_said(network: Program) -> None:
    with serving(network) as server:
        again = network.alone("serve", "--port", str(server.port))

    assert again.returncode == 2
    assert f"port {server.port}: Address already in use" in again.stderr
    assert "Traceback" not in again.stderr


def test_an_open_door_is_warned_of(network: Program) -> None:
    with start(network, "serve", "--port", "0", "--host", "0.0.0.0") as process:
        assert process.stderr is not None
        said = process.stderr.readline() + process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert "Tokens travel unencrypted" in said


def test_a_body_of_100_mb_is_refused(network: Program) -> None:
    secret = token(network, "webhook")
    with serving(network) as server:
        path = f"/v1/events/payment_received/{secret}"
        announced = _asked(server, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
        chunked = _asked(
            server,
            f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            body=b"100000\r\n" + 0x100000 * b"x" + b"\r\n",
            times=100,
        )
        assert httpx2.get(f"{server.url}/healthz").status_code == 200

    assert announced.startswith("HTTP/1.1 413")
    assert chunked.startswith("HTTP/1.1 413") or not chunked  # the answer may be lost where we still talk
    assert network.rows("SELECT * FROM events") == []


SILENT = {
    "nothing": "",
    "half a head": "GET /healthz HTTP/1.1\r\nHost:",
    "half a second head": "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\n",
    "half a body": "POST /v1/events/payment_received/{secret} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{",
    "more than was asked for": "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na",
    "an empty line after an answer": "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\r\n",
}


def test_who_connects_and_does_not_go_on_is_hung_up_on(network: Program) -> None:
    secret = token(network, "webhook")
    with serving(network) as server, ThreadPoolExecutor(len(SILENT)) as people:
        waiting = {what: people.submit(_asked, server, said.format(secret=secret)) for what, said in SILENT.items()}
        answers = {what: answer.result() for what, answer in waiting.items()}

    assert answers["nothing"] == answers["half a head"] == ""
    assert answers["half a second head"].count("HTTP/1.1 200") == 1
    assert answers["half a body"].startswith("HTTP/1.1 408")
    assert answers["more than was asked for"].startswith("HTTP/1.1 404")
    assert answers["an empty line after an answer"].startswith("HTTP/1.1 200")


@pytest.mark.parametrize(
    "said",
    ["\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + 200_000 * "x"],
    ids=["no HTTP", "a head without end"],
)
def test_what_cannot_be_understood_is_refused_with_the_usual_headers(network: Program, said: str) -> None:
    with serving(network) as server:
        refused = _asked(server, said)
        assert httpx2.get(f"{server.url}/healthz").status_code == 200

    assert refused.startswith("HTTP/1.1 400")
    assert "X-Content-Type-Options: nosniff" in refused
    assert "server:" not in refused.lower()


@pytest.mark.parametrize("url", ["https://example.com/unsubscribe", "https://example.com"])
def test_what_would_come_to_light_too_late_is_said_at_the_start(network: Program, url: str) -> None:
    network.environ |= {"UMMSG_FROM": "", "UMMSG_UNSUBSCRIBE_URL": url}
    with start(network, "serve", "--port", "0") as process:
        assert process.stderr is not None
        said = ""
        while "To look at" not in said and (line := process.stderr.readline()):
            said += line
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert "UMMSG_FROM is not set" in said
    assert "does not end with /u" in said


@pytest.mark.parametrize("host", ["", " "])
def test_no_host_is_not_every_host(network: Program, host: str) -> None:
    refused = network.alone("serve", "--port", "0", "--host", host)

    assert refused.returncode == 2
    assert "--host is empty" in refused.stderr


def test_without_a_database_it_says_what_to_do(ummsg: Program) -> None:
    (ummsg.folder / "ummsg.db").unlink()

    told = ummsg.alone("serve", "--port", "0")

    assert told.returncode == 4
    assert "ummsg init" in told.stderr


def _asked(server: Serving, said: str, *, body: bytes = b"", times: int = 1) -> str:
    """All that comes back until the server hangs up."""
    heard = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        with suppress(ConnectionError):  # it has hung up on us: what it said before is what counts
            connection.sendall(said.encode())
            for _ in range(times):
                connection.sendall(body)
        with suppress(ConnectionError):
            while received := connection.recv(65536):
                heard += received
    return heard.decode("latin-1")
