"""A prompter that answers from a script instead of asking anybody."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ummsg.cli.asking import Back, Choice, Line, P, Source
from ummsg.errors import Cancelled

T = TypeVar("T")


@dataclass(frozen=True)
class Leave:
    """Esc or Ctrl-C, after having typed this much."""

    error: type[Exception]
    typed: str | None = None


BACK = Leave(Back)
STOP = Leave(Cancelled)
ENTER = object()
"""Accept what stands there already."""


def back_after(typed: str) -> Leave:
    return Leave(Back, typed)


def stop_after(typed: str) -> Leave:
    return Leave(Cancelled, typed)


class ScriptedPrompter:
    """Takes its answers in order; a question that the script does not expect is an AssertionError.

    A menu is answered with the beginning of a title or with one of its keys, a text with the text, the picker with a
    list of searches, each of which picks its first match. `asked` and `complaints` tell what was asked and refused,
    `prefilled` what stood in each text already.
    """

    interactive = True

    def __init__(self, *answers: Any) -> None:
        self._answers = deque(answers)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.prefilled: list[str] = []
        self.notes: list[str] = []

    @property
    def left(self) -> list[Any]:
        return list(self._answers)

    def confirm(self, question: str, *, default: bool = False) -> bool:
        return bool(self._next(question))

    def confirm_destructive(self, question: str, *, yes: bool) -> None:
        if not yes and not self.confirm(question):
            raise Cancelled("Nothing was changed")

    def select(
        self, question: str, choices: Sequence[Choice[T]], *, at: T | None = None, keys: Mapping[str, T] | None = None
    ) -> T:
        answer = self._next(question)
        if answer is ENTER:
            return next((choice.value for choice in choices if choice.value == at), choices[0].value)
        if keys and answer in keys:
            return keys[answer]
        matching = [choice.value for choice in choices if choice.title.startswith(answer)]
        assert len(matching) == 1, f"{answer!r} is not one of {[choice.title for choice in choices]}"
        return matching[0]

    def choose(self, question: str, choices: Sequence[Choice[T]], *, chosen: Sequence[T] = ()) -> list[T]:
        """Answered with a list of beginnings of titles, or ENTER for what is ticked already."""
        answer = self._next(question)
        if answer is ENTER:
            return list(chosen)
        chosen = [choice.value for choice in choices if choice.title.startswith(tuple(answer))]
        assert len(chosen) == len(answer), f"{answer!r} are not all of {[choice.title for choice in choices]}"
        return chosen

    def text(self, line: Line) -> str:
        return self._typed(line).strip()

    def content(self, line: Line, *, suffix: str, notes: Sequence[str] = ()) -> str:
        self.notes = list(notes)
        return self._typed(line)

    def pick(self, question: str, source: Source[P], picked: list[P]) -> None:
        for search in self._next(question):
            picked.append(source.search(search).items[0])
        assert picked, "the picker does not end while nothing is picked"

    def _typed(self, line: Line) -> str:
        self.prefilled.append(line.typed)
        while True:
            answer = self._next(line.question, line)
            text = line.typed if answer is ENTER else str(answer)
            line.keep(text)
            if not (complaint := line.complain(text)):
                return text
            self.complaints.append(complaint)

    def _next(self, question: str, line: Line | None = None) -> Any:
        self.asked.append(question)
        assert self._answers, f"the script has no answer to {question!r}"
        answer = self._answers.popleft()
        if not isinstance(answer, Leave):
            return answer
        if line is not None:
            line.keep(line.typed if answer.typed is None else answer.typed)
        raise answer.error("scripted")
