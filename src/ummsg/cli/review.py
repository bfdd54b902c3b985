"""The review: who gets the message, who does not and why, and the message as they get it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ummsg.cli import views
from ummsg.cli.times import in_utc, when_words, with_zone
from ummsg.domain.audience import AudienceCount, TargetCount
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.duration import shown_duration
from ummsg.vocabulary import BroadcastType, TargetKind

if TYPE_CHECKING:
    from ummsg.services.emails import EmailSample
    from ummsg.services.reviews import Review, Sample

ROWS_SHOWN = 8
LINES_SHOWN = 30


def show_review(review: "Review", count: int = 1) -> None:
    """Everything there is to check before a message goes out, with the first `count` recipients' messages."""
    views.err().print(Padding(_audience(review), (1, 0)))
    for index in range(count):
        show_message(review, index)


def show_message(review: "Review", index: int) -> None:
    """The message of the recipient at `index`, from 0; nothing if there are not so many."""
    if (sample := review.sample(index)) is None:
        return
    if review.draft.type is BroadcastType.NOTICE:
        views.err().print(_notice(sample, review.draft))
    else:
        title = f"Message {index + 1:,} of {review.count.recipients:,}"
        views.err().print(_message(sample, title, LINES_SHOWN))


def show_sample(sample: "Sample") -> None:
    """One message in full; data, so on stdout."""
    views.out().print(_message(sample, "Message" if sample.customer else "Notice"))


def show_email(sample: "EmailSample", *, to_stderr: bool = False) -> None:
    """A system email's message in full; data, so on stdout, unless it is shown for a question."""
    to = f"{sample.recipient.name} <{sample.recipient.email}>" if sample.recipient.name else sample.recipient.email
    console = views.err() if to_stderr else views.out()
    console.print(_panel(sample.subject, sample.text, f"Message · {sample.locale}", to=to))


def people(number: int) -> str:
    return "1 customer" if number == 1 else f"{number:,} customers"


def _audience(review: "Review") -> Group:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for label, number in _targets(review.count.targets):
        table.add_row(Text(views.printable_line(label)), f"{number:,}")
    for label, number in _losses(review.count):
        table.add_row(Text(views.printable_line(label), style="dim"), Text(f"-{number:,}", style="dim"))
    verb = "Will be shown to" if review.draft.type is BroadcastType.NOTICE else "Recipients"
    table.add_row(Text(verb, style="bold"), Text(f"{review.count.recipients:,}", style="bold"))
    lines = [f"{label}: {value}" for label, value in _conditions(review.draft)] + _local_time(review)
    return Group(table, *(Text(line, style="dim") for line in lines))


def _targets(targets: Sequence[TargetCount]) -> list[tuple[str, int]]:
    return _first_few([(target.label, target.customers) for target in targets], "more targets")


def _losses(count: AudienceCount) -> list[tuple[str, int]]:
    """What the sum of the targets loses on its way to the recipients."""
    duplicates = [("Matched more than once", count.duplicates)] if count.duplicates else []
    reasons = sorted(count.suppressed.items(), key=lambda item: (-item[1], item[0]))
    return duplicates + _first_few([(f"Left out: {reason}", number) for reason, number in reasons], "other reasons")


def _first_few(rows: list[tuple[str, int]], others: str) -> list[tuple[str, int]]:
    """The first ROWS_SHOWN rows, and the sum of the others if there are several."""
    rest = rows[ROWS_SHOWN:]
    if len(rest) < 2:
        return rows
    return [*rows[:ROWS_SHOWN], (f"… and {len(rest):,} {others}", sum(number for _, number in rest))]


def _conditions(draft: BroadcastDraft) -> list[tuple[str, str]]:
    given: dict[str, str] = {"From": draft.sender, "Answers go to": draft.reply_to}
    times = {"At": draft.at, "Not after": draft.not_after, "Shown from": draft.starts, "Shown until": draft.ends}
    given |= {label: with_zone(moment) for label, moment in times.items() if moment is not None}
    if draft.attempts is not None or draft.retry_for is not None:
        given["Given up"] = f"after {draft.retries.attempts} attempts or {shown_duration(draft.retries.age)}"
    if draft.audience.ids(TargetKind.PRODUCT):
        given["Memberships that count"] = ", ".join(draft.audience.statuses)
    return [(label, views.printable_line(value)) for label, value in given.items() if value]


def _local_time(review: "Review") -> list[str]:
    """The rule of `--at-local`, and what it comes to for these recipients."""
    local, span = review.draft.at_local, review.span
    if local is None or span is None:
        return []
    lines = [
        f"At: {when_words(review.draft)}",
        f"  for the first at {in_utc(span.first)}, for the last at {in_utc(span.last)}",
    ]
    if span.zoneless:
        lines.append(f"  {people(span.zoneless)} without a time zone: as in {local.default_zone}")
    if span.late:
        lines.append(f"  {people(span.late)} whose clocks have passed it get it at once")
    return lines


def _message(sample: "Sample", title: str, lines: int | None = None) -> Panel:
    to = sample.customer.label if sample.customer is not None else ""
    return _panel(sample.subject, sample.text, title, to=to, lines=lines)


def _panel(subject: str, text: str, title: str, *, to: str = "", lines: int | None = None) -> Panel:
    head = [Text(views.printable_line(subject), style="bold"), Text()]
    if to:
        head.insert(0, Text(f"To: {views.printable_line(to)}", style="dim"))
    return Panel(Group(*head, Text(_shortened(text, lines))), title=Text(title), title_align="left", padding=(0, 1))


def _notice(sample: "Sample", draft: BroadcastDraft) -> Panel:
    """The notice as a dashboard shows it: its subject bold, in a box of its colour."""
    colour = views.NOTICE_COLOURS[draft.notice_type]
    content = Group(
        Text(views.printable_line(sample.subject), style="bold"), Text(_shortened(sample.text, LINES_SHOWN))
    )
    title = Text(f"Notice · {draft.notice_type}", style=colour)
    return Panel(content, title=title, title_align="left", border_style=colour, padding=(0, 1))


def _shortened(text: str, lines: int | None) -> str:
    every = views.printable(text.expandtabs()).rstrip("\n").split("\n")
    if lines is None or len(every) <= lines:
        return "\n".join(every)
    return "\n".join([*every[:lines], f"… and {len(every) - lines:,} more lines"])
