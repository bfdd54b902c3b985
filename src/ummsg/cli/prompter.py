"""Asking: the one file that talks to questionary, and the scripted stand-in's protocol."""

import sys
from typing import Protocol

from ummsg.errors import Cancelled, InvalidInput


class Prompter(Protocol):
    """What commands may ask of a person. Every method raises Cancelled when they press Ctrl-C."""

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer."""

    def confirm(self, question: str, *, default: bool = False) -> bool: ...

    def confirm_destructive(self, question: str, *, yes: bool) -> None:
        """Return if `yes` or if they agree; raises Cancelled if they do not, InvalidInput if nobody is there."""


class TerminalPrompter:
    """Asks on the terminal; prompts are drawn on stderr when stdout is piped away."""

    @property
    def interactive(self) -> bool:
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str, *, default: bool = False) -> bool:
        import questionary

        try:
            return bool(questionary.confirm(question, default=default).unsafe_ask())
        except KeyboardInterrupt:
            raise Cancelled("Cancelled") from None

    def confirm_destructive(self, question: str, *, yes: bool) -> None:
        if yes:
            return
        if not self.interactive:
            raise InvalidInput(f"{question} Nobody is there to answer", hint="the same command with --yes")
        if not self.confirm(question):
            raise Cancelled("Nothing was changed")
