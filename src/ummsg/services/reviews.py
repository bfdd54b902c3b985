"""Reviewing a draft: everything that could embarrass, for every recipient, before anything is stored."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from ummsg.config import Settings
from ummsg.domain.audience import AudienceCount
from ummsg.domain.broadcast import Broadcast, BroadcastDraft
from ummsg.domain.customer import Customer
from ummsg.domain.placeholders import known_placeholders
from ummsg.domain.wall_time import LocalMoments, LocalSpan
from ummsg.errors import InvalidDraft, Problem
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed, compile_email, compile_notice, placeholder_in_notice
from ummsg.mail.text import html_to_text
from ummsg.services.preflight import Proof, Watch, missing_values, prove
from ummsg.services.prepared_email import PreparedEmail, prepare_email
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastType


@dataclass(frozen=True)
class Sample:
    """A message as one recipient gets it; a notice is the same for all, and has no customer."""

    customer: Customer | None
    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Review:
    """A draft that may be sent: every check has passed. `sample(n)` is the n-th recipient's message."""

    draft: BroadcastDraft
    count: AudienceCount
    sample: Callable[[int], Sample | None]
    html: str = ""
    """A notice's content, sanitised."""
    span: LocalSpan | None = None
    """When it goes out, if that is each customer's own time."""
    proof: Proof | None = None
    """How it is known that an email can be made for each recipient."""


class Reviews:
    """Reads the directory to say whether a draft may be sent; changes nothing."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def review(
        self, draft: BroadcastDraft, *, render_all: bool = False, watch: Watch = lambda done, total: None
    ) -> Review:
        """Raises InvalidDraft with every problem, MissingValues, or NotConfigured when nobody is set as the sender."""
        with self._store.read() as tx:
            if draft.type is BroadcastType.NOTICE:
                return self._review_notice(tx, draft)
            return self._review_email(tx, draft, render_all=render_all, watch=watch)

    def complaint(self, draft: BroadcastDraft, field: str) -> str:
        """What is wrong with the subject or the content alone, as soon as it is typed; nothing if it may stand."""
        problems = list(draft.problems(self._clock()))
        if draft.type is BroadcastType.NOTICE:
            found = placeholder_in_notice(field, getattr(draft, field))
            problems += [found] if found else []
        else:
            problems += self._text_problems(draft)
        return next((problem.message for problem in problems if problem.field == field), "")

    def _text_problems(self, draft: BroadcastDraft) -> list[Problem]:
        with self._store.read() as tx:
            known = known_placeholders(tx.customers.attribute_names())
        try:
            compile_email(draft.subject, draft.content, draft.content_format, self._settings.layout(), known)
        except InvalidDraft as error:
            return error.problems
        return []

    def sample(self, tx: Transaction, draft: BroadcastDraft, customer: Customer) -> Sample:
        """The message that this customer would get, whether or not they are in the audience."""
        if draft.type is BroadcastType.NOTICE:
            return _notice_sample(draft, compile_notice(draft.content, draft.content_format))
        return _sample_for(self.prepare(tx, draft), customer)

    def _review_notice(self, tx: Transaction, draft: BroadcastDraft) -> Review:
        problems = list(draft.problems(self._clock()))
        if problem := placeholder_in_notice("subject", draft.subject):
            problems.append(problem)
        html = ""
        try:
            html = compile_notice(draft.content, draft.content_format)
        except InvalidDraft as error:
            problems += error.problems
        count = self._count(tx, draft, problems)
        return Review(draft, count, lambda index: None if index else _notice_sample(draft, html), html=html)

    def _review_email(self, tx: Transaction, draft: BroadcastDraft, *, render_all: bool, watch: Watch) -> Review:
        problems = list(draft.problems(self._clock()))
        prepared = None
        try:
            prepared = self.prepare(tx, draft)
        except InvalidDraft as error:
            problems += [problem for problem in error.problems if problem.field not in {p.field for p in problems}]
        span = self._span(tx, draft)
        if span is not None:
            problems += span.problems(draft.not_after)
        count = self._count(tx, draft, problems)
        assert prepared is not None  # noqa: S101 - otherwise `_count` has raised what was wrong
        proof = prove(tx, draft.audience, prepared, count.recipients, render_all=render_all, watch=watch)
        return Review(
            draft,
            count,
            lambda index: self._nth_sample(draft, prepared, index),
            span=span,
            proof=proof,
        )

    def _count(self, tx: Transaction, draft: BroadcastDraft, problems: list[Problem]) -> AudienceCount:
        """Raises InvalidDraft if there are problems, this one included: targets that match nobody."""
        count = tx.audiences.count(draft.audience, mailed=draft.type is BroadcastType.EMAIL)
        if draft.audience.targets and not count.matched:
            names = ", ".join(target.label for target in count.targets)
            counted = " or ".join(draft.audience.statuses)
            problems.append(Problem("targets", f"{names}: no customer matches (memberships that are {counted} count)"))
        elif count.matched and not count.recipients:
            problems.append(Problem("targets", "every customer that matches is suppressed"))
        if problems:
            raise InvalidDraft(problems)
        return count

    def span_of(self, tx: Transaction, broadcast: Broadcast) -> LocalSpan | None:
        """Of a stored broadcast: of its recipients, or of whom it is for as long as they are not written down."""
        local = broadcast.draft.at_local
        if local is None or not broadcast.frozen:
            return self._span(tx, broadcast.draft)
        return LocalSpan.of(tx.local_times.of_broadcast(broadcast.id), LocalMoments.of(local), self._clock())

    def _span(self, tx: Transaction, draft: BroadcastDraft) -> LocalSpan | None:
        if draft.at_local is None:
            return None
        moments = LocalMoments.of(draft.at_local)
        return LocalSpan.of(tx.local_times.of_audience(draft.audience), moments, self._clock())

    def prepare(self, tx: Transaction, draft: BroadcastDraft) -> PreparedEmail:
        """Compile an email. Raises InvalidDraft with every problem of its text, NotConfigured without a sender."""
        return prepare_email(draft, self._settings, known_placeholders(tx.customers.attribute_names()))

    def _nth_sample(self, draft: BroadcastDraft, prepared: PreparedEmail, index: int) -> Sample | None:
        with self._store.read() as tx:
            customers = list(islice(tx.audiences.recipients(draft.audience, offset=index, limit=1), 1))
        return _sample_for(prepared, customers[0]) if customers else None


def _sample_for(prepared: PreparedEmail, customer: Customer) -> Sample:
    try:
        rendered = prepared.rendered(customer)
    except EmptyPlaceholder as error:
        raise missing_values({error.name: (1, [customer])}) from None
    except RenderFailed as error:
        raise InvalidDraft([Problem("content", f"{error} (for {customer.label})")]) from None
    return Sample(customer, rendered.subject, rendered.html, rendered.text)


def _notice_sample(draft: BroadcastDraft, html: str) -> Sample:
    return Sample(None, draft.subject, html, html_to_text(html))
