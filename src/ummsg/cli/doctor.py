"""ummsg doctor: is everything there that sending needs?"""

from typing import TYPE_CHECKING, Annotated

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, single_command
from ummsg.vocabulary import ExitCode

if TYPE_CHECKING:
    from ummsg.services.finding import Finding

app = single_command()

_STYLES = {"ok": "green", "warning": "yellow", "missing": "bold red", "unknown": "magenta"}


@app.command()
def doctor(
    ctx: Context,
    deliverability: Annotated[
        bool,
        typer.Option(
            "--deliverability", help="Instead, look in the DNS whether receivers will believe the sender's domain."
        ),
    ] = False,
) -> None:
    """Check settings, database, sender, templates, clock and mail server, without sending; say what to do.

    Exit code 4 if something is missing, 1 if something could not be looked at.
    """
    from ummsg.services.finding import Health

    ummsg = ctx.obj
    found = set()
    for finding in ummsg.deliverability.examine() if deliverability else ummsg.doctor.examine(ummsg.environ):
        found.add(finding.health)
        _show(finding)
    if Health.MISSING in found:
        raise typer.Exit(ExitCode.NOT_CONFIGURED)
    raise typer.Exit(ExitCode.FAILED if Health.UNKNOWN in found else ExitCode.DONE)


def _show(finding: "Finding") -> None:
    from rich.text import Text

    mark = Text(f"{finding.health:<8}", style=_STYLES[finding.health])
    views.out().print(mark + Text(f"{finding.name:<11}{views.printable(finding.what)}"), soft_wrap=True)
    if finding.hint:
        views.out().print(Text(f"{'':<19}→ {views.printable(finding.hint)}", style="bold"), soft_wrap=True)
