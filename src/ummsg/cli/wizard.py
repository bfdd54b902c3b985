"""The wizard of `broadcast new`: type → targets → subject → content → review → send.

The steps are data (`STEPS`); `run_wizard` is the loop over them. A step that the flags have answered is not asked, but
Esc reaches it; what has been typed stays in the answers, whatever happens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

from rich.text import Text

from ummsg.cli import views
from ummsg.cli.answers import Answers, to_draft
from ummsg.cli.editor import SUFFIXES
from ummsg.cli.prompter import Back, Choice, Line, Prompter, Source
from ummsg.cli.review import people, show_message, show_review
from ummsg.domain.customer import Customer, Product
from ummsg.domain.placeholders import known_placeholders
from ummsg.errors import Cancelled, InvalidDraft, InvalidInput
from ummsg.vocabulary import BroadcastType, NoticeType, TargetKind

if TYPE_CHECKING:
    from ummsg.services.broadcasts import Broadcasts
    from ummsg.services.directory import Directory
    from ummsg.services.reviews import Review

REASONS_SHOWN = 10


class Decision(Enum):
    """How the wizard ended, apart from Cancelled."""

    SEND = auto()
    DRAFT = auto()


@dataclass
class Asking:
    """The wizard's state: `done` names the steps that need no asking.

    What was picked outlives a change of mind about whom to send to (`who`).
    """

    answers: Answers
    directory: "Directory"
    broadcasts: "Broadcasts"
    prompter: Prompter
    who: frozenset[TargetKind] = frozenset()
    customers: list[Customer] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def choose(self, who: frozenset[TargetKind]) -> None:
        self.who = who
        self.answers.everyone = TargetKind.EVERYONE in who
        self.answers.customers = self.customers if TargetKind.CUSTOMER in who else []
        self.answers.products = self.products if TargetKind.PRODUCT in who else []


@dataclass(frozen=True)
class Step:
    """One question. `ask` puts the answer into the answers and returns what follows, if that is not the next step.

    `name` is also the field that a draft's problems name.
    """

    name: str
    ask: "Callable[[Asking], Decision | Step | None]"
    answered: Callable[[Answers], bool] = lambda answers: False
    summary: Callable[[Answers], str] = lambda answers: ""
    applies: Callable[[Asking], bool] = lambda asking: True
    reopens: tuple[str, ...] = ()


def run_wizard(answers: Answers, *, directory: "Directory", broadcasts: "Broadcasts", prompter: Prompter) -> Decision:
    """Ask for what `answers` lacks, changing it in place, until the message is accepted after its review.

    Raises Cancelled on Ctrl-C or the choice to cancel, and what the review raises that no step can put right.
    """
    asking = Asking(answers, directory, broadcasts, prompter, customers=answers.customers, products=answers.products)
    asking.who = _targeted(answers)
    asking.done = {step.name for step in STEPS if step.answered(answers)}
    views.talk("Esc goes back a step; Ctrl-C stops and keeps what you typed as a draft.", "dim")
    for step in STEPS:
        if step.name in asking.done and step.applies(asking):
            _tell(step, answers)
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
            _tell(step, answers)
        step = outcome or _next_open(asking)


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


# The questions


def _ask_type(asking: Asking) -> None:
    choices = [
        Choice(BroadcastType.EMAIL, "Email: to each customer's mailbox"),
        Choice(BroadcastType.NOTICE, "Notice: a message on their dashboards"),
    ]
    asking.answers.type = asking.prompter.select("What do you want to send?", choices, at=asking.answers.type)


def _ask_targets(asking: Asking) -> None:
    customer, product = TargetKind.CUSTOMER, TargetKind.PRODUCT
    choices = [
        Choice(frozenset({customer}), "Customers that I choose"),
        Choice(frozenset({product}), "Everyone on products that I choose"),
        Choice(frozenset({customer, product}), "Both: chosen customers and products"),
        Choice(frozenset({TargetKind.EVERYONE}), "Everyone on the network"),
    ]
    asking.choose(asking.prompter.select("Who is it for?", choices, at=asking.who))


def _ask_customers(asking: Asking) -> None:
    directory = asking.directory
    source = Source("customers", directory.search_customers, _label, directory.resolve_addresses)
    asking.prompter.pick("Which customers?", source, asking.customers)


def _ask_products(asking: Asking) -> None:
    source = Source("products", asking.directory.search_products, _label)
    asking.prompter.pick("Everyone on which products?", source, asking.products)


def _ask_notice_type(asking: Asking) -> None:
    choices = [Choice(kind, kind.value, "▌", views.NOTICE_COLOURS[kind]) for kind in NoticeType]
    asking.answers.notice_type = asking.prompter.select(
        "In which colour?", choices, at=asking.answers.notice_type or NoticeType.SUCCESS
    )


def _ask_subject(asking: Asking) -> None:
    asking.answers.subject = asking.prompter.text(_line(asking.answers, "subject", "Subject:"))


def _ask_content(asking: Asking) -> None:
    answers = asking.answers
    line = _line(answers, "content", f"Content ({answers.content_format}):")
    answers.content = asking.prompter.content(line, suffix=SUFFIXES[answers.content_format], notes=_notes(answers))


def _line(answers: Answers, name: str, question: str) -> Line:
    return Line(
        question,
        typed=getattr(answers, name) or "",
        complain=lambda text: _complaint(answers, name, text),
        keep=lambda text: setattr(answers, name, text),
    )


def _complaint(answers: Answers, name: str, text: str) -> str:
    """What the draft's own rules say against this text."""
    tried = replace(answers, type=answers.type or BroadcastType.EMAIL)
    setattr(tried, name, text)
    problems = to_draft(tried).problems(datetime.now(UTC))
    return next((problem.message for problem in problems if problem.field == name), "")


