"""A network's own emails over Ultimate Multisite's API: all of them, whatever its version, or one clear error."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.json_server import Server, say
from tests.program import Program
from ummsg.errors import NetworkRefused, NetworkUnreachable, NotANetwork, UmmsgError
from ummsg.network.ultimate_multisite import UltimateMultisite

EMAILS = [
    {
        "id": str(number),
        "slug": f"email_{number}",
        "title": f"Email {number}",
        "content": "<p>Hello {{customer_name}}</p>",
        "event": "payment_received",
        "target": "customer",
        "active": "1",
    }
    for number in range(1, 231)
]


@pytest.fixture
def api(server: Server) -> Iterator[UltimateMultisite]:
    opened = UltimateMultisite(server.url, "the key", "the secret")
    yield opened
    opened.close()


def asked(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}


def recent(handler: BaseHTTPRequestHandler) -> None:
    """From 2.4.13 on."""
    page, size = (int(asked(handler)[name]) for name in ("page", "per_page"))
    say(handler, EMAILS[(page - 1) * size : page * size])


def older(handler: BaseHTTPRequestHandler) -> None:
    number, offset = (int(asked(handler)[name]) for name in ("number", "offset"))
    say(handler, EMAILS[offset : offset + number])


def without_pages(handler: BaseHTTPRequestHandler) -> None:
    say(handler, EMAILS)


@pytest.mark.parametrize("version", [recent, older, without_pages])
def test_every_version_tells_all_of_them_once(
    server: Server, api: UltimateMultisite, version: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    server.answer = version

    assert api.emails() == EMAILS


def test_it_shows_key_and_secret_and_asks_the_route(server: Server, api: UltimateMultisite) -> None:
    seen = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append((asked(handler)["rest_route"], handler.headers["Authorization"]))
        say(handler, [])

    server.answer = answer
    assert api.emails() == []
    assert seen == [("/wu/v2/email", f"Basic {b64encode(b'the key:the secret').decode()}")]


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (lambda it: say(it, {"code": "rest_forbidden"}, 401), NetworkRefused, "key and secret"),
        (lambda it: say(it, {"code": "rest_no_route"}, 404), NotANetwork, "without the API"),
        (lambda it: say(it, b"<h1>Hello</h1>"), NotANetwork, "does not answer as Ultimate Multisite"),
        (lambda it: say(it, {"emails": []}), NotANetwork, "does not answer as Ultimate Multisite"),
        (lambda it: say(it, [1, 2]), NotANetwork, "does not answer as Ultimate Multisite"),
        (lambda it: say(it, {"message": "broken"}, 500), NetworkUnreachable, "answered 500"),
        (lambda it: say(it, b"", 302, Location="https://example.com/"), NotANetwork, "leads on to"),
    ],
)
def test_what_is_no_such_network_is_said(
    server: Server,
    api: UltimateMultisite,
    answer: Callable[[BaseHTTPRequestHandler], None],
    error: type[UmmsgError],
    said: str,
) -> None:
    server.answer = answer

    with pytest.raises(error, match=said):
        api.emails()


def test_one_that_never_ends_is_given_up(server: Server, api: UltimateMultisite) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        first = int(asked(handler)["offset"])
        say(handler, [EMAILS[0] | {"id": first + number} for number in range(100)])

    server.answer = endless
    with pytest.raises(NotANetwork, match="never ends"):
        api.emails()


def test_emails_import_takes_them_and_keeps_no_secret(server: Server, ummsg: Program) -> None:
    server.answer = lambda handler: say(handler, EMAILS[:2])
    ummsg.environ |= {"UMMSG_NETWORK_API_KEY": "the key", "UMMSG_NETWORK_API_SECRET": "the secret"}

    done = ummsg("emails", "import", "--from", server.url)

    assert done.code == 0, done.err
    listed: list[dict[str, Any]] = json.loads(ummsg("emails", "list", "--format", "json").out)
    assert {"email_1", "email_2"} <= {each["slug"] for each in listed}
    assert "the secret" not in done.out + done.err + ummsg.dump() + ummsg("config", "show").out


def test_off_a_terminal_it_says_where_the_secret_belongs(server: Server, ummsg: Program) -> None:
    refused = ummsg("emails", "import", "--from", server.url)

    assert (refused.code, server.asked) == (2, [])
    assert "UMMSG_NETWORK_API_SECRET" in refused.err


def test_without_https_no_secret_leaves(ummsg: Program) -> None:
    ummsg.environ |= {"UMMSG_NETWORK_API_KEY": "the key", "UMMSG_NETWORK_API_SECRET": "the secret"}

    refused = ummsg("emails", "import", "--from", "http://network.example.com")

    assert refused.code == 2
    assert "HTTPS" in refused.err
