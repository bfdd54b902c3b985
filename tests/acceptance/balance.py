"""A broadcast to many, and whether its ledger says what the server took."""

import json
from collections import Counter

from tests.program import Program
from tests.smtp_server import SmtpServer

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--everyone")


def customers(program: Program, number: int) -> None:
    lines = "".join(f"{i},c{i}@example.com\n" for i in range(1, number + 1))
    file = program.folder / "many.csv"
    file.write_text(f"id,email\n{lines}")
    assert program("customers", "import", file).code == 0


def counts_of(program: Program) -> dict[str, int]:
    """The counts of broadcast 1, which balance."""
    shown = json.loads(program("broadcast", "show", 1, "--format", "json").out)
    counts: dict[str, int] = shown["counts"]
    assert counts["targeted"] == sum(number for name, number in counts.items() if name != "targeted")
    return counts


def taken_by(server: SmtpServer) -> Counter[str]:
    return Counter(message.rcpt_to[0] for message in server.messages)
