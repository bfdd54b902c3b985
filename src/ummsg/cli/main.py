"""The command line as a whole: which nouns there are, and how every run ends.

A noun's module is imported when the noun is used. Help, version and completion import none of them.
"""

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from ummsg import __version__
from ummsg.cli import views
from ummsg.errors import Cancelled, DiskFull, InvalidInput, UmmsgError
from ummsg.runtime import Runtime
from ummsg.vocabulary import ExitCode

COMMANDS = {
    "demo": "Try it all in a temporary folder: import, send, look.",
    "init": "Create the database, the secret key and a commented .env.",
    "doctor": "Check settings, database and mail server; say what to do.",
    "config": "Show the settings and where each comes from.",
    "customers": "The customers: import, list, show, add, delete.",
    "products": "The products: import, list, show, add.",
    "memberships": "Who is on which product: import, list.",
    "broadcast": "Compose, review, send and follow a message.",
    "notices": "The coloured messages on dashboards.",
    "emails": "The system emails: what goes out after an event.",
    "events": "What happens on the network: fire, log, replay.",
    "suppressions": "Addresses that must not be mailed.",
    "bounces": "Mail that came back: read it, and act on it.",
    "network": "The network itself: connect it, read its customers.",
    "serve": "Serve notices, unsubscribing and events over HTTP.",
    "tokens": "What opens the served feed: create, list, revoke.",
    "outbox": "Work down what is queued; what cron calls.",
}


class LazyCommands(TyperGroup):
    """The nouns, each imported from `ummsg.cli.<noun>` when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        return typer.main.get_command(importlib.import_module(f"ummsg.cli.{cmd_name}").app)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            close = get_close_matches(args[0], COMMANDS, n=1)
            raise InvalidInput(
                f"There is no command {args[0]!r}", hint=f"ummsg {close[0]}" if close else "ummsg --help"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(cls=LazyCommands, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


@app.callback(epilog="ummsg COMMAND --help explains a command. Start with: ummsg demo")
def ummsg(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """Reach the customers of a multisite network: personal emails and dashboard notices."""
    if version:
        print(f"ummsg {__version__}")
        raise typer.Exit


def run(arguments: Sequence[str], runtime: Runtime | None = None) -> int:
    """Run one command line and return its exit code; the only place where errors become words and numbers."""
    runtime = runtime or Runtime()
    _make_output_safe()
    try:
        _refuse_other_bytes(arguments)
        code = typer.main.get_command(app).main(
            args=list(arguments), prog_name="ummsg", standalone_mode=False, obj=runtime
        )
        sys.stdout.flush()
    except Exception as error:
        if "--debug" in arguments:
            raise
        return _end(error)
    except KeyboardInterrupt:
        views.talk("\nCancelled.")
        return ExitCode.CANCELLED
    finally:
        runtime.close()
    return code if isinstance(code, int) else ExitCode.DONE


def _refuse_other_bytes(arguments: Sequence[str]) -> None:
    """Python keeps bytes of an argument that are not UTF-8 as lone surrogates, which neither the database nor a mail
    takes. Raises InvalidInput, before anything is done."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            around = argument[max(0, error.start - 40) : error.start + 40]
            raise InvalidInput(
                f"An argument is not UTF-8 text: {around!r}",
                details=["nothing was changed"],
                hint="a terminal and a locale with UTF-8, or the text converted with iconv -t UTF-8",
            ) from None


def _make_output_safe() -> None:
    """A closed stream swallows what is written, and a character that it cannot take is written as its code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for the rest of the process
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end(error: Exception) -> int:
    match error:
        case BrokenPipeError():
            _abandon_stdout()
            return ExitCode.DONE
        case Cancelled():
            views.talk(f"{error.what}.")
            return error.exit_code
        case UmmsgError():
            views.error(error)
            return error.exit_code
        case OSError(errno=errno.ENOSPC):
            _abandon_stdout()
            views.error(DiskFull("No room left where the output goes, or on a disk that ummsg writes to"))
            return ExitCode.FAILED
        case TyperException():
            views.usage_error(error)
            return error.exit_code
        case typer.Abort():
            views.talk("Cancelled.")
            return ExitCode.CANCELLED
    views.unexpected(error)
    return ExitCode.FAILED


def _abandon_stdout() -> None:
    """The reader (`| head`) has had enough: no complaint now, and none when Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
