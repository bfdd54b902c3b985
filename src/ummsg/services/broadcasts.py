"""Composing and releasing broadcasts: review, store, freeze, edit, cancel."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from ummsg.config import Settings
from ummsg.domain.audience import AudienceCount
from ummsg.domain.broadcast import Broadcast, BroadcastDraft
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import Counts, Delivery
from ummsg.domain.placeholders import known_placeholders
from ummsg.errors import InvalidDraft, InvalidInput, Problem, UmmsgError
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed, compile_notice
from ummsg.mail.text import html_to_text
from ummsg.services.prepared_email import PreparedEmail, prepare_email
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus, BroadcastType, DeliveryStatus

NAMED_CUSTOMERS = 100
"""How many customers without a value an error names before it only counts them."""


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
    domain: str = ""
    """The domain of an email's Message-IDs."""


class MissingValues(InvalidInput):
    """A placeholder is empty for some recipients, and the text gives no default."""


class Broadcasts:
    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    # Before anything is stored

    def review(self, draft: BroadcastDraft) -> Review:
        """Check everything that could embarrass, for every recipient.

        Raises InvalidDraft with all problems of the text, times and targets, MissingValues with the customers for
        whom a placeholder is empty, NotConfigured when nobody is set as the sender.
        """
        with self._store.read() as tx:
            if draft.type is BroadcastType.NOTICE:
                return self._review_notice(tx, draft)
            return self._review_email(tx, draft)

    def sent_before(self, key: str, draft: BroadcastDraft) -> Broadcast | None:
        """The broadcast that carries this idempotency key. Raises InvalidInput if it has other content."""
        with self._store.read() as tx:
            return _same_by_key(tx, key, draft)

    def save_draft(self, draft: BroadcastDraft, replacing: int | None = None, *, key: str | None = None) -> Broadcast:
        """Keep a draft, finished or not; with a `key` that was used, return that broadcast instead."""
        with self._store.begin() as tx:
            if key and (earlier := _same_by_key(tx, key, draft)):
                return earlier
            if replacing is None:
                return tx.broadcasts.add(draft, BroadcastStatus.DRAFT, self._clock(), key=key)
            return tx.broadcasts.replace(replacing, draft, self._clock())

    # Release

    def release(self, review: Review, *, key: str | None = None, draft_id: int | None = None) -> Broadcast:
        """Take a reviewed draft on: publish a notice, schedule an email, or freeze its audience into the outbox.

        With a `key` that another call used first, nothing is stored and that broadcast is returned.
        """
        now = self._clock()
        with self._store.begin() as tx:
            if key and (earlier := _same_by_key(tx, key, review.draft)):
                return earlier
            broadcast = self._store_released(tx, review, _released_status(review.draft, now), key, draft_id)
        if broadcast.status is BroadcastStatus.FREEZING:
            self._freeze(broadcast, review.domain)
        return self.get(broadcast.id)

    def release_due(self) -> list[tuple[int, UmmsgError]]:
        """Start what is scheduled for now, and finish freezing what a killed process left half frozen.

        What cannot go out is paused (or cancelled, when it is too late for it) and returned with the reason.
        """
        with self._store.read() as tx:
            scheduled = tx.broadcasts.due(self._clock())
            half_frozen = tx.broadcasts.in_status([BroadcastStatus.FREEZING])
        refused: list[tuple[int, UmmsgError]] = []
        for broadcast_id in [*half_frozen, *scheduled]:
            try:
                self._start(self.get(broadcast_id))
            except InvalidInput as error:
                self._set_status(broadcast_id, BroadcastStatus.PAUSED, str(error))
                refused.append((broadcast_id, error))
        return refused

    # Afterwards

    def get(self, broadcast_id: int) -> Broadcast:
        with self._store.read() as tx:
            return tx.broadcasts.get(broadcast_id)

    def newest(
        self, type: BroadcastType | None = None, status: BroadcastStatus | None = None, limit: int | None = None
    ) -> list[Broadcast]:
        with self._store.read() as tx:
            return list(tx.broadcasts.newest(type=type, status=status, limit=limit))

    def counts(self, broadcast_id: int) -> Counts:
        with self._store.read() as tx:
            if tx.broadcasts.get(broadcast_id).status is BroadcastStatus.FREEZING:
                return Counts()
            return tx.outbox.counts(broadcast_id)

    def audience_labels(self, broadcast: Broadcast) -> list[str]:
        with self._store.read() as tx:
            return tx.audiences.labels(broadcast.draft.audience)

    def deliveries(
        self, broadcast_id: int, status: DeliveryStatus | None = None, limit: int | None = None
    ) -> Iterator[Delivery]:
        """Each recipient's copy, as they are at this moment."""
        with self._store.read() as tx:
            tx.broadcasts.get(broadcast_id)
            yield from tx.outbox.deliveries(broadcast_id, status, limit)

    def sample(self, broadcast_id: int, customer: Customer) -> Sample:
        """A stored broadcast's message to any customer. Raises as `review` does for what stops rendering."""
        with self._store.read() as tx:
            draft = tx.broadcasts.get(broadcast_id).draft
            if draft.type is BroadcastType.NOTICE:
                return _notice_sample(draft, compile_notice(draft.content, draft.content_format))
            return _sample_for(self._prepare(tx, draft), customer)

    def prepared(self, broadcast_id: int) -> PreparedEmail:
        with self._store.read() as tx:
            return self._prepare(tx, tx.broadcasts.get(broadcast_id).draft)

    def edit(self, broadcast_id: int, changes: dict[str, Any], *, reshow: bool = False) -> Broadcast:
        """Change a draft, a scheduled email or a notice; `reshow` forgets who dismissed the notice."""
        broadcast = self.get(broadcast_id)
        _refuse_unless(broadcast, _EDITABLE, "can no longer be edited")
        if reshow and broadcast.type is not BroadcastType.NOTICE:
            raise InvalidInput("--reshow is for notices; an email has no dismissals")
        draft = replace(broadcast.draft, **changes)
        html = "" if broadcast.status is BroadcastStatus.DRAFT else self.review(draft).html
        with self._store.begin() as tx:
            if reshow:
                tx.notices.forget_dismissals(broadcast_id)
            return tx.broadcasts.replace(broadcast_id, draft, self._clock(), html=html)

    def cancel(self, broadcast_id: int) -> int:
        """Stop what has not been sent; returns how many deliveries that were."""
        with self._store.begin() as tx:
            broadcast = tx.broadcasts.get(broadcast_id)
            _refuse_unless(broadcast, _CANCELLABLE, "has nothing left to cancel")
            tx.broadcasts.set_status(broadcast_id, BroadcastStatus.CANCELLED, self._clock(), "cancelled by an admin")
            return tx.outbox.cancel_open(broadcast_id, "cancelled by an admin", self._clock())

    def delete(self, broadcast_id: int) -> None:
        """Delete a draft. What was sent, or shown, stays as proof."""
        with self._store.begin() as tx:
            _refuse_unless(
                tx.broadcasts.get(broadcast_id), [BroadcastStatus.DRAFT], "is kept as proof of what was sent"
            )
            tx.broadcasts.delete(broadcast_id)

    # Steps

    def _review_notice(self, tx: Transaction, draft: BroadcastDraft) -> Review:
        problems = list(draft.problems(self._clock()))
        html = ""
        try:
            html = compile_notice(draft.content, draft.content_format)
        except InvalidDraft as error:
            problems += error.problems
        count = self._count(tx, draft, problems)
        return Review(draft, count, lambda index: None if index else _notice_sample(draft, html), html=html)

    def _review_email(self, tx: Transaction, draft: BroadcastDraft) -> Review:
        problems = list(draft.problems(self._clock()))
        prepared = None
        try:
            prepared = self._prepare(tx, draft)
        except InvalidDraft as error:
            problems += [problem for problem in error.problems if problem.field not in {p.field for p in problems}]
        count = self._count(tx, draft, problems)
        assert prepared is not None  # noqa: S101 - otherwise `_count` has raised what was wrong
        self._check_values(tx, draft, prepared)
        return Review(draft, count, lambda index: self._nth_sample(draft, prepared, index), domain=prepared.domain)

    def _count(self, tx: Transaction, draft: BroadcastDraft, problems: list[Problem]) -> AudienceCount:
        """Raises InvalidDraft if there are problems, this one included: targets that match nobody."""
        count = tx.audiences.count(draft.audience)
        if draft.audience.targets and not count.matched:
            names = ", ".join(target.label for target in count.targets)
            counted = " or ".join(draft.audience.statuses)
            problems.append(Problem("targets", f"{names}: no customer matches (memberships that are {counted} count)"))
        elif draft.type is BroadcastType.EMAIL and count.matched and not count.recipients:
            problems.append(Problem("targets", "every customer that matches is suppressed"))
        if problems:
            raise InvalidDraft(problems)
        return count

    def _check_values(self, tx: Transaction, draft: BroadcastDraft, prepared: PreparedEmail) -> None:
        """Render for every recipient who lacks a value that the text refers to; the others have nothing to lack."""
        empty: dict[str, list[Customer]] = {}
        failed: list[Problem] = []
        for customer in tx.audiences.lacking(draft.audience, prepared.template.variables):
            try:
                prepared.rendered(customer)
            except EmptyPlaceholder as error:
                empty.setdefault(error.name, []).append(customer)
            except RenderFailed as error:
                failed.append(Problem("content", f"{error} (for {customer.label})"))
        if failed:
            raise InvalidDraft(failed[:NAMED_CUSTOMERS])
        if empty:
            raise _missing_values(empty)

    def _prepare(self, tx: Transaction, draft: BroadcastDraft) -> PreparedEmail:
        return prepare_email(draft, self._settings, known_placeholders(tx.customers.attribute_names()))

    def _nth_sample(self, draft: BroadcastDraft, prepared: PreparedEmail, index: int) -> Sample | None:
        with self._store.read() as tx:
            customers = list(islice(tx.audiences.recipients(draft.audience, offset=index, limit=1), 1))
        return _sample_for(prepared, customers[0]) if customers else None

    def _store_released(
        self, tx: Transaction, review: Review, status: BroadcastStatus, key: str | None, draft_id: int | None
    ) -> Broadcast:
        now = self._clock()
        if draft_id is None:
            return tx.broadcasts.add(review.draft, status, now, html=review.html, key=key)
        _refuse_unless(tx.broadcasts.get(draft_id), _SENDABLE, "was sent already")
        tx.broadcasts.replace(draft_id, review.draft, now, html=review.html)
        tx.broadcasts.set_status(draft_id, status, now)
        return tx.broadcasts.get(draft_id)

    def _start(self, broadcast: Broadcast) -> None:
        not_after = broadcast.draft.not_after
        if not_after is not None and not_after <= self._clock():
            self._set_status(broadcast.id, BroadcastStatus.CANCELLED, "too late: --not-after has passed")
            return
        if broadcast.status is BroadcastStatus.FREEZING:
            self._freeze(broadcast, self.prepared(broadcast.id).domain)
            return
        review = self.review(replace(broadcast.draft, at=None))
        self._set_status(broadcast.id, BroadcastStatus.FREEZING)
        self._freeze(broadcast, review.domain)

    def _freeze(self, broadcast: Broadcast, domain: str) -> None:
        """In chunks, each its own transaction, so that no writer waits long; invisible until the last one."""
        done = False
        while not done:
            with self._store.begin() as tx:
                done = tx.outbox.freeze_chunk(broadcast.id, broadcast.draft.audience, domain, self._clock())
                if done:
                    tx.outbox.finish_freezing(broadcast.id, self._clock())

    def _set_status(self, broadcast_id: int, status: BroadcastStatus, note: str = "") -> None:
        with self._store.begin() as tx:
            tx.broadcasts.set_status(broadcast_id, status, self._clock(), note)


