"""The questions of the wizard, as data: each asks for one thing and puts it into the answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

from ummsg.cli import views
from ummsg.cli.answers import Answers, to_draft
from ummsg.cli.asking import Choice, Line, Prompter, Source
from ummsg.cli.editor import SUFFIXES
from ummsg.cli.times import Times
from ummsg.cli.when import ask_when
from ummsg.cli.when import summary as when_summary
from ummsg.domain.customer import Customer, Product
from ummsg.domain.placeholders import known_placeholders
from ummsg.vocabulary import BroadcastType, NoticeType, TargetKind

if TYPE_CHECKING:
    from ummsg.services.broadcasts import Broadcasts
    from ummsg.services.directory import Directory


PLACEHOLDERS_SHOWN = 20


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
    times: Times
    who: frozenset[TargetKind] = frozenset()
    customers: list[Customer] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    later: bool = False
    """Whether it is asked when the message goes out; if not, it does at once."""

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


def _ask_type(asking: Asking) -> None:
    choices = [
        Choice(BroadcastType.EMAIL, "Email: to each customer's mailbox"),
        Choice(BroadcastType.NOTICE, "Notice: a message on their dashboards"),
    ]
    asking.answers.type = asking.prompter.select("What do you want to send?", choices, at=asking.answers.type)
    if asking.answers.type is BroadcastType.NOTICE:
        asking.answers.at = asking.answers.at_local = None  # those are an email's


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
    from ummsg.services.directory import MORE_CAP

    directory = asking.directory
    source = Source("customers", directory.search_customers, _label, directory.resolve_addresses, MORE_CAP)
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
    asking.answers.subject = asking.prompter.text(_line(asking, "subject", "Subject:"))


def _ask_content(asking: Asking) -> None:
    answers = asking.answers
    line = _line(asking, "content", f"Content ({answers.content_format}):")
    answers.content = asking.prompter.content(line, suffix=SUFFIXES[answers.content_format], notes=_notes(asking))


def _line(asking: Asking, name: str, question: str) -> Line:
    answers = asking.answers

    def complain(text: str) -> str:
        tried = replace(answers, type=answers.type or BroadcastType.EMAIL)
        setattr(tried, name, text)
        return asking.broadcasts.complaint(to_draft(tried), name)

    return Line(
        question,
        typed=getattr(answers, name) or "",
        complain=complain,
        keep=lambda text: setattr(answers, name, text),
    )


def _complaint(answers: Answers, name: str, text: str) -> str:
    """What the draft's own rules say against this text."""
    tried = replace(answers, type=answers.type or BroadcastType.EMAIL)
    setattr(tried, name, text)
    problems = to_draft(tried).problems(datetime.now(UTC))
    return next((problem.message for problem in problems if problem.field == name), "")


def _notes(asking: Asking) -> list[str]:
    if asking.answers.type is not BroadcastType.EMAIL:
        return []
    names = known_placeholders(asking.directory.attribute_names())
    shown = " ".join(f"{{{{{name}}}}}" for name in names[:PLACEHOLDERS_SHOWN])
    return [f"Placeholders: {shown}" + (" …" if len(names) > PLACEHOLDERS_SHOWN else "")]


def _label(item: Customer | Product) -> str:
    return item.label


def _content_summary(answers: Answers) -> str:
    lines = (answers.content or "").strip().split("\n")
    return f"Content: {lines[0]}" + (f" … ({len(lines):,} lines)" if len(lines) > 1 else "")


def _names(title: str, items: Sequence[Customer | Product]) -> str:
    return f"{title} ({len(items):,}): {', '.join(item.label for item in items[:5])}" if items else ""


QUESTIONS = (
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
    Step(
        "when",
        ask_when,
        answered=lambda answers: answers.at is not None or answers.at_local is not None,
        summary=when_summary,
        applies=lambda asking: asking.later and asking.answers.type is BroadcastType.EMAIL,
    ),
)
