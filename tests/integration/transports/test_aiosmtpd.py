"""SMTP to a server that we did not write, in a process of its own: aiosmtpd, with STARTTLS and AUTH demanded."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from tests.smtp_server import authority
from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate
from ummsg.errors import MailServerRefused
from ummsg.mail.transports.base import Connection, Envelope, open_transport

PROGRAM = """
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

class Keep:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print(json.dumps([envelope.mail_from, envelope.rcpt_tos, envelope.content.decode("latin-1")]), flush=True)
        return "250 2.0.0 kept"

def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"anna", "corréct".encode()), handled=False)

async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1])
    def smtp():
        return SMTP(Keep(), tls_context=tls, require_starttls=True, authenticator=authenticate, auth_required=True,
                    hostname="test.example.com", enable_SMTPUTF8=True)
    server = await asyncio.get_running_loop().create_server(smtp, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture
def aiosmtpd(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    certificate: trustme.LeafCert = authority().issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path / "server.pem")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline())
            yield process, f"smtp://anna@127.0.0.1:{port}?ca={quote(str(tmp_path / 'ca.pem'))}"
        finally:
            process.terminate()


def connected(url: str, password: str) -> Connection:
    return open_transport(MailUrl.parse(url), lambda: password).connect()


def test_it_gets_what_was_sent(aiosmtpd: tuple[subprocess.Popen[str], str]) -> None:
    process, url = aiosmtpd
    message = "Subject: Hello\r\n\r\n.\r\n..dots\r\nGrüße\r\n".encode()

    with connected(url, "corréct") as connection:
        outcomes = [
            connection.send(Envelope("hello@example.com", f"{name}@example.net"), message)
            for name in ("anna", "nobody", "用户")
        ]

    assert [outcome.fate for outcome in outcomes] == [Fate.ACCEPTED, Fate.REFUSED, Fate.ACCEPTED]
    assert [outcome.reply for outcome in outcomes] == ["250 2.0.0 kept", "550 5.1.1 no such user", "250 2.0.0 kept"]
    for recipient in ("anna@example.net", "用户@example.net"):
        sender, recipients, data = json.loads(process.stdout.readline())
        assert (sender, recipients, data.encode("latin-1")) == ("hello@example.com", [recipient], message)


def test_it_refuses_a_wrong_password(aiosmtpd: tuple[subprocess.Popen[str], str]) -> None:
    with pytest.raises(MailServerRefused, match=r"refuses the login of 'anna': 535 5\.7\.8"):
        connected(aiosmtpd[1], "wrong")