def _notes(answers: Answers) -> list[str]:
    if answers.type is not BroadcastType.EMAIL:
        return []
    names = " ".join(f"{{{{{name}}}}}" for name in known_placeholders([]))
    return [f"Placeholders: {names}, and {{{{customer_…}}}} for other columns of your import"]


def _label(item: Customer | Product) -> str:
    return item.label


# The review


class Action(Enum):
    SEND = auto()
    CHANGE = auto()
    DRAFT = auto()
    CANCEL = auto()
    NEXT = auto()
    PREVIOUS = auto()


def _ask_review(asking: Asking) -> Decision | Step:
    """Show what is about to happen. Enter alone never sends: the pointer starts below Send."""
    try:
        review = asking.broadcasts.review(to_draft(asking.answers))
    except InvalidInput as problem:
        return _to_put_right(problem, asking)
    show_review(review)
    index = 0
    while True:
        match _chosen_action(asking.prompter, review):
            case Action.SEND:
                return Decision.SEND
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
    views.error(problem)
    asking.done -= fields
    return to_blame[0]


def _fields_to_blame(problem: InvalidInput, answers: Answers) -> set[str]:
    if isinstance(problem, InvalidDraft):
        return {item.field for item in problem.problems}
    # A value that some customers lack: the placeholder is in the content, unless that has none.
    return {"content" if "{" in (answers.content or "") else "subject"}


def _chosen_action(prompter: Prompter, review: "Review") -> Action:
    notice = review.draft.type is BroadcastType.NOTICE
    send = "Show it to" if notice else "Send it to"
    choices = [
        Choice(Action.SEND, f"{send} {people(review.count.recipients)}"),
        Choice(Action.CHANGE, "Change something"),
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
    choices = [Choice(step, step.name.replace("_", " ").capitalize()) for step in STEPS if step.applies(asking)]
    try:
        return asking.prompter.select("Change what?", choices[:-1])
    except Back:
        return None


# The steps


def _content_summary(answers: Answers) -> str:
    lines = (answers.content or "").strip().split("\n")
    return f"Content: {lines[0]}" + (f" … ({len(lines):,} lines)" if len(lines) > 1 else "")


def _names(title: str, items: Sequence[Customer | Product]) -> str:
    return f"{title} ({len(items):,}): {', '.join(item.label for item in items[:5])}" if items else ""


STEPS = (
    Step(
        "type",
        _ask_type,
        answered=lambda answers: answers.type is not None,
        summary=lambda answers: f"Type: {answers.type}",
    ),
    Step(
        "targets",
        _ask_targets,
        answered=lambda answers: answers.has_targets,
        summary=lambda answers: "To: everyone" if answers.everyone else "",
        reopens=("customers", "products"),
    ),
    Step(
        "customers",
        _ask_customers,
        answered=lambda answers: bool(answers.customers),
        summary=lambda answers: _names("Customers", answers.customers),
        applies=lambda asking: TargetKind.CUSTOMER in asking.who,
    ),
    Step(
        "products",
        _ask_products,
        answered=lambda answers: bool(answers.products),
        summary=lambda answers: _names("Products", answers.products),
        applies=lambda asking: TargetKind.PRODUCT in asking.who,
    ),
    Step(
        "notice_type",
        _ask_notice_type,
        answered=lambda answers: answers.notice_type is not None,
        summary=lambda answers: f"Notice type: {answers.notice_type}",
        applies=lambda asking: asking.answers.type is BroadcastType.NOTICE,
    ),
    Step(
        "subject",
        _ask_subject,
        answered=lambda answers: answers.subject is not None and not _complaint(answers, "subject", answers.subject),
        summary=lambda answers: f"Subject: {answers.subject}",
    ),
    Step(
        "content",
        _ask_content,
        answered=lambda answers: answers.content is not None and not _complaint(answers, "content", answers.content),
        summary=_content_summary,
    ),
    Step("review", _ask_review),
)
