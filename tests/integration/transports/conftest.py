"""The transports under the contract, each with a way to see what arrived, and to have it refuse where it can."""

import base64
import json
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.add_on import install_add_on
from tests.smtp_server import SmtpServer, authority, server_certificate
from ummsg.config import MailUrl
from ummsg.mail.transports import memory
from ummsg.mail.transports.base import Envelope, Transport, open_transport

PASSWORD = "corréct horse"

Arrived = tuple[Envelope, bytes]


def install_documented_add_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worked example, exactly as docs/transports.md has it."""
    text = (Path(__file__).parents[3] / "docs" / "transports.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    [entry_point] = re.findall(r'(?m)^(\w+ = )"(.*)"$', text)
    install_add_on(folder, monkeypatch, "ummsg_jsonl", code, "".join(entry_point))


class Destination(ABC):
    """Where one transport's mail ends up."""

    url: str
    exact = True
    """Whether it keeps messages as bytes; the console does not."""

    def transport(self) -> Transport:
        return open_transport(MailUrl.parse(self.url), lambda: PASSWORD)

    @abstractmethod
    def arrived(self) -> list[Arrived]:
        """Oldest first."""

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of what the destination held."""


class Smtp(Destination):
    def __init__(self, folder: Path, **options: object) -> None:
        self.server = SmtpServer(credentials={"anna@example.com": PASSWORD}, login_needed=True, **options)
        authority().cert_pem.write_to_path(str(folder / "ca.pem"))
        scheme, _, rest = self.server.url.partition("://")
        self.url = f"{scheme}://{quote('anna@example.com')}@{rest}?timeout=20&ca={quote(str(folder / 'ca.pem'))}"

    def arrived(self) -> list[Arrived]:
        return [(Envelope(m.mail_from, *m.rcpt_to), m.data) for m in self.server.messages]

    def refuse(self, address: str) -> None:
        self.server.script("RCPT", "550 5.1.1 no such user", recipient=address)

    def close(self) -> None:
        self.server.close()


class Maildir(Destination):
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a new" / "maildir"
        self.url = f"maildir:{quote(str(self.folder))}"

    def arrived(self) -> list[Arrived]:
        files = sorted((self.folder / "new").iterdir(), key=lambda file: file.stat().st_mtime_ns)
        return [self._opened(file.read_bytes()) for file in files]

    def _opened(self, data: bytes) -> Arrived:
        return_path, delivered_to, message = data.split(b"\r\n", 2)
        mail_from = return_path.removeprefix(b"Return-Path: <").removesuffix(b">").decode()
        return Envelope(mail_from, delivered_to.removeprefix(b"Delivered-To: ").decode()), message


class Memory(Destination):
    def __init__(self, folder: Path) -> None:
        self.url = f"memory:{folder.name}"

    def arrived(self) -> list[Arrived]:
        return memory.messages_in(self.url.removeprefix("memory:"))


class Sendmail(Destination):
    """A sendmail in a few lines of shell, which holds ours to the way it is to be called."""

    PROGRAM = """\
#!/bin/sh
test "$#" = 5 && test "$1 $2 $4" = "-i -f --" || exit 64
if grep -qxF -- "$5" "{folder}/refused"; then echo "no such user here" >&2; exit 67; fi
echo "$3 $5" >> "{folder}/envelopes"
cat > "{folder}/message.$(wc -l < "{folder}/envelopes")"
"""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "sendmail"
        program.write_text(self.PROGRAM.format(folder=folder))
        program.chmod(stat.S_IRWXU)
        (folder / "refused").touch()
        (folder / "envelopes").touch()
        self.url = f"sendmail:{program}"

    def arrived(self) -> list[Arrived]:
        envelopes = (self.folder / "envelopes").read_text().splitlines()
        return [(Envelope(*line.split()), self._message(number)) for number, line in enumerate(envelopes, 1)]

    def _message(self, number: int) -> bytes:
        data = (self.folder / f"message.{number}").read_bytes()
        assert b"\r" not in data, "sendmail takes bare LF line ends"
        return data.replace(b"\n", b"\r\n")

    def refuse(self, address: str) -> None:
        (self.folder / "refused").write_text(f"{address}\n")


class DocumentedAddOn(Destination):
    """The worked example of docs/transports.md."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        install_documented_add_on(folder, monkeypatch)
        self.path = folder / "sent.jsonl"
        self.url = f"jsonl:{quote(str(self.path))}"

    def arrived(self) -> list[Arrived]:
        lines = map(json.loads, self.path.read_text(encoding="utf-8").splitlines())
        return [(Envelope(line["from"], line["to"]), base64.b64decode(line["message"])) for line in lines]


class Console(Destination):
    url = "console:"
    exact = False

    def __init__(self, printed: Callable[[], str]) -> None:
        self._printed = printed
        self._so_far = ""

    def arrived(self) -> list[Arrived]:
        self._so_far += self._printed()
        _, *blocks = self._so_far.split("Envelope: ")
        return [(Envelope(*block.split("\n")[0].split(" -> ")), block.encode()) for block in blocks]


CAN_REFUSE = ["smtp", "smtp+starttls", "smtps", "sendmail"]
CANNOT_REFUSE = ["maildir", "memory", "console", "documented add-on"]


@pytest.fixture(params=CAN_REFUSE + CANNOT_REFUSE)
def destination(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Destination]:
    makers: dict[str, Callable[[], Destination]] = {
        "smtp": lambda: Smtp(tmp_path),
        "smtp+starttls": lambda: Smtp(tmp_path, certificate=server_certificate()),
        "smtps": lambda: Smtp(tmp_path, certificate=server_certificate(), implicit_tls=True),
        "maildir": lambda: Maildir(tmp_path),
        "memory": lambda: Memory(tmp_path),
        "sendmail": lambda: Sendmail(tmp_path),
        "documented add-on": lambda: DocumentedAddOn(tmp_path, monkeypatch),
        "console": lambda: Console(lambda: capsys.readouterr().out),
    }
    destination = makers[request.param]()
    yield destination
    destination.close()