_EDITABLE = (BroadcastStatus.DRAFT, BroadcastStatus.SCHEDULED, BroadcastStatus.PUBLISHED)
_CANCELLABLE = (BroadcastStatus.SCHEDULED, BroadcastStatus.FREEZING, BroadcastStatus.QUEUED, BroadcastStatus.PAUSED)
_SENDABLE = (BroadcastStatus.DRAFT, BroadcastStatus.SCHEDULED, BroadcastStatus.PAUSED)


def _refuse_unless(broadcast: Broadcast, statuses: Any, why_not: str) -> None:
    if broadcast.status not in statuses:
        raise InvalidInput(
            f"Broadcast {broadcast.id} is {broadcast.status} and {why_not}", hint=f"ummsg broadcast show {broadcast.id}"
        )


def _released_status(draft: BroadcastDraft, now: datetime) -> BroadcastStatus:
    if draft.type is BroadcastType.NOTICE:
        return BroadcastStatus.PUBLISHED
    return BroadcastStatus.SCHEDULED if draft.at is not None and draft.at > now else BroadcastStatus.FREEZING


def _same_by_key(tx: Transaction, key: str, draft: BroadcastDraft) -> Broadcast | None:
    earlier = tx.broadcasts.by_key(key)
    if earlier is not None and earlier.digest != draft.digest():
        raise InvalidInput(
            f"The idempotency key {key!r} was used for broadcast {earlier.id}, which has other content or targets",
            hint=f"ummsg broadcast show {earlier.id}, or another --idempotency-key",
        )
    return earlier


