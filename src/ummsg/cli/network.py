"""ummsg network: connect the network itself, and read its customers, products and memberships."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.options import Context, Fields, Format, Yes, noun
from ummsg.cli.progress import progress
from ummsg.cli.publishing import publish
from ummsg.errors import InvalidInput
from ummsg.vocabulary import ExitCode, ListFormat

if TYPE_CHECKING:
    from ummsg.runtime import Runtime
    from ummsg.services.network import Standing
    from ummsg.services.network_sync import SyncReport

app = noun("The network itself: connect it, read its customers.")


@app.command()
def connect(
    ctx: Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of its main site.")],
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="A super admin there.")],
) -> None:
    """Connect the WordPress multisite whose customers you reach.

    It needs ummsg's connector (wordpress/readme.md), and asks for an application password of that user; off a terminal
    that is read from standard input, unless UMMSG_NETWORK_PASSWORD, _FILE or _COMMAND has it.
    """
    ummsg = ctx.obj
    status = ummsg.network.connect(url, user, _password(ummsg, user))
    name = views.printable_line(status.name) or url
    views.talk(f"Connected to {name}: WordPress {status.wordpress}, connector {status.connector}.")
    views.next_step("ummsg network sync", "Read its customers")


@app.command()
def status(ctx: Context, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show the network that is connected, whether it answers, and what has been read of it."""
    standing = ctx.obj.network.standing()
    views.record(_row(standing), format, fields, key="url")
    if format is ListFormat.TABLE and not fields:
        if standing.unfinished:
            views.next_step("ummsg network sync", "Go on reading")
        elif standing.synced_at is None:
            views.next_step("ummsg network sync", "Read its customers")


@app.command()
def sync(
    ctx: Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    allow_shrink: Annotated[
        bool,
        typer.Option("--allow-shrink", help="Even if more than a tenth of a listing would be gone."),
    ] = False,
) -> None:
    """Bring the network's products, customers, memberships and dismissals into the directory.

    Customers who are gone from the network are kept, and not mailed. What was stopped on the way goes on where it was.
    Exit code 3 if some could not be read; what was wrong with them is said.
    """
    from ummsg.services.network_sync import WouldShrink

    ummsg = ctx.obj
    try:
        report = _synced(ummsg, dry_run=dry_run, allow_shrink=allow_shrink)
    except WouldShrink as error:
        _summarise(error.report, dry_run=dry_run)
        if dry_run or not ummsg.prompter.interactive:
            raise
        views.error(error)
        ummsg.prompter.confirm_destructive("Read everything again, and take them as gone?", yes=False)
        report = _synced(ummsg, dry_run=False, allow_shrink=True)
    _summarise(report, dry_run=dry_run)
    code = ExitCode.DONE if dry_run else publish(ummsg)
    if code:
        raise typer.Exit(code)
    if any(synced.rejected for synced in report.of.values()):
        raise typer.Exit(ExitCode.NOT_ALL_REACHED)


@app.command()
def disconnect(ctx: Context, yes: Yes = False) -> None:
    """Take all notices off its dashboards, and forget it; customers that were read stay in the directory."""
    ummsg = ctx.obj
    connected = ummsg.network.connected()
    ummsg.prompter.confirm_destructive(f"Disconnect {connected.url}?", yes=yes)
    if left_behind := ummsg.network.disconnect():
        left_behind.details.append("its dashboards show the notices that they have, until the connector is removed")
        left_behind.hint = ""
        views.error(left_behind)
    views.talk(f"{connected.url} is disconnected. Revoke the application password of {connected.user} there, too.")


def _password(ummsg: "Runtime", user: str) -> str:
    """From the settings, from whoever sits there, or from standard input. Raises InvalidInput for none."""
    if ummsg.settings.password_is_set("NETWORK_PASSWORD"):
        return ummsg.settings.network_password() or ""
    if ummsg.prompter.interactive:
        return ummsg.prompter.secret(f"Application password of {user}:")
    typed = sys.stdin.readline().strip()
    if not typed:
        raise InvalidInput(
            "No password was given",
            details=["it is read from standard input off a terminal"],
            hint="UMMSG_NETWORK_PASSWORD_COMMAND, or: pass show network | ummsg network connect URL --user NAME",
        )
    return typed


def _synced(ummsg: "Runtime", *, dry_run: bool, allow_shrink: bool) -> "SyncReport":
    with progress("Reading") as show:
        return ummsg.network_sync.run(
            dry_run=dry_run,
            allow_shrink=allow_shrink,
            watch=lambda now: show(now.read, max(now.of, now.read), f"{now.read:,} of {now.of:,} {now.listing}"),
        )


def _summarise(report: "SyncReport", *, dry_run: bool) -> None:
    if report.went_on:
        views.talk("It went on where the last one was stopped.")
    names = ("new", "changed", "unchanged", "gone", "back", "rejected")
    rows = [
        {"listing": listing.value, **{name: getattr(synced, name) for name in names}}
        for listing, synced in report.of.items()
    ]
    views.listing(rows, ListFormat.TABLE, columns=["listing", *names], optional=["back"], key="listing")
    for listing, synced in report.of.items():
        for example in synced.examples:
            views.talk(f"  {listing.value.removesuffix('s')} {views.printable(example)}")
        if synced.rejected > len(synced.examples):
            views.talk(f"  and {synced.rejected - len(synced.examples):,} more {listing.value}")
    if report.repaired:
        which = ", ".join(map(str, report.repaired))
        views.talk(f"The network did not hold what it should of notices {which}; that is mended now.")
    if dry_run:
        views.talk("Nothing was stored: this was a rehearsal.")


def _row(standing: "Standing") -> dict[str, Any]:
    connected, status = standing.connected, standing.status
    return {
        "url": connected.url,
        "user": connected.user,
        "name": status.name,
        "wordpress": status.wordpress,
        "connector": status.connector,
        "directory": status.directory.value,
        "connected_at": connected.connected_at,
        "synced_at": standing.synced_at,
        "unfinished": standing.unfinished and standing.unfinished.value,
        "there": {listing.value: number for listing, number in status.numbers.items()},
        "known": {listing.value: number for listing, number in standing.known.items()},
    }
