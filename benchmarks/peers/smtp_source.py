"""smtp-source, postfix's load generator in C: one message over and over, 4,096 bytes and headers."""

import subprocess
from dataclasses import dataclass

from peers.peer import Errand
from sink import program


@dataclass(frozen=True)
class SmtpSource:
    name: str = "smtp-source"
    in_words: str = "smtp-source -s 10 -l 4096 -m N"
    keeps_connections: bool = False
    """With -d. Without, as it comes, it opens one for each message."""

    def lacking(self) -> str:
        return "" if program("smtp-source") else "smtp-source is not installed; apt-get install postfix"

    def version(self) -> str:
        found = subprocess.run(
            [program("postconf") or "postconf", "-d", "-h", "mail_version"], capture_output=True, text=True, check=True
        )
        return f"postfix {found.stdout.strip()}"

    def command(self, errand: Errand, port: int) -> list[str]:
        kept = ["-d"] if self.keeps_connections else []
        sessions = ["-s", "10", "-l", "4096", "-m", str(errand.messages)]
        return [program("smtp-source") or "smtp-source", *kept, *sessions, f"127.0.0.1:{port}"]