def _sample_for(prepared: PreparedEmail, customer: Customer) -> Sample:
    try:
        rendered = prepared.rendered(customer)
    except EmptyPlaceholder as error:
        raise _missing_values({error.name: [customer]}) from None
    except RenderFailed as error:
        raise InvalidDraft([Problem("content", f"{error} (for {customer.label})")]) from None
    return Sample(customer, rendered.subject, rendered.html, rendered.text)


def _notice_sample(draft: BroadcastDraft, html: str) -> Sample:
    return Sample(None, draft.subject, html, html_to_text(html))


def _missing_values(empty: dict[str, list[Customer]]) -> MissingValues:
    details = []
    for name, customers in sorted(empty.items()):
        details.append(f"{name} is empty for {len(customers):,} of the recipients:")
        details += [f"  {customer.id}  {customer.label}" for customer in customers[:NAMED_CUSTOMERS]]
        if len(customers) > NAMED_CUSTOMERS:
            details.append(f"  … and {len(customers) - NAMED_CUSTOMERS:,} more")
    name = next(iter(sorted(empty)))
    return MissingValues(
        "A placeholder is empty for some of the recipients; nothing was sent",
        details=details,
        hint=f'give a default, {{{{ {name} or "…" }}}}, or fill the value in and import again',
    )
