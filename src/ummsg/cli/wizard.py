"""The wizard of `broadcast new`: type → targets → subject → content → review (→ when) → send.

The steps are data (questions.py); `run_wizard` is the loop over them. A step that the flags have answered is not
asked, but Esc reaches it; what has been typed stays in the answers, whatever happens.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING

from rich.text import Text

from ummsg.cli import views, when
from ummsg.cli.answers import Answers, to_draft
from ummsg.cli.asking import Back, Choice, Prompter
from ummsg.cli.questions import QUESTIONS, Asking, Decision, Step
from ummsg.cli.review import people, show_message, show_review
from ummsg.cli.reviewing import reviewed
from ummsg.cli.times import Times
from ummsg.errors import Cancelled, InvalidDraft, InvalidInput
from ummsg.vocabulary import BroadcastType, TargetKind

if TYPE_CHECKING:
    from ummsg.services.broadcasts import Broadcasts
    from ummsg.services.directory import Directory
    from ummsg.services.reviews import Review

REASONS_SHOWN = 10


def run_wizard(
    answers: Answers, *, directory: "Directory", broadcasts: "Broadcasts", prompter: Prompter, times: Times
) -> Decision:
    """Ask for what `answers` lacks, changing it in place, until the message is accepted after its review.

    Raises Cancelled on Ctrl-C or the choice to cancel, and what the review raises that no step can put right.
    """
    asking = Asking(
        answers, directory, broadcasts, prompter, times, customers=answers.customers, products=answers.products
    )
    asking.later = answers.at is not None or answers.at_local is not None
    asking.who = _targeted(answers)
    asking.done = {step.name for step in STEPS if step.answered(answers)}
    views.talk("Esc goes back a step; Ctrl-C stops and keeps what you typed as a draft.", "dim")
    for step in STEPS:
        if step.name in asking.done and step.applies(asking):
            _tell(step, answers)
    with _hanging_up_interrupts():
        return _run(asking)


def _run(asking: Asking) -> Decision:
    step = _next_open(asking)
    while True:
        try:
            outcome = step.ask(asking)
        except Back:
            step = _before(step, asking)
            continue
        if isinstance(outcome, Decision):
            return outcome
        if outcome is None:
            asking.done = (asking.done | {step.name}) - set(step.reopens)
            _tell(step, asking.answers)
        step = outcome or _next_open(asking)


@contextmanager
def _hanging_up_interrupts() -> Iterator[None]:
    """A closed terminal or lost connection is like Ctrl-C: what was typed can still be kept."""

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _targeted(answers: Answers) -> frozenset[TargetKind]:
    given = {
        TargetKind.EVERYONE: answers.everyone,
        TargetKind.CUSTOMER: bool(answers.customers),
        TargetKind.PRODUCT: bool(answers.products),
    }
    return frozenset(kind for kind, is_given in given.items() if is_given)


def _next_open(asking: Asking) -> Step:
    return next(step for step in STEPS if step.applies(asking) and step.name not in asking.done)


def _before(step: Step, asking: Asking) -> Step:
    """The step before this one; the first one stays where it is."""
    earlier = [other for other in STEPS[: STEPS.index(step)] if other.applies(asking)]
    return earlier[-1] if earlier else step


def _tell(step: Step, answers: Answers) -> None:
    if summary := step.summary(answers):
        line = Text("✓ ", style="green") + Text(views.printable_line(summary))
        line.truncate(views.err().width - 1, overflow="ellipsis")
        views.talk(line)


# The review


class Action(Enum):
    SEND = auto()
    CHANGE = auto()
    WHEN = auto()
    DRAFT = auto()
    CANCEL = auto()
    NEXT = auto()
    PREVIOUS = auto()


def _ask_review(asking: Asking) -> Decision | Step:
    """Show what is about to happen. Enter alone never sends: the pointer starts below Send."""
    try:
        review = reviewed(asking.broadcasts, to_draft(asking.answers))
    except InvalidInput as problem:
        return _to_put_right(problem, asking)
    show_review(review)
    index = 0
    while True:
        match _chosen_action(asking.prompter, review):
            case Action.SEND:
                return Decision.SEND
            case Action.WHEN:
                asking.later = True
                return next(step for step in QUESTIONS if step.name == "when")
            case Action.DRAFT:
                return Decision.DRAFT
            case Action.CANCEL:
                raise Cancelled("Cancelled")
            case Action.CHANGE:
                if step := _step_to_change(asking):
                    return step
            case turn:
                index = _turned(index, turn, review)
                show_message(review, index)


def _to_put_right(problem: InvalidInput, asking: Asking) -> Step:
    """Say what is wrong, and return the first step that can change it; all that can are open again."""
    fields = _fields_to_blame(problem, asking.answers)
    to_blame = [step for step in STEPS if step.name in fields]
    if not to_blame:
        raise problem
    problem.details[REASONS_SHOWN:] = ["…"] if len(problem.details) > REASONS_SHOWN else []
    problem.hint = ""  # the step that puts it right comes next
    views.error(problem)
    asking.done -= fields
    return to_blame[0]


def _fields_to_blame(problem: InvalidInput, answers: Answers) -> set[str]:
    if isinstance(problem, InvalidDraft):
        fields = {item.field for item in problem.problems}
        return fields - set(when.FIELDS) | ({"when"} if fields & set(when.FIELDS) and _scheduled(answers) else set())
    # A value that some customers lack: the placeholder is in the content, unless that has none.
    return {"content" if "{" in (answers.content or "") else "subject"}


def _scheduled(answers: Answers) -> bool:
    return answers.type is BroadcastType.EMAIL and (answers.at is not None or answers.at_local is not None)


def _chosen_action(prompter: Prompter, review: "Review") -> Action:
    notice = review.draft.type is BroadcastType.NOTICE
    send = "Show it to" if notice else "Send it to"
    then = " then" if review.draft.released_at is not None else ""
    choices = [
        Choice(Action.SEND, f"{send} {people(review.count.recipients)}{then}"),
        Choice(Action.CHANGE, "Change something"),
        *([] if notice else [Choice(Action.WHEN, "Choose when it goes out")]),
        Choice(Action.DRAFT, "Save as a draft"),
        Choice(Action.CANCEL, "Cancel"),
    ]
    if notice or review.count.recipients < 2:
        return prompter.select("Is it right?", choices, at=Action.CHANGE)
    keys = {"n": Action.NEXT, "right": Action.NEXT, "p": Action.PREVIOUS, "left": Action.PREVIOUS}
    return prompter.select("Is it right? (n, p: other recipients' messages)", choices, at=Action.CHANGE, keys=keys)


def _turned(index: int, turn: Action, review: "Review") -> int:
    step = 1 if turn is Action.NEXT else -1
    return (index + step) % review.count.recipients


def _step_to_change(asking: Asking) -> Step | None:
    choices = [Choice(step, step.name.replace("_", " ").capitalize()) for step in QUESTIONS if step.applies(asking)]
    try:
        return asking.prompter.select("Change what?", choices)
    except Back:
        return None


STEPS = (*QUESTIONS, Step("review", _ask_review))
