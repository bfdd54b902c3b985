"""Reaching an SMTP server, securing the line and logging in: what is done, and what an operator is told if it fails."""

import base64
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from tests.smtp_server import CLOSE, DRIP, GARBAGE, HANG, PARTIAL, RESET, SmtpServer, authority, server_certificate
from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate
from ummsg.errors import MailServerRefused, MailServerUnreachable, NotConfigured, UmmsgError
from ummsg.mail.transports.base import Envelope, open_transport

ENVELOPE = Envelope("hello@example.com", "anna@example.net")
MESSAGE = b"Subject: Hello\r\n\r\nGood morning.\r\n"
PASSWORD = "corréct horse"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAIN = _b64(f"\0anna\0{PASSWORD}")


@pytest.fixture
def ca(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(str(path))
    return quote(str(path))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A host that is not loopback by name, and leads to it all the same."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        "ummsg.mail.transports.smtp_session.socket.getaddrinfo",
        lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more),
    )
    return "mail.example.com"


def send(url: str, password: str | None = None) -> None:
    with open_transport(MailUrl.parse(url), lambda: password).connect() as connection:
        assert connection.send(ENVELOPE, MESSAGE).fate is Fate.ACCEPTED


def error_of(url: str, password: str | None = None) -> UmmsgError:
    """What opening the transport raises; it is fit to be read by a person and holds no password."""
    with pytest.raises(UmmsgError) as raised:
        open_transport(MailUrl.parse(url), lambda: password).connect()
    error = raised.value
    for text in [error.what, error.hint, *error.details]:
        assert text.isprintable()
        for secret in (PASSWORD, _b64(PASSWORD), PLAIN):
            assert secret not in text
    assert error.hint, "every error says what to do"
    return error


# reaching it


@pytest.mark.parametrize(
    ("step", "answer", "words"),
    [
        ("BANNER", CLOSE, "closed the connection instead of greeting us"),
        ("BANNER", RESET, "closed the connection instead of greeting us"),
        ("BANNER", HANG, "gave no whole answer within 0.5 s instead of greeting us"),
        ("BANNER", DRIP, "gave no whole answer within 0.5 s instead of greeting us"),
        ("BANNER", PARTIAL, "closed the connection instead of greeting us"),
        ("BANNER", GARBAGE, "answered 'HTTP/1.1 400 Bad Request' (that is not SMTP) instead of greeting us"),
        ("BANNER", "421 4.3.2 too busy", "does not take mail from us now: 421 4.3.2 too busy"),
        ("BANNER", "554 5.7.1 go away", "does not take mail from us now: 554 5.7.1 go away"),
        ("EHLO", CLOSE, "closed the connection after EHLO"),
        ("EHLO", HANG, "gave no whole answer within 0.5 s after EHLO"),
        ("EHLO", "550 5.7.1 who are you", "does not take mail from us now: 550 5.7.1 who are you"),
    ],
)
def test_a_server_without_a_conversation_is_unreachable(
    smtp_server: SmtpServer, step: str, answer: str, words: str
) -> None:
    smtp_server.script(step, answer)

    error = error_of(f"{smtp_server.url}?timeout={0.5 if answer in (HANG, DRIP) else 30}")

    assert isinstance(error, MailServerUnreachable)
    assert error.what == f"The mail server at 127.0.0.1:{smtp_server.port} {words}"


def test_a_port_where_nothing_listens() -> None:
    with SmtpServer() as server:
        port = server.port

    error = error_of(f"smtp://127.0.0.1:{port}")

    assert isinstance(error, MailServerUnreachable)
    assert error.what == f"No mail server at 127.0.0.1:{port}: connection refused; no mail server listens on that port"
    assert error.hint.endswith("ummsg doctor")


def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("ummsg.mail.transports.smtp_session.socket.getaddrinfo", unknown)

    error = error_of("smtp://mail.example.invalid:587")

    assert isinstance(error, MailServerUnreachable)
    assert error.what.startswith("No mail server at mail.example.invalid:587: the name has no address")


def test_a_host_that_swallows_everything() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            error = error_of(f"smtp://127.0.0.1:{port}?timeout=0.3")

    assert isinstance(error, MailServerUnreachable)
    assert "no answer within 0.3 s" in error.what


