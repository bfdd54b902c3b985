"""What commands may ask of a person: the questions, their answers, and the protocol that a prompter keeps.

`prompter.py` asks on a terminal; the tests have a stand-in that answers from a script.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Pickable(Protocol):
    """What the picker can hold: two with one id are one."""

    @property
    def id(self) -> int: ...


P = TypeVar("P", bound=Pickable)

ESCAPE_SECONDS = 0.05
"""How long a lone Esc may still turn out to begin an arrow key."""

STYLE = (
    ("qmark", "fg:ansicyan bold"),
    ("question", "bold"),
    ("answer", ""),
    ("pointer", "fg:ansicyan bold"),
    ("highlighted", "bold"),
    ("selected", "noreverse"),
    ("instruction", "fg:ansibrightblack"),
    ("keys", "fg:ansibrightblack"),
    ("validation-toolbar", "noreverse bg:default fg:ansired bold"),
)


class Back(Exception):
    """They pressed Esc: one step back."""


@dataclass(frozen=True)
class Choice(Generic[T]):
    """One line of a menu; `badge` is printed before the title in `colour`, `more` while the line is highlighted."""

    value: T
    title: str
    badge: str = ""
    colour: str = ""
    more: str = ""


class Found(Protocol[T_co]):
    """What a search brings: the first matches, and how many more there are, as far as they are counted."""

    @property
    def items(self) -> Sequence[T_co]: ...

    @property
    def more(self) -> int: ...


@dataclass(frozen=True)
class Source(Generic[P]):
    """Where the picker looks things up. `resolve` takes a pasted list and returns the known and the unknown.

    `counted_to` is the number at which a search stops counting, if it does.
    """

    noun: str
    search: Callable[[str], Found[P]]
    label: Callable[[P], str]
    resolve: Callable[[str], tuple[list[P], list[str]]] | None = None
    counted_to: int | None = None


@dataclass(frozen=True)
class Line:
    """A text to be asked for. `complain` returns what is wrong with it, or nothing.

    `keep` is given what was typed, however the prompt ends: with an answer, Esc, Ctrl-C or a failure.
    """

    question: str
    typed: str = ""
    complain: Callable[[str], str] = field(default=lambda text: "")
    keep: Callable[[str], None] = field(default=lambda text: None)


class Prompter(Protocol):
    """What commands may ask of a person.

    Every method raises Cancelled when they press Ctrl-C; those of the wizard raise Back when they press Esc.
    """

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer."""

    def confirm(self, question: str, *, default: bool = False) -> bool: ...

    def confirm_destructive(self, question: str, *, yes: bool) -> None:
        """Return if `yes` or if they agree; raises Cancelled if they do not, InvalidInput if nobody is there."""

    def select(
        self, question: str, choices: Sequence[Choice[T]], *, at: T | None = None, keys: Mapping[str, T] | None = None
    ) -> T:
        """One of a few choices, starting at `at`; a key of `keys` answers with its value at once."""

    def choose(self, question: str, choices: Sequence[Choice[T]], *, chosen: Sequence[T] = ()) -> list[T]:
        """Any number of a few choices, at least one; `chosen` are ticked already."""

    def text(self, line: Line) -> str:
        """One line of text."""

    def secret(self, question: str) -> str:
        """One line that is not shown."""

    def content(self, line: Line, *, suffix: str, notes: Sequence[str] = ()) -> str:
        """Text of many lines, typed here or in the operator's editor as a file ending in `suffix`."""

    def pick(self, question: str, source: Source[P], picked: list[P]) -> None:
        """Let them change `picked`, in place, until there is at least one."""


def wrapped(*lines: str) -> str:
    """These lines, broken between words where the terminal of the running prompt ends."""
    import textwrap

    from prompt_toolkit.application import get_app

    width = get_app().output.get_size().columns - 1
    return "\n".join(part for line in lines for part in textwrap.wrap(line, width) or [""])
