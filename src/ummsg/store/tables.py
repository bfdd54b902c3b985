"""The schema, as SQLModel tables. `migrations/` builds the same one step by step; a test compares the two.

Not here, because no other database spells them alike: the full-text index `customers_fts` and the triggers
that keep it in step with `customers` (migration 0001, read by `search.py`).
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

metadata: MetaData = SQLModel.metadata


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC without its zone, read back aware. A naive time is refused."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def stored_moment(value: datetime) -> str:
    """An aware time as SQLite holds it, for statements that go to the driver itself."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def table_of(model: type[SQLModel]) -> Table:
    """A model's table, for statements that handle sets of rows."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _moment(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime(), nullable=nullable))


def _text(default: str | None = "") -> Any:
    return Field(default=default, sa_type=Text)


class CustomerRow(SQLModel, table=True):
    __tablename__ = "customers"

    id: int = Field(default=None, primary_key=True)
    external_id: str | None = Field(default=None, sa_type=Text, unique=True)
    email: str = _text()
    email_key: str = Field(sa_type=Text, unique=True)
    name: str = _text()
    locale: str = _text()
    timezone: str = _text()
    registered_at: datetime | None = _moment()
    email_verification: str = _text()
    attributes: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))


class AttributeNameRow(SQLModel, table=True):
    """Every attribute that any customer ever had: what `customer_<name>` may refer to."""

    __tablename__ = "attribute_names"

    name: str = Field(sa_type=Text, primary_key=True)


class ProductRow(SQLModel, table=True):
    __tablename__ = "products"

    id: int = Field(default=None, primary_key=True)
    external_id: str | None = Field(default=None, sa_type=Text, unique=True)
    slug: str = Field(sa_type=Text, unique=True)
    name: str = _text()
    type: str = _text()
    active: bool = True


class MembershipRow(SQLModel, table=True):
    __tablename__ = "memberships"
    __table_args__ = (
        Index("ix_memberships_product", "product_id", "status", "customer_id"),
        Index("ix_memberships_customer", "customer_id", "product_id", "status"),
    )

    id: int = Field(default=None, primary_key=True)
    external_id: str | None = Field(default=None, sa_type=Text, unique=True)
    customer_id: int = Field(sa_column=Column(ForeignKey("customers.id", ondelete="CASCADE"), nullable=False))
    product_id: int = Field(sa_column=Column(ForeignKey("products.id"), nullable=False))
    status: str = _text()
    starts_at: datetime | None = _moment()
    expires_at: datetime | None = _moment()


class SuppressionRow(SQLModel, table=True):
    __tablename__ = "suppressions"

    email_key: str = Field(sa_type=Text, primary_key=True)
    email: str = _text()
    reason: str = _text()
    created_at: datetime = _moment(nullable=False)


class SuppressionProposalRow(SQLModel, table=True):
    """An address that a server has said does not exist, until somebody decides."""

    __tablename__ = "suppression_proposals"

    email_key: str = Field(sa_type=Text, primary_key=True)
    email: str = _text()
    reason: str = _text()
    created_at: datetime = _moment(nullable=False)


class BroadcastRow(SQLModel, table=True):
    __tablename__ = "broadcasts"

    id: int = Field(default=None, primary_key=True)
    type: str = _text()
    status: str = Field(sa_type=Text, index=True)
    subject: str = _text()
    content: str = _text()
    content_format: str = _text()
    html: str = _text()
    notice_type: str = _text()
    membership_statuses: list[str] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime | None = _moment()
    at_local: datetime | None = Field(default=None, sa_column=Column(DateTime()))
    """A wall time, of no zone: each customer's own clock shows it at another moment."""
    default_zone: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": text("''")})
    """Whose time that is for customers without a zone."""
    not_after: datetime | None = _moment()
    starts: datetime | None = _moment()
    ends: datetime | None = _moment()
    sender: str = _text()
    reply_to: str = _text()
    note: str = _text()
    targeted: int = 0
    """Recipients that the audience was frozen to."""
    frozen_through: int = 0
    """The highest customer id that freezing has dealt with."""
    planned_audience: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": text("''")})
    """The digest of the audience that a plan says, if it is to be frozen to that and no other."""
    attempts: int | None = None
    """How often a delivery is tried, and for how long, if not as usual."""
    retry_seconds: int | None = None
    recent: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": text("''")})
    """Its last results, a letter each (`domain/error_rate.py`)."""
    idempotency_key: str | None = Field(default=None, sa_type=Text, unique=True)
    digest: str = _text()
    created_at: datetime = _moment(nullable=False)
    updated_at: datetime = _moment(nullable=False)


