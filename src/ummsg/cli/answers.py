"""What the flags of `broadcast new`, or its wizard, have collected so far, and the one draft that both end in."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.customer import Customer, Product
from ummsg.domain.duration import shown_duration
from ummsg.domain.wall_time import LocalTime
from ummsg.vocabulary import COUNTING_STATUSES, BroadcastType, ContentFormat, MembershipStatus, NoticeType


@dataclass
class Answers:
    """As far as collected: None, or nothing, is what has not been answered. Datetimes are aware."""

    type: BroadcastType | None = None
    customers: list[Customer] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    everyone: bool = False
    membership_statuses: list[MembershipStatus] = field(default_factory=list)
    notice_type: NoticeType | None = None
    subject: str | None = None
    content: str | None = None
    content_format: ContentFormat = ContentFormat.MARKDOWN
    at: datetime | None = None
    at_local: LocalTime | None = None
    not_after: datetime | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    sender: str = ""
    reply_to: str = ""
    attempts: int | None = None
    retry_for: timedelta | None = None

    @property
    def has_targets(self) -> bool:
        return bool(self.customers or self.products or self.everyone)


def missing(answers: Answers) -> list[str]:
    """The flags that still have to be given, as they are typed."""
    given = {
        "--type": answers.type is not None,
        "--customer (or --product, or --everyone)": answers.has_targets,
        "--subject": answers.subject is not None,
        "--content (or --content-file)": answers.content is not None,
    }
    return [flag for flag, is_given in given.items() if not is_given]


def to_draft(answers: Answers) -> BroadcastDraft:
    """The draft, as far as it goes: a text that is missing is empty. Raises ValueError before there is a type."""
    if answers.type is None:
        raise ValueError("a draft has a type")
    return BroadcastDraft(
        type=answers.type,
        audience=Audience.of(_targets(answers), answers.membership_statuses),
        subject=answers.subject or "",
        content=answers.content or "",
        content_format=answers.content_format,
        notice_type=answers.notice_type or NoticeType.SUCCESS,
        at=answers.at,
        at_local=answers.at_local,
        not_after=answers.not_after,
        starts=answers.starts,
        ends=answers.ends,
        sender=answers.sender,
        reply_to=answers.reply_to,
        attempts=answers.attempts,
        retry_for=answers.retry_for,
    )


def from_draft(draft: BroadcastDraft, customers: list[Customer], products: list[Product]) -> Answers:
    """The answers that gave a stored draft; what is empty in it has not been answered."""
    return Answers(
        type=draft.type,
        customers=customers,
        products=products,
        everyone=draft.audience.everyone,
        membership_statuses=[] if draft.audience.statuses == COUNTING_STATUSES else list(draft.audience.statuses),
        notice_type=draft.notice_type if draft.type is BroadcastType.NOTICE else None,
        subject=draft.subject or None,
        content=draft.content or None,
        content_format=draft.content_format,
        at=draft.at,
        at_local=draft.at_local,
        not_after=draft.not_after,
        starts=draft.starts,
        ends=draft.ends,
        sender=draft.sender,
        reply_to=draft.reply_to,
        attempts=draft.attempts,
        retry_for=draft.retry_for,
    )


def equivalent_command(answers: Answers) -> str:
    """The command line that gives the same draft, quoted for a POSIX shell; a text of many lines stays one word."""
    return shlex.join(["ummsg", "broadcast", "new", *chain.from_iterable(_options(answers))])


def _targets(answers: Answers) -> list[Target]:
    targets = [Target.customer(customer.id) for customer in answers.customers]
    targets += [Target.product(product.id) for product in answers.products]
    return targets + ([Target.everyone()] if answers.everyone else [])


def _options(answers: Answers) -> Iterator[tuple[str, ...]]:
    if answers.type is not None:
        yield "--type", answers.type.value
    if answers.everyone:
        yield ("--everyone",)
    for customer in answers.customers:
        yield "--customer", customer.email
    for product in answers.products:
        yield "--product", product.slug
    for status in answers.membership_statuses:
        yield "--membership-status", status.value
    if answers.notice_type is not None:
        yield "--notice-type", answers.notice_type.value
    yield from _texts(answers)
    for name in ("at", "at_local", "not_after", "starts", "ends"):
        if (moment := getattr(answers, name)) is not None:
            yield f"--{name.replace('_', '-')}", moment.isoformat()
    if answers.attempts is not None:
        yield "--attempts", str(answers.attempts)
    if answers.retry_for is not None:
        yield "--retry-for", shown_duration(answers.retry_for)


def _texts(answers: Answers) -> Iterator[tuple[str, str]]:
    if answers.subject is not None:
        yield "--subject", answers.subject
    if answers.content is not None:
        yield "--content", answers.content
    if answers.content_format is not ContentFormat.MARKDOWN:
        yield "--content-format", answers.content_format.value
    if answers.sender:
        yield "--from", answers.sender
    if answers.reply_to:
        yield "--reply-to", answers.reply_to
