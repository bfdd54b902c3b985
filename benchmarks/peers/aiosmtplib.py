"""aiosmtplib with 10 connections that stay open, and an EmailMessage of the standard library for each recipient."""

from dataclasses import dataclass
from pathlib import Path

from peers import environment
from peers.peer import Errand


@dataclass(frozen=True)
class Aiosmtplib:
    name: str = "aiosmtplib"
    in_words: str = "python benchmarks/peers/programs/send_by_aiosmtplib.py"

    def lacking(self) -> str:
        return environment.lacking()

    def version(self) -> str:
        return f"aiosmtplib {environment.version('aiosmtplib')}"

    def command(self, errand: Errand, port: int) -> list[str]:
        errand.letter.write(errand.folder / "letter.json")
        program = str(Path(__file__).with_name("programs") / "send_by_aiosmtplib.py")
        return [
            *(environment.executable("python"), program, str(port), str(errand.messages)),
            *("letter.json", str(errand.recipients)),
        ]
