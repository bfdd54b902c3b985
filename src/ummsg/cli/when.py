"""The wizard's question of when: now, at one moment, or when each customer's own clock shows a time."""

from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

from ummsg.cli.answers import Answers, to_draft
from ummsg.cli.asking import Back, Choice, Line
from ummsg.cli.times import when_words
from ummsg.domain.wall_time import LocalTime, UnusableTime

if TYPE_CHECKING:
    from ummsg.cli.questions import Asking

FIELDS = ("at", "at-local", "not-after")
"""What a draft's problems with the time name."""


class Way(Enum):
    NOW = auto()
    MOMENT = auto()
    LOCAL = auto()


def ask_when(asking: "Asking") -> None:
    while True:
        match asking.prompter.select("When does it go out?", _WAYS, at=_way(asking.answers)):
            case Way.NOW:
                asking.answers.at = asking.answers.at_local = None
                asking.later = False
                return
            case way:
                try:
                    _ask_time(asking, way)
                except Back:
                    continue
                return


def summary(answers: Answers) -> str:
    return f"When: {when_words(to_draft(answers))}"


def _ask_time(asking: "Asking", way: Way) -> None:
    answers = asking.answers
    earlier = answers.at if way is Way.MOMENT else answers.at_local
    question = "At (tomorrow 9:00, in 2 hours):" if way is Way.MOMENT else "At, on their clocks (tomorrow 9:00):"
    line = Line(
        question,
        typed=earlier.isoformat(timespec="minutes") if earlier else "",
        complain=lambda text: _complaint(asking, way, text),
    )
    _set(answers, _read(asking, way, asking.prompter.text(line)))


def _complaint(asking: "Asking", way: Way, text: str) -> str:
    try:
        time = _read(asking, way, text)
    except UnusableTime as error:
        return f"Try {' or '.join(error.instead[:2])}: {error.what}"
    tried = replace(asking.answers)
    _set(tried, time)
    draft = to_draft(tried)
    return next((said for field in FIELDS if (said := asking.broadcasts.complaint(draft, field))), "")


def _read(asking: "Asking", way: Way, text: str) -> datetime | LocalTime:
    return asking.times.read_moment(text) if way is Way.MOMENT else asking.times.read_local_time(text)


def _set(answers: Answers, time: datetime | LocalTime) -> None:
    answers.at = time if isinstance(time, datetime) else None
    answers.at_local = time if isinstance(time, LocalTime) else None


def _way(answers: Answers) -> Way:
    if answers.at_local is not None:
        return Way.LOCAL
    return Way.NOW if answers.at is None else Way.MOMENT


_WAYS = (
    Choice(Way.NOW, "Now"),
    Choice(Way.MOMENT, "At one moment, for everyone"),
    Choice(Way.LOCAL, "In each customer's own time zone"),
)
