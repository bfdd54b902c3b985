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
        views.talk(_left(report.left))
    if report.aside:
        views.talk(f"{report.aside:,} kept aside in Unmatched: not about a delivery of ours, or not to be read.")
    if report.proposed and not report.suppresses:
        views.next_step("ummsg suppressions list --proposed")


def _summary(report: "BounceReport") -> str:
    again = f" ({report.repeated:,} of them before)" if report.repeated else ""
    failed = "1 delivery" if report.failed == 1 else f"{report.failed:,} deliveries"
    return (
        f"{report.processed:,} processed, {report.matched:,} matched{again}, {failed} failed, "
        f"{report.delayed:,} delayed, {_addresses(report)}, {report.aside:,} kept aside."
    )


def _addresses(report: "BounceReport") -> str:
    one = report.proposed == 1
    if report.suppresses:
        return "1 address suppressed" if one else f"{report.proposed:,} addresses suppressed"
    return f"{'1 proposal' if one else f'{report.proposed:,} proposals'} to suppress an address"


def _left(number: int) -> str:
    if number == 1:
        return "1 is about a message that is being sent at this moment: it is for the next run."
    return f"{number:,} are about messages that are being sent at this moment: they are for the next run."
