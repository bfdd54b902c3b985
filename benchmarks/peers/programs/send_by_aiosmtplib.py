"""Sends a letter to the first recipients of a CSV file; runs in the peers' environment.

python send_by_aiosmtplib.py PORT MESSAGES LETTER RECIPIENTS
"""

import asyncio
import csv
import json
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from itertools import islice
from pathlib import Path

import aiosmtplib

CONNECTIONS = 10

Recipient = dict[str, str]


async def main(port: int, messages: int, letter: dict[str, str], recipients: Path) -> None:
    with recipients.open(encoding="utf-8", newline="") as file:
        waiting = islice(csv.DictReader(file), messages)
        await asyncio.gather(*(send(port, letter, waiting) for _ in range(CONNECTIONS)))


async def send(port: int, letter: dict[str, str], waiting: Iterator[Recipient]) -> None:
    """Over one connection, until nobody waits any more."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as server:
        for recipient in waiting:
            await server.send_message(message(letter, recipient))


def message(letter: dict[str, str], recipient: Recipient) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Example Network <hello@example.com>"
    made["To"] = formataddr((recipient["name"], recipient["email"]))
    made["Subject"] = letter["subject"].replace(letter["name"], recipient["name"])
    made["Date"] = formatdate()
    made["Message-ID"] = make_msgid(domain="example.com")
    made.set_content(letter["text"].replace(letter["name"], recipient["name"]))
    made.add_alternative(letter["html"].replace(letter["name"], recipient["name"]), subtype="html")
    return made


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()), Path(sys.argv[4])))
