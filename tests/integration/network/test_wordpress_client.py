"""What listens at a network's address may be anything: each ends in one clear error, soon."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import trustme

from tests.json_server import Server, say
from tests.smtp_server import server_certificate
from ummsg.domain.network import Listing
from ummsg.errors import NetworkRefused, NetworkUnreachable, NotANetwork, UmmsgError
from ummsg.network import site
from ummsg.network.wordpress import WordPress

STATUS = {
    "connector": "1.0.0",
    "wordpress": "6.1",
    "multisite": True,
    "network": "Example Network",
    "url": "https://example.com/",
    "directory": "site-owners",
    "last_dismissal": 0,
    "customers": 1,
    "products": 0,
    "memberships": 0,
}
ANNA = {
    "id": 3,
    "email": "anna@example.com",
    "name": "Anna",
    "locale": "",
    "registered_at": None,
    "email_verification": "none",
}


@pytest.fixture
def network(server: Server) -> Iterator[WordPress]:
    server.answer = lambda handler: say(handler, STATUS)
    opened = WordPress(server.url, "admin", "secret words")
    yield opened
    opened.close()


def refused(network: WordPress, kind: type[UmmsgError], said: str) -> UmmsgError:
    with pytest.raises(kind, match=said) as error:
        network.status()
    told = " ".join([error.value.what, *error.value.details, error.value.hint])
    assert "secret words" not in told
    return error.value


def test_what_a_network_says_of_itself(network: WordPress) -> None:
    status = network.status()
    assert (status.name, status.multisite, status.numbers[Listing.CUSTOMERS]) == ("Example Network", True, 1)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (lambda h: say(h, b"<html>hello</html>"), NotANetwork, "does not answer as a WordPress"),
        (lambda h: say(h, b"[1, 2]"), NotANetwork, "does not answer as a WordPress"),
        (lambda h: say(h, b"[" * 100_000), NotANetwork, "does not answer as a WordPress"),
        (lambda h: say(h, b"\xff\xfe"), NotANetwork, "does not answer as a WordPress"),
        (lambda h: say(h, {}), NotANetwork, "does not answer as a WordPress"),
        (lambda h: say(h, STATUS | {"customers": "many"}), NotANetwork, "does not answer as a WordPress"),
        (lambda h: say(h, STATUS | {"directory": "ldap"}), NotANetwork, "does not answer as a WordPress"),
        (lambda h: say(h, {"code": "rest_no_route"}, 404), NotANetwork, "without ummsg's connector"),
        (lambda h: say(h, b"not here", 404), NotANetwork, "status 404"),
        (lambda h: say(h, b"", 301, Location="https://elsewhere.example/"), NotANetwork, "leads on to"),
        (lambda h: say(h, {"code": "incorrect_password"}, 401), NetworkRefused, "does not know the user admin"),
        (lambda h: say(h, {"code": "rest_forbidden"}, 403), NetworkRefused, "may not manage the network"),
        (lambda h: say(h, b"<h1>Forbidden</h1>", 403), NotANetwork, "status 403"),
        (lambda h: say(h, {"code": "x", "message": "the disk is full"}, 500), NetworkUnreachable, "answered 500"),
        (lambda h: say(h, b"upstream", 502), NetworkUnreachable, "answered 502"),
        (lambda h: h.connection.shutdown(socket.SHUT_RDWR), NetworkUnreachable, "cannot be reached"),
    ],
)
def test_what_is_no_network_of_ours(
    server: Server, network: WordPress, answer: Any, kind: type[UmmsgError], said: str
) -> None:
    server.answer = answer
    refused(network, kind, said)
    assert len(server.asked) == 1


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        network = WordPress(f"http://127.0.0.1:{unused.getsockname()[1]}", "admin", "secret words")
        refused(network, NetworkUnreachable, "cannot be reached")


def test_a_certificate_that_nobody_vouches_for() -> None:
    context = server_certificate("127.0.0.1", ca=trustme.CA())
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                accepted, _ = listener.accept()
                with accepted, suppress(OSError):
                    context.wrap_socket(accepted, server_side=True).recv(1)

        threading.Thread(target=serve, daemon=True).start()
        network = WordPress(f"https://127.0.0.1:{listener.getsockname()[1]}", "admin", "secret words")
        error = refused(network, NetworkUnreachable, "cannot be reached")
        assert "certificate" in " ".join(error.details)


def test_an_answer_without_end(server: Server, network: WordPress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "ANSWER_LIMIT", 1024 * 1024)

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 65536)

    server.answer = endless
    refused(network, NotANetwork, "an answer of more than 1 MB")


def test_an_answer_that_drips(server: Server, network: WordPress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "ANSWER_SECONDS", 0.3)
    over = threading.Event()

    def drips(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b" ")

    server.answer = drips
    refused(network, NetworkUnreachable, "in time")
    over.set()


def test_no_answer_in_time(server: Server, network: WordPress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "ANSWER_SECONDS", 0.2)
    over = threading.Event()
    server.answer = lambda handler: (over.wait(), None)[1]
    refused(network, NetworkUnreachable, "did not answer in time")
    over.set()


@pytest.mark.parametrize(
    "said",
    [
        {"items": [ANNA, ANNA], "next": None},
        {"items": [ANNA | {"id": 3}, ANNA | {"id": 2}], "next": None},
        {"items": [ANNA | {"id": 1}], "next": None},
        {"items": [ANNA], "next": 9},
        {"items": [], "next": 5},
    ],
)
def test_a_page_that_repeats_or_skips(server: Server, network: WordPress, said: Any) -> None:
    server.answer = lambda handler: say(handler, said)
    with pytest.raises(NotANetwork, match="repeats or skips"):
        network.page(Listing.CUSTOMERS, 2)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"items": None, "next": None},
        {"items": ["x"], "next": None},
        {"items": [ANNA | {"id": "3"}], "next": None},
        {"items": [ANNA | {"id": True}], "next": None},
        {"items": [ANNA | {"email": None}], "next": None},
        {"items": [{"id": 3}], "next": None},
    ],
)
def test_a_page_of_something_else(server: Server, network: WordPress, said: Any) -> None:
    server.answer = lambda handler: say(handler, said)
    with pytest.raises(NotANetwork, match="does not answer as a WordPress"):
        network.page(Listing.CUSTOMERS, 2)


def test_a_page(server: Server, network: WordPress) -> None:
    server.answer = lambda handler: say(handler, {"items": [ANNA], "next": 3})
    page = network.page(Listing.CUSTOMERS, 2)
    assert (page.items, page.next) == ([ANNA], 3)
    assert "after=2" in server.asked[0]
