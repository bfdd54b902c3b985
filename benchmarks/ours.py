"""ummsg's side: a real database, the real commands."""

import csv
import hashlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import network
from figures import Run
from letter import NAME, PLAIN, SUBJECT, Letter
from measuring import Failed, Measured, measure
from ummsg.store import migrations

CACHE = Path(tempfile.gettempdir()) / "ummsg-benchmarks"
"""What takes long to make and is the same each time: networks, and the peers' environment."""

PROGRAM = Path(sys.executable).with_name("ummsg")


def environment(folder: Path, port: int | None = None) -> dict[str, str]:
    """With byte code cached, as in any installation, and none of anybody's settings.

    Without a port, mail goes into a maildir.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("UMMSG_", "PYTHONDONTWRITE"))}
    return own | {
        "UMMSG_DATABASE_URL": f"sqlite:///{folder / 'ummsg.db'}",
        "UMMSG_MAIL_URL": f"maildir:{folder / 'mail'}" if port is None else f"smtp://127.0.0.1:{port}?tls=none",
        "UMMSG_FROM": "Example Network <hello@example.com>",
        "UMMSG_NETWORK_NAME": "Example Network",
        "UMMSG_NETWORK_URL": "https://example.com",
    }


@dataclass(frozen=True)
class Network:
    """A folder with a database of ummsg in it."""

    folder: Path

    def ummsg(self, *arguments: str, port: int | None = None) -> Measured:
        """Raises Failed if the command does not end with 0."""
        return measure([str(PROGRAM), *arguments], folder=self.folder, environ=environment(self.folder, port))

    def queue(self, content: str = PLAIN) -> Measured:
        """An email to everyone, frozen and not sent yet."""
        (self.folder / "content.html").write_text(content, encoding="utf-8")
        return self.ummsg(
            *("broadcast", "new", "--type", "email", "--everyone", "--subject", SUBJECT, "--queue", "--yes"),
            *("--content-file", "content.html", "--content-format", "html"),
        )

    def drain(self, port: int, messages: int) -> Run:
        """Send what is queued. Raises Failed unless the ledger says that so many were sent, and nothing else."""
        done = self.ummsg("outbox", "run", port=port)
        counts = json.loads(self.ummsg("broadcast", "show", "1", "--format", "json").said)["counts"]
        sent = {name: number for name, number in counts.items() if number}
        if sent != {"targeted": messages, "sent": messages}:
            raise Failed(f"outbox run: {messages:,} were to be sent, and the ledger says {sent}")
        return Run(messages, done.seconds, done.cpu, done.peak)


def network_of(customers: int, folder: Path) -> Network:
    """A fresh copy of a network with so many customers, in an empty folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in _made(customers).glob("ummsg.*"):
        shutil.copyfile(file, folder / file.name)
    return Network(folder)


def recipients(customers: int) -> Path:
    """The customers of a network as a CSV file with the columns id, email and name (and more)."""
    return _made(customers) / "customers.csv"


def sample_letter(folder: Path) -> Letter:
    """What ummsg sends to a customer."""
    sample = Network(folder)
    with (folder / "customers.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "email", "name", "locale"), (1, "one@example.com", NAME, "en_US")])
    _import(sample)
    sample.queue()
    sample.ummsg("outbox", "run")
    (message,) = (folder / "mail" / "new").iterdir()
    _, _, raw = message.read_bytes().partition(b"Delivered-To: one@example.com\r\n")  # which a delivery adds
    return Letter.of(raw)


def _made(customers: int) -> Path:
    """The folder of a network that is kept for the next run, made anew when what it is made by has changed."""
    kept = CACHE / f"network-{customers}-{_fingerprint()}"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=CACHE) as folder:
            unfinished = Network(Path(folder) / "network")
            unfinished.folder.mkdir()
            network.write_customers(unfinished.folder / "customers.csv", customers)
            _import(unfinished)
            unfinished.folder.rename(kept)
    return kept


def _import(empty: Network) -> None:
    empty.ummsg("init")
    empty.ummsg("customers", "import", "customers.csv")
    (empty.folder / ".env").unlink()


def _fingerprint() -> str:
    """Of the customers and of the schema."""
    versions = Path(migrations.__file__).parent / "versions"
    made_by = [Path(network.__file__), *sorted(versions.glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in made_by)).hexdigest()[:12]
