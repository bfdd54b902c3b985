"""mailmerge, a program for the same job: a template, a CSV file, one message a recipient."""

import csv
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from letter import NAME, Letter
from peers import environment
from peers.peer import Errand

_BOUNDARY = "=_parts_of_the_message"


@dataclass(frozen=True)
class Mailmerge:
    name: str = "mailmerge"
    in_words: str = "mailmerge --no-dry-run --no-limit --output-format text"

    def lacking(self) -> str:
        return environment.lacking()

    def version(self) -> str:
        return f"mailmerge {environment.version('mailmerge')}"

    def command(self, errand: Errand, port: int) -> list[str]:
        """Its files have the names that it looks for; `text` prints what it does without colouring it."""
        server = f"[smtp_server]\nhost = 127.0.0.1\nport = {port}\n"
        (errand.folder / "mailmerge_server.conf").write_text(server)
        (errand.folder / "mailmerge_template.txt").write_text(_template(errand.letter), encoding="utf-8")
        _copy_first(errand.recipients, errand.messages, errand.folder / "mailmerge_database.csv")
        return [environment.executable("mailmerge"), "--no-dry-run", "--no-limit", "--output-format", "text"]


def _template(letter: Letter) -> str:
    """A multipart message whose parts are what ummsg sends. Braces in it are CSS, which Jinja2 leaves alone."""
    parts = (("text/plain", letter.text), ("text/html", letter.html))
    named = [(kind, content.replace(NAME, "{{ name }}")) for kind, content in parts]
    body = "".join(
        f"--{_BOUNDARY}\nContent-Type: {kind}; charset=utf-8\n\n{content.strip()}\n\n" for kind, content in named
    )
    return (
        "TO: {{ email }}\n"
        f"SUBJECT: {letter.subject.replace(NAME, '{{ name }}')}\n"
        "FROM: Example Network <hello@example.com>\n"
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\n\n'
        f"{body}--{_BOUNDARY}--\n"
    )


def _copy_first(source: Path, rows: int, target: Path) -> None:
    with source.open(encoding="utf-8", newline="") as read, target.open("w", encoding="utf-8", newline="") as write:
        written = csv.writer(write)
        written.writerow(("email", "name"))
        written.writerows((row["email"], row["name"]) for row in islice(csv.DictReader(read), rows))
