"""Every error an operator can meet: what happened, where, and what to type next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ummsg.vocabulary import ExitCode


class UmmsgError(Exception):
    """Base of all expected errors; `cli/main.py` prints it and exits with `exit_code`."""

    exit_code: int = ExitCode.FAILED

    def __init__(self, what: str, *, details: Iterable[str] = (), hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.details = list(details)
        self.hint = hint


class InvalidInput(UmmsgError):
    """Something typed, piped or read cannot be used; nothing was changed."""

    exit_code = ExitCode.INVALID


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one field; `field` is the flag's name without dashes, or a place in a file."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidDraft(InvalidInput):
    """A message that cannot be sent as it is, with everything that is wrong with it at once."""

    def __init__(
        self,
        problems: Sequence[Problem],
        *,
        what: str = "The message cannot be sent as it is",
        hint: str = "the same command, corrected; nothing was stored",
    ) -> None:
        what = what if len(problems) > 1 else str(problems[0])
        super().__init__(what, details=map(str, problems) if len(problems) > 1 else (), hint=hint)
        self.problems = list(problems)


class PlanOutdated(InvalidInput):
    """What a plan would do is no longer what it says; the details say what has changed."""


class UnknownReference(InvalidInput):
    """A REF that matches nothing."""


class AmbiguousReference(InvalidInput):
    """A REF that matches more than one; the candidates are in the details."""


class NotConfigured(UmmsgError):
    """A setting, the database or a program is missing or wrong: the operator's move, not the input's."""

    exit_code = ExitCode.NOT_CONFIGURED


class DatabaseUnusable(NotConfigured):
    """The database is missing, not ours, older, newer, read-only or damaged."""


class DatabaseBusy(UmmsgError):
    """Another process kept the database locked for longer than we wait."""


class DiskFull(UmmsgError):
    """The disk that holds the database has no room; the transaction was rolled back."""


class Overtaken(UmmsgError):
    """Another process has taken over what this one had claimed, because it was stopped for so long."""


class TooLate(UmmsgError):
    """A broadcast's --not-after passed before anybody got it."""

    exit_code = ExitCode.NOT_ALL_REACHED


class LimitReached(UmmsgError):
    """A rate limit leaves no room for a message."""

    exit_code = ExitCode.NOT_ALL_REACHED


class MailServerUnreachable(UmmsgError):
    """No conversation with the mail server could be had; no attempt is counted."""


class MailServerRefused(NotConfigured):
    """The server refused our credentials, our TLS or our sender address: no recipient is to blame."""


class SenderRefused(MailServerRefused):
    """The server takes mail from us, and not from this address."""


class NetworkUnreachable(UmmsgError):
    """No answer of the network could be had, or it failed there; the same may work later."""


class NetworkRefused(NotConfigured):
    """The network does not take our password, or does not allow that user what we need."""


class NotANetwork(InvalidInput):
    """What answers there is no WordPress network with a connector that we can work with."""


class TokenRefused(UmmsgError):
    """A token or a signature that opens nothing, or nothing any more."""


class TokenOfAnother(TokenRefused):
    """A customer's token where another customer's is needed."""


class Cancelled(UmmsgError):
    """The operator stopped it (Ctrl-C, Esc, or an answer of no)."""

    exit_code = ExitCode.CANCELLED
