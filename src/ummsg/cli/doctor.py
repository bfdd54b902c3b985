"""ummsg doctor: is everything there that sending needs?"""

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, single_command
from ummsg.vocabulary import ExitCode

app = single_command()

_STYLES = {"ok": "green", "warning": "yellow", "missing": "bold red"}


@app.command()
def doctor(ctx: Context) -> None:
    """Check settings, database, sender, templates, clock and mail server, without sending; say what to do.

    Exit code 4 if something is missing.
    """
    from rich.text import Text

    from ummsg.services.doctor import Health

    missing = False
    for finding in ctx.obj.doctor.examine(ctx.obj.environ):
        missing = missing or finding.health is Health.MISSING
        mark = Text(f"{finding.health:<8}", style=_STYLES[finding.health])
        views.out().print(mark + Text(f"{finding.name:<11}{views.printable(finding.what)}"), soft_wrap=True)
        if finding.hint:
            views.out().print(Text(f"{'':<19}→ {finding.hint}", style="bold"), soft_wrap=True)
    raise typer.Exit(ExitCode.NOT_CONFIGURED if missing else ExitCode.DONE)
