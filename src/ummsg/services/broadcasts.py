"""Composing and releasing broadcasts: review, store, freeze, edit, cancel."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from ummsg.config import Settings
from ummsg.domain.broadcast import TOO_LATE, Broadcast, BroadcastDraft
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import Counts, Delivery
from ummsg.domain.wall_time import LocalMoments, LocalSpan
from ummsg.errors import InvalidDraft, InvalidInput, PlanOutdated, TooLate, UmmsgError
from ummsg.services.plans import MAKE_IT_AGAIN, audience_digest
from ummsg.services.preflight import Watch
from ummsg.services.prepared_email import PreparedEmail
from ummsg.services.reviews import Review, Reviews, Sample
from ummsg.store.engine import Store, Transaction
from ummsg.store.freezing import FREEZE_CHUNK, FREEZING_CACHE_KIB, next_chunk
from ummsg.vocabulary import BroadcastStatus, BroadcastType, DeliveryStatus

__all__ = ["Broadcasts", "Review", "Sample"]


class Broadcasts:
    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._reviews = Reviews(store, settings, clock)

    # Before anything is stored

    def review(
        self, draft: BroadcastDraft, *, render_all: bool = False, watch: Watch = lambda done, total: None
    ) -> Review:
        """Check everything that could embarrass, for every recipient; with `render_all` by making everyone's message,
        although less would prove it.

        Raises InvalidDraft with all problems of the text, times and targets, MissingValues with the customers for
        whom a placeholder is empty, NotConfigured when nobody is set as the sender.
        """
        return self._reviews.review(draft, render_all=render_all, watch=watch)

    def complaint(self, draft: BroadcastDraft, field: str) -> str:
        """What is wrong with the subject or the content by itself; nothing if it may stand."""
        return self._reviews.complaint(draft, field)

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

    def release(
        self, review: Review, *, key: str | None = None, draft_id: int | None = None, planned_audience: str = ""
    ) -> Broadcast:
        """Take a reviewed draft on: publish a notice, schedule an email, or store it as one to be frozen.

        With a `key` that another call used first, nothing is stored and that broadcast is returned. An email that is
        not scheduled is frozen to the audience with the digest `planned_audience`, if there is one, or to nobody.
        """
        now = self._clock()
        with self._store.begin() as tx:
            if key and (earlier := _same_by_key(tx, key, review.draft)):
                return earlier
            status = _released_status(review.draft, now)
            planned_audience = planned_audience if status is BroadcastStatus.FREEZING else ""
            return self._store_released(tx, review, status, key, draft_id, planned_audience)

    def freeze(self, broadcast: Broadcast) -> Broadcast:
        """Write the audience of one that is `freezing` down as deliveries; any other is returned as it stands.

        In chunks, each its own transaction, so that no writer waits long; invisible until the last one. What a
        failure leaves half frozen is finished by `release_due`. Raises PlanOutdated for one that a plan is about, if
        its audience has changed meanwhile: it is cancelled then.
        """
        if broadcast.status is not BroadcastStatus.FREEZING:
            return broadcast
        domain = self.prepared(broadcast.id).domain
        due = LocalMoments.of(broadcast.draft.at_local) if broadcast.draft.at_local else None
        try:
            self._freeze_chunks(broadcast, domain, due)
            self._finish_freezing(broadcast)
        except PlanOutdated:
            raise
        except UmmsgError as error:
            error.details.append(f"broadcast {broadcast.id} is stored, and nobody has been mailed yet")
            error.hint = "ummsg outbox run, which goes on with it"
            raise
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
            except (PlanOutdated, TooLate) as error:
                refused.append((broadcast_id, error))
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

    def local_span(self, broadcast: Broadcast) -> LocalSpan | None:
        """From when to when it is due, of one that goes by its customers' own time, for those that it is for."""
        with self._store.read() as tx:
            return self._reviews.span_of(tx, broadcast)

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
            return self._reviews.sample(tx, tx.broadcasts.get(broadcast_id).draft, customer)

    def prepared(self, broadcast_id: int) -> PreparedEmail:
        with self._store.read() as tx:
            return self._reviews.prepare(tx, tx.broadcasts.get(broadcast_id).draft)

    def edit(self, broadcast_id: int, changes: dict[str, Any], *, reshow: bool = False) -> Broadcast:
        """Change a draft, a scheduled email or a notice; `reshow` forgets who dismissed the notice.

        Raises InvalidDraft for a change that is wrong by itself, and unless it is a draft, as `review` does.
        """
        broadcast = self.get(broadcast_id)
        _refuse_unless(broadcast, _EDITABLE, "can no longer be edited")
        if reshow and broadcast.type is not BroadcastType.NOTICE:
            raise InvalidInput("--reshow is for notices; an email has no dismissals")
        draft = replace(broadcast.draft, **changes)
        problems = [one for one in draft.problems(self._clock()) if one.field.replace("-", "_") in changes]
        if problems:
            raise InvalidDraft(problems)
        html = "" if broadcast.status is BroadcastStatus.DRAFT else self.review(draft).html
        with self._store.begin() as tx:
            if reshow:
                tx.notices.forget_dismissals(broadcast_id)
            if broadcast.status is BroadcastStatus.PUBLISHED:
                tx.publications.want(broadcast_id, self._clock(), reshow=reshow)
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

    def _store_released(
        self,
        tx: Transaction,
        review: Review,
        status: BroadcastStatus,
        key: str | None,
        draft_id: int | None,
        planned_audience: str,
    ) -> Broadcast:
        now = self._clock()
        if draft_id is None:
            added = tx.broadcasts.add(
                review.draft, status, now, html=review.html, key=key, planned_audience=planned_audience
            )
            draft_id = added.id
        else:
            stored = tx.broadcasts.get(draft_id)
            _refuse_unless(stored, () if stored.frozen else _SENDABLE, "was sent already")
            tx.broadcasts.replace(draft_id, review.draft, now, html=review.html)
            tx.broadcasts.set_status(draft_id, status, now)
        if status is BroadcastStatus.PUBLISHED:
            tx.publications.want(draft_id, now)
        return tx.broadcasts.get(draft_id)

    def _start(self, broadcast: Broadcast) -> None:
        if broadcast.is_too_late(self._clock()):
            self._set_status(broadcast.id, BroadcastStatus.CANCELLED, TOO_LATE)
            raise TooLate(f"It is too late for broadcast {broadcast.id}: its --not-after has passed; nobody got it")
        if broadcast.status is BroadcastStatus.SCHEDULED:
            self.review(broadcast.draft.unscheduled())
            with self._store.begin() as tx:
                if tx.broadcasts.get(broadcast.id).status is not BroadcastStatus.SCHEDULED:
                    return  # another run was faster, or somebody cancelled it meanwhile
                tx.broadcasts.set_status(broadcast.id, BroadcastStatus.FREEZING, self._clock())
        self.freeze(self.get(broadcast.id))

    def _freeze_chunks(self, broadcast: Broadcast, domain: str, due: LocalMoments | None) -> None:
        size, done = FREEZE_CHUNK, False
        while not done:
            began = time.monotonic()
            done = self._freeze_chunk(broadcast, domain, due, size)
            size = next_chunk(size, time.monotonic() - began)

    def _freeze_chunk(self, broadcast: Broadcast, domain: str, due: LocalMoments | None, size: int) -> bool:
        """Whether that was the last one."""
        with self._store.begin(cache_kib=FREEZING_CACHE_KIB) as tx:
            if tx.broadcasts.get(broadcast.id).status is not BroadcastStatus.FREEZING:
                return True  # another run finished it, or somebody cancelled it meanwhile
            return tx.outbox.freeze_chunk(broadcast.id, broadcast.draft.audience, domain, self._clock(), size, due)

    def _finish_freezing(self, broadcast: Broadcast) -> None:
        as_planned = self._is_as_planned(broadcast)
        with self._store.begin() as tx:
            if tx.broadcasts.get(broadcast.id).status is not BroadcastStatus.FREEZING:
                return
            if as_planned:
                tx.outbox.finish_freezing(broadcast.id, self._clock())
                return
            tx.broadcasts.give_up_plan(broadcast.id, self._clock(), "its audience is not the planned one")
            tx.outbox.cancel_open(broadcast.id, "not as planned", self._clock())
        raise PlanOutdated(
            f"The audience of broadcast {broadcast.id} changed while it was written down; nothing of it was sent",
            hint=MAKE_IT_AGAIN,
        )

    def _is_as_planned(self, broadcast: Broadcast) -> bool:
        if not broadcast.planned_audience:
            return True
        with self._store.read() as tx:
            frozen = audience_digest(tx.outbox.everybody(broadcast.id), self._settings.secret_key())
        return frozen == broadcast.planned_audience

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
    waits = draft.released_at is not None and draft.released_at > now
    return BroadcastStatus.SCHEDULED if waits else BroadcastStatus.FREEZING


def _same_by_key(tx: Transaction, key: str, draft: BroadcastDraft) -> Broadcast | None:
    earlier = tx.broadcasts.by_key(key)
    if earlier is not None and earlier.digest != draft.digest():
        raise InvalidInput(
            f"The idempotency key {key!r} was used for broadcast {earlier.id}, which has other content or targets",
            hint=f"ummsg broadcast show {earlier.id}, or another --idempotency-key",
        )
    return earlier
