"""ummsg demo: the main job, for real, in a folder that goes away."""

import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, single_command
from ummsg.errors import InvalidInput, UmmsgError
from ummsg.runtime import Runtime
from ummsg.vocabulary import ExitCode

if TYPE_CHECKING:
    from ummsg.cli.demo_server import MailServer

app = single_command()

WELCOME = """\
Hello {{ customer_name }},

your site{% if customer_city %} in **{{ customer_city }}**{% endif %} now has *automatic backups*,
every night, at no cost.

- nothing to install
- thirty days of history
- [read how it works](https://network.example.com/backups)

Anna at {{ network_name }}
"""

SETTINGS = """\
UMMSG_DATABASE_URL=sqlite:///ummsg.db
UMMSG_MAIL_URL=maildir:mail
UMMSG_FROM="Example Network <hello@network.example.com>"
UMMSG_NETWORK_NAME="Example Network"
UMMSG_NETWORK_URL=https://network.example.com
UMMSG_COMPANY_ADDRESS="Example Network, 1 Harbour Street, Gothenburg"
"""


@app.command()
def demo(
    ctx: Context,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Work in this folder and keep it.")] = None,
) -> None:
    """Try it all, without any set-up: import a sample network, send an email and a notice, look at what arrived.

    The mail goes over SMTP to a server inside this program; nothing leaves your machine.
    """
    from ummsg.cli.demo_server import MailServer

    folder = _folder(keep)
    before = Path.cwd()
    try:
        os.chdir(folder)
        _write_network(folder)
        with MailServer() as server:
            ran = _walk(folder, server)
    finally:
        os.chdir(before)
        if keep is None:
            shutil.rmtree(folder)
    _summary(ran, keep)


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="ummsg-demo-"))
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise InvalidInput(f"--keep: {keep} is there already", hint="name a folder that is empty or not there yet")
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"--keep: {keep} cannot be made", details=[error.strerror or str(error)]) from None
    return keep.absolute()


def _write_network(folder: Path) -> None:
    from ummsg.cli.demo_network import customers_csv, products_csv

    (folder / ".env").write_text(SETTINGS, encoding="utf-8")
    (folder / "products.csv").write_text(products_csv(), encoding="utf-8")
    (folder / "customers.csv").write_text(customers_csv(), encoding="utf-8")
    (folder / "backups.md").write_text(WELCOME, encoding="utf-8")


def _walk(folder: Path, server: "MailServer") -> list[str]:
    """The main job, command by command; returns the commands as they can be typed again."""
    from ummsg.cli.demo_network import address_on

    walk = _Walk(folder, server.url)
    views.talk("")
    walk.run("An empty database", "init")
    walk.run("The network's products and customers", "products", "import", "products.csv")
    walk.run("", "customers", "import", "customers.csv")
    walk.run("", "customers", "list", "--search", "bjork", "--limit", "3")
    walk.run(
        "An email to everyone on a product",
        *("broadcast", "new", "--type", "email", "--product", "pro", "--subject", "Backups for {{ customer_name }}"),
        *("--content-file", "backups.md", "--yes"),
    )
    walk.run("", "broadcast", "show", "1", "--fields", "id,type,status,subject,counts")
    _show_arrived(server)
    walk.run(
        "A notice to the customers of another",
        *("broadcast", "new", "--type", "notice", "--notice-type", "warning", "--product", "starter"),
        *(
            "--subject",
            "Maintenance on Sunday",
            "--content",
            "Your site is **read-only** from 02:00 to 03:00 UTC.",
            "--yes",
        ),
    )
    walk.run("What a customer's dashboard lists", "notices", "list", "--customer", address_on("starter"))
    return walk.ran


class _Walk:
    """Runs commands as a shell would, in this process, and notes each."""

    def __init__(self, folder: Path, mail_url: str) -> None:
        self.ran: list[str] = []
        self._folder = folder
        # The demo's own settings alone, whatever is set outside: it must not reach a real database or server.
        self._environ = {"UMMSG_MAIL_URL": mail_url}

    def run(self, title: str, *arguments: str) -> None:
        """Raises UmmsgError if the command does not succeed: the demo then shows a fault, not a success."""
        from rich.text import Text

        from ummsg.cli.main import run

        command = shlex.join(["ummsg", *arguments])
        self.ran.append(command)
        if title:
            views.err().rule(Text(title, style="bold"), align="left", style="dim")
        views.command(command)
        code = run(list(arguments), Runtime(environ=self._environ, directory=self._folder))
        views.talk("")
        if code != ExitCode.DONE:
            raise UmmsgError(f"The demo's command ended with exit code {code}", details=[command])


def _show_arrived(server: "MailServer") -> None:
    from rich.panel import Panel
    from rich.text import Text

    arrived = server.readable()
    views.err().rule(Text("What arrived at the mail server", style="bold"), align="left", style="dim")
    views.talk(f"{len(arrived):,} messages, each to one customer alone. The first:")
    views.talk(Panel(Text(views.printable(arrived[0])), expand=False, border_style="green"))
    views.talk("")


def _summary(ran: Sequence[str], keep: Path | None) -> None:
    if keep is None:
        views.talk("What ran, to be repeated after `ummsg demo --keep DIR`, which keeps the folder:", "bold")
    else:
        views.talk("What ran, to be repeated:", "bold")
        views.command(f"cd {shlex.quote(str(keep))}")
    for command in ran:
        views.command(command)
