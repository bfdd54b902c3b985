"""How a transport is found by its URL, and what is said about a URL that cannot be used."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.add_on import install_add_on
from ummsg.config import MailUrl
from ummsg.errors import MailServerUnreachable, NotConfigured
from ummsg.mail.transports.base import open_transport


def opened(url: str) -> str:
    return open_transport(MailUrl.parse(url), lambda: pytest.fail("opening asks for no password")).description


def refusal(url: str) -> NotConfigured:
    with pytest.raises(NotConfigured) as raised:
        opened(url)
    return raised.value


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts an add-on with one transport, and the code given, where Python finds it."""
    return lambda scheme, code: install_add_on(
        tmp_path, monkeypatch, f"ummsg_{scheme}", code, f"{scheme} = ummsg_{scheme}:open_transport"
    )


@pytest.mark.parametrize(
    ("url", "description"),
    [
        ("smtp://anna@mail.example.com:2587", "smtp://anna@mail.example.com:2587"),
        ("smtps://mail.example.com", "smtps://mail.example.com"),
        ("smtp://[::1]:25?tls=none&timeout=5&ca=ca.pem", "smtp://[::1]:25"),
        ("maildir:/srv/mail", "maildir:/srv/mail"),
        ("console:", "console: (standard output)"),
        ("memory:box", "memory:box"),
        ("sendmail:", "sendmail:/usr/sbin/sendmail"),
        ("sendmail:/usr/lib/sendmail", "sendmail:/usr/lib/sendmail"),
    ],
)
def test_each_scheme_is_found(url: str, description: str) -> None:
    assert opened(url) == description


def test_an_unknown_scheme_names_those_that_are_known_and_the_closest() -> None:
    error = refusal("stmp://mail.example.com")

    assert error.what == "UMMSG_MAIL_URL begins with stmp:, and no transport is installed for that"
    for scheme in ("console:", "maildir:", "memory:", "sendmail:", "smtp:", "smtps:"):
        assert scheme in error.details[0]
    assert error.hint == "smtp instead of stmp"


def test_a_scheme_like_no_other_gets_an_example() -> None:
    assert refusal("fax://mail.example.com").hint.startswith("UMMSG_MAIL_URL=smtp://")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("smtp:mail.example.com", "names no mail server"),
        ("smtp://", "names no mail server"),
        ("smtp://mail.example.com/inbox", "has /inbox behind"),
        ("smtp://mail.example.com?tls=no", "tls=no"),
        ("smtps://mail.example.com?tls=none", "smtps nothing"),
        ("smtp://mail.example.com?timeout=soon", "timeout=soon"),
        ("smtp://mail.example.com?timeout=0", "timeout=0"),
        ("smtp://mail.example.com?timeout=nan", "timeout=nan"),
        ("smtp://mail.example.com?timeout=301", "timeout=301"),
        ("smtp://mail.example.com?timout=5", "'timout'"),
        ("smtp://anna@mail.example.com?tls=none", "in clear"),
        ("maildir:", "names no folder"),
        ("maildir://srv/mail", "names the host 'srv'"),
        ("maildir:/srv/mail?mode=755", "maildir takes none"),
        ("sendmail:sendmail", "depends on where ummsg is started"),
        ("console://host", "names the host 'host'"),
    ],
)
def test_a_url_that_cannot_be_used_says_why_and_what_to_write(url: str, words: str) -> None:
    error = refusal(url)

    assert words in error.what
    assert error.hint


def test_a_mistyped_option_gets_the_closest() -> None:
    assert refusal("smtp://mail.example.com?timout=5").hint == "timeout instead of timout"


@pytest.mark.parametrize(
    ("host", "port"), [("mail.example.com", 587), ("localhost", 25), ("127.0.0.5", 25), ("[::1]", 25)]
)
def test_the_usual_port_is_taken(host: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr("ummsg.mail.transports.smtp_session.socket.getaddrinfo", no_network)
    with pytest.raises(MailServerUnreachable, match=rf":{port}\b"):
        open_transport(MailUrl.parse(f"smtp://{host}"), lambda: None).connect()


def test_only_the_chosen_transport_is_imported(install: Callable[[str, str], None]) -> None:
    install("other", "raise AssertionError('imported without need')")

    assert opened("console:")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("", "AttributeError"),
        ("def open_transport(:", "SyntaxError"),
        ("raise SystemError('\x1b[31mbroken\\n')", "SystemError: [31mbroken"),
    ],
)
def test_an_add_on_that_cannot_be_loaded_is_named(install: Callable[[str, str], None], code: str, words: str) -> None:
    install("broken", code)

    error = refusal("broken:")

    assert error.what == "The transport for broken: cannot be loaded"
    assert "ummsg_broken:open_transport of the package ummsg-broken" in error.details[0]
    assert words in error.details[0]