class TargetRow(SQLModel, table=True):
    """A target of a broadcast; `ref_id` is a customer's or a product's id, or 0 for everyone."""

    __tablename__ = "broadcast_targets"
    __table_args__ = (
        Index("ix_broadcast_targets_ref", "kind", "ref_id"),
        Index(
            "ix_broadcast_targets_live",
            *("kind", "ref_id", "live_until", "broadcast_id"),
            sqlite_where=text("live_until IS NOT NULL"),
        ),
    )

    broadcast_id: int = Field(sa_column=Column(ForeignKey("broadcasts.id", ondelete="CASCADE"), primary_key=True))
    kind: str = Field(sa_type=Text, primary_key=True)
    ref_id: int = Field(primary_key=True)
    live_until: datetime | None = _moment()
    """When a published notice ends, or the end of time: what is live is found without looking at what was."""


class EmailRow(SQLModel, table=True):
    """A system email as it is installed; `texts` and `base` hold subject, content and format by locale."""

    __tablename__ = "emails"

    id: int = Field(default=None, primary_key=True)
    slug: str = Field(sa_type=Text, unique=True)
    event: str = Field(sa_type=Text, index=True)
    target: str = _text()
    title: str = _text()
    description: str = _text()
    style: str = _text()
    active: bool = True
    after_seconds: int = 0
    sender: str = _text()
    copy_to_admins: bool = False
    texts: dict[str, dict[str, str]] = Field(sa_column=Column(JSON, nullable=False))
    base: dict[str, dict[str, str]] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """The default's texts that the copy was last brought level with; none for an own email."""
    created_at: datetime = _moment(nullable=False)
    updated_at: datetime = _moment(nullable=False)