def test_the_next_address_is_tried(smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
    alive = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", smtp_server.port))
    monkeypatch.setattr("ummsg.mail.transports.smtp_session.socket.getaddrinfo", lambda *_, **__: [dead, alive])

    send(smtp_server.url)

    assert len(smtp_server.messages) == 1


def test_port_465_without_smtps_says_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    with SmtpServer(certificate=server_certificate(), implicit_tls=True) as server:
        # 465 is not ours to listen on.
        instead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
        monkeypatch.setattr("ummsg.mail.transports.smtp_session.socket.getaddrinfo", lambda *_, **__: [instead])
        error = error_of("smtp://127.0.0.1:465?timeout=0.3")

    assert error.hint == "port 465 speaks TLS from the first byte: smtps://127.0.0.1:465"


def test_the_own_name_is_given_without_asking_dns(smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda *_: pytest.fail("asks DNS"))
    monkeypatch.setattr(socket, "gethostname", lambda: "host.example.org")
    send(smtp_server.url)
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    send(smtp_server.url)

    assert [c for c in smtp_server.commands if c.startswith("EHLO")] == ["EHLO host.example.org", "EHLO [127.0.0.1]"]


def test_a_server_that_knows_no_ehlo_is_greeted_the_old_way(smtp_server: SmtpServer) -> None:
    smtp_server.script("EHLO", "500 5.5.1 unknown command")

    send(smtp_server.url)

    assert [command.split()[0] for command in smtp_server.commands][:3] == ["EHLO", "HELO", "MAIL"]
    assert smtp_server.messages[0].parameters == ""


# securing the line


def test_starttls_is_used_where_it_is_offered(ca: str) -> None:
    with SmtpServer(certificate=server_certificate()) as server:
        send(f"{server.url}?ca={ca}")

    assert server.messages[0].tls
    assert [command.split()[0] for command in server.commands][:3] == ["EHLO", "STARTTLS", "EHLO"]


def test_tls_from_the_first_byte(ca: str) -> None:
    with SmtpServer(certificate=server_certificate(), implicit_tls=True) as server:
        send(f"{server.url}?ca={ca}")

    assert server.messages[0].tls
    assert "STARTTLS" not in server.commands


def test_tls_none_takes_no_tls_even_if_offered() -> None:
    with SmtpServer(certificate=server_certificate()) as server:
        send(f"{server.url}?tls=none")

    assert not server.messages[0].tls


def test_beyond_this_machine_no_mail_goes_without_tls(smtp_server: SmtpServer, elsewhere: str) -> None:
    error = error_of(f"smtp://{elsewhere}:{smtp_server.port}")

    assert isinstance(error, MailServerRefused)
    assert f"{elsewhere}:{smtp_server.port} offers no encryption" in error.what
    assert "?tls=none" in error.hint
    assert not any(command.startswith("MAIL") for command in smtp_server.commands)


def test_beyond_this_machine_tls_none_allows_it(smtp_server: SmtpServer, elsewhere: str) -> None:
    send(f"smtp://{elsewhere}:{smtp_server.port}?tls=none")

    assert len(smtp_server.messages) == 1


def test_a_certificate_for_the_name_is_taken(ca: str, elsewhere: str) -> None:
    with SmtpServer(certificate=server_certificate(elsewhere)) as server:
        send(f"smtp://{elsewhere}:{server.port}?ca={ca}")

    assert server.messages[0].tls


@pytest.mark.parametrize("implicit_tls", [False, True])
def test_a_certificate_for_another_name(ca: str, elsewhere: str, implicit_tls: bool) -> None:
    certificate = server_certificate("other.example.com")
    with SmtpServer(certificate=certificate, implicit_tls=implicit_tls) as server:
        scheme = "smtps" if implicit_tls else "smtp"
        error = error_of(f"{scheme}://{elsewhere}:{server.port}?ca={ca}")

    assert isinstance(error, MailServerRefused)
    assert f"The certificate of the mail server at {elsewhere}:{server.port} is not good: Hostname mis" in error.what
    assert "put the name that the certificate is for into UMMSG_MAIL_URL" in error.hint


def test_a_certificate_for_another_address(ca: str) -> None:
    with SmtpServer(certificate=server_certificate("127.0.0.2")) as server:
        assert "put the name that the certificate is for" in error_of(f"{server.url}?ca={ca}").hint


def test_a_certificate_that_has_expired(ca: str) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with SmtpServer(certificate=server_certificate("127.0.0.1", not_after=yesterday)) as server:
        error = error_of(f"{server.url}?ca={ca}")

    assert isinstance(error, MailServerRefused)
    assert error.what.endswith("is not good: certificate has expired")
    assert "clock" in error.hint


def test_a_certificate_of_an_unknown_authority(ca: str) -> None:
    with SmtpServer(certificate=server_certificate("127.0.0.1", ca=trustme.CA())) as server:
        error = error_of(f"{server.url}?ca={ca}")

    assert isinstance(error, MailServerRefused)
    assert "?ca=FILE" in error.hint
    assert "?tls=none" in error.hint


def test_without_ca_the_systems_authorities_decide() -> None:
    with SmtpServer(certificate=server_certificate()) as server:
        assert "is not good" in error_of(server.url).what


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_an_authority_file_that_cannot_be_used(smtp_server: SmtpServer, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)

    error = error_of(f"{smtp_server.url}?ca={quote(str(path))}")

    assert isinstance(error, NotConfigured)
    assert str(path) in error.what
    assert smtp_server.connections == 0


def test_starttls_that_is_offered_and_refused() -> None:
    with SmtpServer(certificate=server_certificate()) as server:
        server.script("STARTTLS", "454 4.7.0 TLS not available")
        error = error_of(server.url)

    assert isinstance(error, MailServerRefused)
    assert "454 4.7.0 TLS not available" in error.what


def test_words_put_before_tls_are_not_taken_for_the_servers() -> None:
    with SmtpServer(certificate=server_certificate()) as server:
        server.script("STARTTLS", "220 go ahead\n250 injected")
        assert "spoke out of turn" in error_of(server.url).what


def test_smtps_to_a_port_without_tls(smtp_server: SmtpServer) -> None:
    error = error_of(f"smtps://127.0.0.1:{smtp_server.port}")

    assert isinstance(error, MailServerRefused)
    assert "does not speak TLS" in error.what
    assert f"smtp://127.0.0.1:{smtp_server.port}" in error.hint


def test_a_handshake_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = error_of(f"smtps://127.0.0.1:{silent.getsockname()[1]}?timeout=0.3")

    assert isinstance(error, MailServerUnreachable)
    assert "did not finish the TLS handshake within 0.3 s" in error.what


# logging in


@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN", "CRAM-MD5 PLAIN", "login plain"])
def test_logging_in(mechanisms: str) -> None:
    with SmtpServer(credentials={"anna@example.com": PASSWORD}, login_needed=True, mechanisms=mechanisms) as server:
        send(f"smtp://anna%40example.com@127.0.0.1:{server.port}", PASSWORD)

    assert server.messages[0].user == "anna@example.com"


def test_a_password_goes_out_after_tls_only(ca: str) -> None:
    with SmtpServer(certificate=server_certificate(), credentials={"anna": PASSWORD}) as server:
        send(f"smtp://anna@127.0.0.1:{server.port}?ca={ca}", PASSWORD)

    verbs = [command.split()[0] for command in server.commands]
    assert verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


def test_a_password_is_never_sent_in_clear_beyond_this_machine(smtp_server: SmtpServer, elsewhere: str) -> None:
    error = error_of(f"smtp://anna@{elsewhere}:{smtp_server.port}?tls=none", PASSWORD)

    assert isinstance(error, NotConfigured)
    assert smtp_server.connections == 0


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN"])
def test_a_wrong_password(mechanisms: str) -> None:
    with SmtpServer(credentials={"anna": "another"}, mechanisms=mechanisms) as server:
        error = error_of(f"smtp://anna@127.0.0.1:{server.port}", PASSWORD)

    assert isinstance(error, MailServerRefused)
    assert "refuses the login of 'anna': 535 5.7.8 authentication failed" in error.what
    assert "UMMSG_MAIL_PASSWORD" in error.hint
    assert sum(command.startswith("AUTH") for command in server.commands) == 1, "a second try can lock the account"


@pytest.mark.parametrize("code", ["535", "454", "HTTP"])
def test_a_server_that_repeats_the_password_is_not_repeated(code: str) -> None:
    with SmtpServer(credentials={"anna": "another"}) as server:
        server.script("AUTH", f"{code} wrong: {PASSWORD} {_b64(PASSWORD)} {PLAIN}")
        error = error_of(f"smtp://anna@127.0.0.1:{server.port}", PASSWORD)

    assert "wrong: … … …" in error.what


def test_a_login_that_fails_for_now() -> None:
    with SmtpServer(credentials={"anna": PASSWORD}) as server:
        server.script("AUTH", "454 4.7.0 directory is down")
        error = error_of(f"smtp://anna@127.0.0.1:{server.port}", PASSWORD)

    assert isinstance(error, MailServerUnreachable)
    assert "454 4.7.0 directory is down" in error.what


def test_a_server_without_login(smtp_server: SmtpServer) -> None:
    error = error_of(f"smtp://anna@127.0.0.1:{smtp_server.port}", PASSWORD)

    assert isinstance(error, MailServerRefused)
    assert "offers no login that ummsg knows" in error.what


@pytest.mark.parametrize("password", [None, ""])
def test_a_user_without_a_password(password: str | None) -> None:
    with SmtpServer(credentials={"anna": PASSWORD}) as server:
        error = error_of(f"smtp://anna@127.0.0.1:{server.port}", password)

    assert isinstance(error, NotConfigured)
    assert "no password for the user 'anna'" in error.what


def test_the_password_is_asked_for_only_when_there_is_a_user(smtp_server: SmtpServer) -> None:
    def asked() -> str:
        raise AssertionError("asked")

    with open_transport(MailUrl.parse(smtp_server.url), asked).connect():
        pass
