"""One message composed by an admin: the draft that the wizard and the flags both end in, and what is stored."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from ummsg.domain.audience import Audience
from ummsg.domain.delivery import MAX_AGE, MAX_ATTEMPTS, Retries
from ummsg.domain.duration import shown_duration
from ummsg.domain.message_text import text_problems
from ummsg.domain.wall_time import LocalTime, first_clock_at, last_clock_at
from ummsg.errors import Problem
from ummsg.vocabulary import BroadcastStatus, BroadcastType, ContentFormat, NoticeType

MOST_ATTEMPTS = 50
LONGEST_AGE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class BroadcastDraft:
    """Validated input that is not stored as sent.

    `at` is when an email goes out (None: now), `at_local` what each customer's own clock then shows,
    `not_after` when it is too late for it; `starts` and `ends` are a notice's window. Datetimes are aware.
    `sender` and `reply_to` are `Name <address>` or empty for the settings'.
    `attempts` and `retry_for` bound how an email is tried again, instead of the usual bounds.
    """

    type: BroadcastType
    audience: Audience
    subject: str
    content: str
    content_format: ContentFormat = ContentFormat.MARKDOWN
    notice_type: NoticeType = NoticeType.SUCCESS
    at: datetime | None = None
    not_after: datetime | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    sender: str = ""
    reply_to: str = ""
    at_local: LocalTime | None = None
    attempts: int | None = None
    retry_for: timedelta | None = None

    @property
    def retries(self) -> Retries:
        return Retries(self.attempts or MAX_ATTEMPTS, self.retry_for or MAX_AGE)

    def digest(self) -> str:
        """What `--idempotency-key` compares: equal for equal messages to equal audiences.

        Fields that came later are in it only when they are given: keys that were used before keep their digest.
        """
        fields = {name: value for name, value in asdict(self).items() if value is not None or name not in _CAME_LATER}
        canonical = json.dumps(fields, sort_keys=True, default=_canonical)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def released_at(self) -> datetime | None:
        """When its audience is frozen: at its time, or when the first clock on Earth shows the local one; None: now."""
        if self.at_local is not None:
            return first_clock_at(self.at_local.wall)
        return self.at

    def unscheduled(self) -> "BroadcastDraft":
        return replace(self, at=None, at_local=None)

    def problems(self, now: datetime) -> Iterator[Problem]:
        """Everything wrong with the draft that can be told without the directory or a template engine."""
        if not self.audience.targets:
            yield Problem("targets", "choose customers (--customer), products (--product) or --everyone")
        yield from text_problems(self.subject, self.content)
        yield from self._time_problems(now)
        yield from self._retry_problems()

    def _time_problems(self, now: datetime) -> Iterator[Problem]:
        foreign = ("at", "at_local", "not_after") if self.type is BroadcastType.NOTICE else ("starts", "ends")
        for name in foreign:
            if getattr(self, name) is not None:
                yield Problem(name.replace("_", "-"), f"does not go with --type {self.type}")
        for name in ("at", "not_after", "ends"):
            moment = getattr(self, name)
            if moment is not None and moment <= now:
                yield Problem(name.replace("_", "-"), f"{moment.isoformat(timespec='seconds')} is in the past")
        if self.at and self.at_local:
            yield Problem("at-local", "does not go with --at: give one of them")
        if self.at_local and last_clock_at(self.at_local.wall) <= now:
            yield Problem("at-local", f"{self.at_local.isoformat(timespec='minutes')} is in the past everywhere")
        if self.starts and self.ends and self.ends <= self.starts:
            yield Problem("ends", "is not after --starts")
        if self.at and self.not_after and self.not_after <= self.at:
            yield Problem("not-after", "is not after --at")

    def _retry_problems(self) -> Iterator[Problem]:
        if self.type is BroadcastType.NOTICE:
            for name in ("attempts", "retry_for"):
                if getattr(self, name) is not None:
                    yield Problem(name.replace("_", "-"), "does not go with --type notice")
            return
        if self.attempts is not None and not 1 <= self.attempts <= MOST_ATTEMPTS:
            yield Problem("attempts", f"{self.attempts} is not from 1 to {MOST_ATTEMPTS}")
        if self.retry_for is not None and not timedelta() < self.retry_for <= LONGEST_AGE:
            yield Problem(
                "retry-for", f"{shown_duration(self.retry_for)} is not from 1m to {shown_duration(LONGEST_AGE)}"
            )


_CAME_LATER = ("at_local", "attempts", "retry_for")


def _canonical(value: datetime | timedelta) -> str | float:
    return value.isoformat() if isinstance(value, datetime) else value.total_seconds()


TOO_LATE = "too late: --not-after has passed"
"""Why what was not sent by then is cancelled."""

PAUSABLE = (BroadcastStatus.SCHEDULED, BroadcastStatus.FREEZING, BroadcastStatus.QUEUED)
"""Emails that are on their way, or wait for their time."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A stored broadcast. `html` is a notice's content, sanitised; empty for an email."""

    id: int
    status: BroadcastStatus
    draft: BroadcastDraft
    html: str
    created_at: datetime
    updated_at: datetime
    note: str = ""
    """Why it is paused or cancelled."""
    targeted: int = 0
    """Recipients that the audience was frozen to."""
    idempotency_key: str | None = None
    planned_audience: str = ""
    """The digest of those that it is to be frozen to, if a plan said so."""
    digest: str = ""
    """Of the draft as it was sent; editing a notice later does not change it."""

    @property
    def type(self) -> BroadcastType:
        return self.draft.type

    @property
    def subject(self) -> str:
        return self.draft.subject

    @property
    def frozen(self) -> bool:
        """Whether its audience is written down, every recipient as a delivery."""
        return self.targeted > 0 and self.status is not BroadcastStatus.FREEZING

    @property
    def resumes_as(self) -> BroadcastStatus:
        """Where a paused email goes on: at its deliveries, at its time, or at writing its audience down."""
        if self.frozen:
            return BroadcastStatus.QUEUED
        return BroadcastStatus.FREEZING if self.draft.released_at is None else BroadcastStatus.SCHEDULED

    def is_too_late(self, now: datetime) -> bool:
        return self.draft.not_after is not None and self.draft.not_after <= now