class EmailVersionRow(SQLModel, table=True):
    """Texts and settings that a system email had until `replaced_at`."""

    __tablename__ = "email_versions"

    email_id: int = Field(sa_column=Column(ForeignKey("emails.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(primary_key=True)
    settings: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    texts: dict[str, dict[str, str]] = Field(sa_column=Column(JSON, nullable=False))
    why: str = _text()
    replaced_at: datetime = _moment(nullable=False)


class EventRow(SQLModel, table=True):
    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("slug", "dedupe_key", name="uq_events_dedupe"),
        Index("ix_events_dedupe", "dedupe_key", sqlite_where=text("dedupe_key IS NOT NULL")),
        Index("ix_events_fired", "fired_at"),
    )

    id: int = Field(default=None, primary_key=True)
    slug: str = _text()
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    dedupe_key: str | None = _text(None)
    not_after: datetime | None = _moment()
    fired_at: datetime = _moment(nullable=False)


class DeliveryRow(SQLModel, table=True):
    """A broadcast's delivery has a `broadcast_id`; a system email's has an `event_id` and an `email_id` instead."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("broadcast_id", "email_key", name="uq_deliveries_recipient"),
        Index("ix_deliveries_status", "broadcast_id", "status", "due_at"),
        Index("ix_deliveries_customer", "customer_id"),
        Index(
            "uq_deliveries_event",
            *("event_id", "email_id", "email_key"),
            unique=True,
            sqlite_where=text("broadcast_id IS NULL"),
        ),
        Index("ix_deliveries_system", "status", "due_at", sqlite_where=text("broadcast_id IS NULL")),
        Index("ix_deliveries_email", "email_id", "status", "updated_at", sqlite_where=text("broadcast_id IS NULL")),
        Index(
            "ix_deliveries_waiting",
            *("waits_for", "broadcast_id", "id"),
            sqlite_where=text("waits_for IS NOT NULL AND status = 'queued'"),
        ),
    )

    id: int = Field(default=None, primary_key=True)
    broadcast_id: int | None = Field(sa_column=Column(ForeignKey("broadcasts.id")))
    event_id: int | None = Field(sa_column=Column(ForeignKey("events.id")))
    email_id: int | None = Field(sa_column=Column(ForeignKey("emails.id")))
    customer_id: int | None = Field(sa_column=Column(ForeignKey("customers.id", ondelete="SET NULL")))
    email: str = _text()
    email_key: str = _text()
    status: str = _text()
    message_id: str = _text()
    attempts: int = 0
    due_at: datetime | None = _moment()
    claim_token: str | None = _text(None)
    lease_until: datetime | None = _moment()
    reply: str = _text()
    updated_at: datetime = _moment(nullable=False)
    attempts_before: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Attempts made before an admin had it sent again: they do not count towards giving up."""
    tried_since: datetime | None = _moment()
    """When the first attempt that counts was deferred."""
    waits_for: str | None = _text(None)
    """The domain for whose limit it waits its turn, in a line of its own and with no `due_at`."""


class AttemptRow(SQLModel, table=True):
    """A delivery's history; a first attempt that succeeded has no row until it bounces, its delivery says it all."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_delivery", "delivery_id"),)

    id: int = Field(default=None, primary_key=True)
    delivery_id: int = Field(sa_column=Column(ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False))
    number: int
    at: datetime = _moment(nullable=False)
    status: str = _text()
    reply: str = _text()


class BounceRow(SQLModel, table=True):
    """A bounce that was dealt with, by the hash of the message: met again, it changes nothing."""

    __tablename__ = "bounces"
    __table_args__ = (Index("ix_bounces_delivery", "delivery_id"),)

    digest: str = Field(sa_type=Text, primary_key=True)
    delivery_id: int | None = Field(sa_column=Column(ForeignKey("deliveries.id", ondelete="SET NULL")))
    verdict: str = _text()
    reply: str = _text()
    noted_at: datetime = _moment(nullable=False)


class IdentityRow(SQLModel, table=True):
    """Which database this is: one row, made with it."""

    __tablename__ = "identity"

    id: str = Field(sa_type=Text, primary_key=True)


class LimitKeptRow(SQLModel, table=True):
    """A limit that some drain keeps: of all mail (an empty scope) or of a domain, for a span of so many seconds."""

    __tablename__ = "limits_kept"

    scope: str = Field(sa_type=Text, primary_key=True)
    seconds: int = Field(primary_key=True)


class LimitUseRow(SQLModel, table=True):
    """Messages that were handed over, as each limit counts them; rows whose span is over are deleted."""

    __tablename__ = "limit_uses"

    scope: str = Field(sa_type=Text, primary_key=True)
    seconds: int = Field(primary_key=True)
    booked_at: datetime = Field(sa_column=Column(UtcDateTime(), primary_key=True))
    number: int


class LimitHoldRow(SQLModel, table=True):
    """A message outside the outbox (a test) that is on the way, at the latest until then."""

    __tablename__ = "limit_holds"

    id: int = Field(default=None, primary_key=True)
    email: str = _text()
    until: datetime = _moment(nullable=False)


class DismissalRow(SQLModel, table=True):
    __tablename__ = "dismissals"

    broadcast_id: int = Field(sa_column=Column(ForeignKey("broadcasts.id", ondelete="CASCADE"), primary_key=True))
    customer_id: int = Field(sa_column=Column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True))
    dismissed_at: datetime = _moment(nullable=False)


class TokenRow(SQLModel, table=True):
    """A token that the served feed takes: not itself, but what is kept of it (`domain/token.py`)."""

    __tablename__ = "tokens"
    __table_args__ = (
        Index("ix_tokens_customer", "customer_id"),
        Index("ix_tokens_expires", "expires_at"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    kind: str = _text()
    kept: str = _text()
    customer_id: int | None = Field(sa_column=Column(ForeignKey("customers.id", ondelete="CASCADE")))
    note: str = _text()
    created_at: datetime = _moment(nullable=False)
    expires_at: datetime | None = _moment()
    revoked_at: datetime | None = _moment()


class NetworkRow(SQLModel, table=True):
    """The network that is connected, and how far it has been read."""

    __tablename__ = "networks"

    id: int = Field(default=None, primary_key=True)
    url: str = _text()
    user: str = _text()
    directory: str = _text()
    connected_at: datetime = _moment(nullable=False)
    synced_at: datetime | None = _moment()
    listing: str | None = _text(None)
    """What a sync that has not ended was reading, and which id it had come to."""
    after: int = 0
    dismissals_after: int = 0


class NetworkIdRow(SQLModel, table=True):
    """Which id of the network a customer, product or membership stands for; `missed` when it was not there any more."""

    __tablename__ = "network_ids"
    __table_args__ = (Index("ix_network_ids_row", "listing", "row_id"),)

    listing: str = Field(sa_type=Text, primary_key=True)
    network_id: int = Field(primary_key=True)
    row_id: int = Field(primary_key=True)
    missed: bool = False


class NetworkPageRow(SQLModel, table=True):
    """A page of a listing as it was read last, all of it good: who is told its digest does not say it again."""

    __tablename__ = "network_pages"

    listing: str = Field(sa_type=Text, primary_key=True)
    after: int = Field(primary_key=True)
    digest: str = _text()
    next: int | None = None


class GoneCustomerRow(SQLModel, table=True):
    """A customer who is not on the network any more, and not mailed."""

    __tablename__ = "gone_customers"

    customer_id: int = Field(sa_column=Column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True))
    since: datetime = _moment(nullable=False)


class PublicationRow(SQLModel, table=True):
    """What the network is to hold of a notice, and how far that has come (`domain/publication.py`)."""

    __tablename__ = "publications"
    __table_args__ = (Index("ix_publications_due", "due_at"),)

    notice_id: int = Field(sa_column=Column(ForeignKey("broadcasts.id", ondelete="CASCADE"), primary_key=True))
    revision: int
    edition: int = 0
    settled: int = 0
    there: bool = False
    attempts: int = 0
    due_at: datetime | None = _moment()
    claim_token: str | None = _text(None)
    lease_until: datetime | None = _moment()
    reply: str = _text("")
