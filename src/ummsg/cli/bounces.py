"""ummsg bounces: mail that came back."""

from typing import TYPE_CHECKING, Annotated

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, noun

if TYPE_CHECKING:
    from ummsg.services.bounces import BounceReport

app = noun("Mail that came back: read it, and act on it.")

Source = Annotated[
    str,
    typer.Argument(metavar="MAILDIR|imaps://USER@HOST/FOLDER", help="The mailbox of UMMSG_BOUNCE_ADDRESS."),
]


@app.callback()
def bounces() -> None:
    """Mail that came back: read it, and act on it."""


@app.command()
def process(ctx: Context, source: Source) -> None:
    """Read a mailbox of bounces: fail what was not delivered, propose to suppress addresses that do not exist.

    What was dealt with is moved into the mailbox's folder .Processed, what is not a bounce of ours into .Unmatched
    (Processed and Unmatched on an IMAP server). The password of an IMAP server is UMMSG_BOUNCE_PASSWORD, _FILE or
    _COMMAND.
    """
    from ummsg.cli.progress import progress

    with progress("Reading bounces") as show:
        report = ctx.obj.bounces.process(source, lambda done, total: show(done, total, f"{done:,} messages"))
    views.talk(_summary(report), "bold")
    if report.left:
        views.talk(f"{report.left:,} are about messages that are being sent at this moment: they are for the next run.")
    if report.aside:
        views.talk(f"{report.aside:,} kept aside in Unmatched: not about a delivery of ours, or not to be read.")
    if report.proposed and not report.suppresses:
        views.next_step("ummsg suppressions list --proposed")


def _summary(report: "BounceReport") -> str:
    again = f" ({report.repeated:,} of them before)" if report.repeated else ""
    addresses = "addresses suppressed" if report.suppresses else "proposals to suppress an address"
    return (
        f"{report.processed:,} processed, {report.matched:,} matched{again}, {report.failed:,} deliveries failed, "
        f"{report.delayed:,} delayed, {report.proposed:,} {addresses}, {report.aside:,} kept aside."
    )
