"""What an audience resolves to: the one place where the rule that says who is SQL."""

import unicodedata
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlmodel import Session

from ummsg.domain.audience import Audience, AudienceCount, Match, Target, TargetCount
from ummsg.domain.customer import Customer
from ummsg.domain.placeholders import ATTRIBUTE_PREFIX, CUSTOMER
from ummsg.store.gone import still_there
from ummsg.store.rows import customer_of
from ummsg.store.tables import CustomerRow, MembershipRow, ProductRow, SuppressionRow, table_of
from ummsg.vocabulary import MembershipStatus, TargetKind

customers = table_of(CustomerRow)
memberships = table_of(MembershipRow)
products = table_of(ProductRow)
suppressions = table_of(SuppressionRow)

_NOT_SUPPRESSED = suppressions.c.email_key.is_(None)


def members(audience: Audience) -> ColumnElement[bool]:
    """The condition on `customers` that says who is in the audience, suppressed or not; nobody who is gone is."""
    if audience.everyone:
        return still_there()
    chosen = audience.ids(TargetKind.CUSTOMER)
    bought = audience.ids(TargetKind.PRODUCT)
    return and_(still_there(), or_(customers.c.id.in_(chosen), customers.c.id.in_(_on_products(bought, audience))))


def _on_products(product_ids: Collection[int], audience: Audience) -> Select[Any]:
    return select(memberships.c.customer_id).where(
        memberships.c.product_id.in_(product_ids), memberships.c.status.in_(audience.statuses)
    )


def with_suppression() -> Any:
    return customers.outerjoin(suppressions, suppressions.c.email_key == customers.c.email_key)


class Audiences:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def count(self, audience: Audience, *, mailed: bool = True) -> AudienceCount:
        """How many customers each target matches, and what remains of them; a notice is not `mailed`, so that a
        suppressed address leaves nobody out."""
        by_reason = (
            select(suppressions.c.reason, func.count())
            .join(customers, customers.c.email_key == suppressions.c.email_key)
            .where(members(audience))
            .group_by(suppressions.c.reason)
        )
        suppressed = {row[0]: row[1] for row in self._execute(by_reason)} if mailed else {}
        matched = self._number_of(audience)
        return AudienceCount(
            targets=tuple(self._target_count(target, audience, matched) for target in audience.targets),
            recipients=matched - sum(suppressed.values()),
            suppressed=suppressed,
        )

    def recipients(self, audience: Audience, *, offset: int = 0, limit: int | None = None) -> Iterator[Customer]:
        """The customers who would be mailed, in the order in which they would be."""
        yield from self._customers(members(audience), offset, limit)

    def everybody(self, audience: Audience) -> Iterator[tuple[int, str, str]]:
        """By id, each with the normalised address, and the reason if it is suppressed; read as they are taken."""
        chosen = select(customers.c.id, customers.c.email_key, func.coalesce(suppressions.c.reason, ""))
        rows = self._execute(
            chosen.select_from(with_suppression()).where(members(audience)).order_by(customers.c.id),
            execution_options={"yield_per": 2_000},
        )
        for row in rows:
            yield row[0], row[1], row[2]

    def groups(
        self, audience: Audience, variables: Collection[str], weighed: AbstractSet[str]
    ) -> Iterator[tuple[Customer, int]]:
        """The recipients, one for each group of those who are alike in these placeholders, with how many it has.

        Alike are who have a value for the same ones, and the same value for those that are `weighed`; a value that is
        nothing but blanks counts as itself.
        """
        if weighed & _UNIQUE:
            yield from ((customer, 1) for customer in self.recipients(audience))
            return
        first = (
            select(func.min(customers.c.id).label("id"), func.count().label("number"))
            .select_from(with_suppression())
            .where(members(audience), _NOT_SUPPRESSED)
            .group_by(*_traits(variables, weighed))
            .subquery()
        )
        rows = self._execute(
            select(customers, first.c.number).join(first, first.c.id == customers.c.id).order_by(customers.c.id)
        )
        yield from ((customer_of(row[:-1]), row.number) for row in rows)

    def alike(
        self, audience: Audience, variables: Collection[str], weighed: AbstractSet[str], customer_id: int, limit: int
    ) -> list[Customer]:
        """Recipients of the group that this one is in."""
        traits = _traits(variables, weighed)
        theirs = self._execute(select(*traits).where(customers.c.id == customer_id)).one()
        same = [trait == value for trait, value in zip(traits, theirs, strict=True)]
        return list(self._customers(and_(members(audience), *same), limit=limit))

    def labels(self, audience: Audience) -> list[str]:
        """The targets in words."""
        return [self._label(target) for target in audience.targets]

    def matches(self, audience: Audience, customer_id: int) -> list[Match]:
        """The targets that concern a customer now; a product's for each membership, whether or not it counts."""
        whoever = (Target.everyone(), Target.customer(customer_id))
        found = [Match(target, self._label(target)) for target in audience.targets if target in whoever]
        of_theirs = select(memberships.c.product_id, memberships.c.status).where(
            memberships.c.customer_id == customer_id,
            memberships.c.product_id.in_(audience.ids(TargetKind.PRODUCT)),
        )
        for product_id, status in self._execute(of_theirs.distinct().order_by(*of_theirs.selected_columns)).all():
            target = Target.product(product_id)
            counts = status in audience.statuses
            found.append(Match(target, self._label(target), MembershipStatus(status), counts))
        return found

    def _customers(
        self, condition: ColumnElement[bool], offset: int = 0, limit: int | None = None
    ) -> Iterator[Customer]:
        rows = self._execute(
            select(customers)
            .select_from(with_suppression())
            .where(condition, _NOT_SUPPRESSED)
            .order_by(customers.c.id)
            .offset(offset or None)
            .limit(limit)
        )
        return map(customer_of, rows)

    def _target_count(self, target: Target, audience: Audience, matched: int) -> TargetCount:
        """`matched` is how many all targets match together: a million are not counted twice for the only one."""
        only = len(audience.targets) == 1
        number = matched if only else self._number_of(Audience((target,), audience.statuses))
        return TargetCount(target, self._label(target), number)

    def _number_of(self, audience: Audience) -> int:
        return int(self._execute(select(func.count()).select_from(customers).where(members(audience))).scalar_one())

    def _label(self, target: Target) -> str:
        if target.kind is TargetKind.EVERYONE:
            return "everyone"
        table = products if target.kind is TargetKind.PRODUCT else customers
        row = self._execute(select(table).where(table.c.id == target.ref_id)).first()
        if row is None:
            return f"{target.kind} {target.ref_id} (deleted)"
        return f"{row.name} ({row.slug})" if target.kind is TargetKind.PRODUCT else f"{row.name} <{row.email}>"


_UNIQUE = {"customer_id", "customer_user_email"}
"""No two customers share one, and everybody has one."""

_COLUMNS: dict[str, ColumnElement[Any]] = {
    "customer_email_verification": customers.c.email_verification,
    "customer_name": customers.c.name,
    "customer_locale": customers.c.locale,
    "customer_timezone": customers.c.timezone,
}


def _column(variable: str) -> ColumnElement[Any] | None:
    """Where a placeholder's value is; None for those that are unique or are not about the customer."""
    if variable in _COLUMNS:
        return _COLUMNS[variable]
    if variable in CUSTOMER or not variable.startswith(ATTRIBUTE_PREFIX):
        return None
    value: ColumnElement[Any] = customers.c.attributes[variable.removeprefix(ATTRIBUTE_PREFIX)].as_string()
    return value


_BLANKS = "".join(c for c in map(chr, range(1, 0x3001)) if c.isspace() or unicodedata.category(c) == "Cc")
"""What may be all of a value without anything of it being seen."""


def _traits(variables: Collection[str], weighed: AbstractSet[str]) -> list[ColumnElement[Any]]:
    """What recipients are told apart by; never nothing, so that an empty audience has no group."""
    found: list[ColumnElement[Any]] = [literal(0)]
    for name in sorted(variables):
        if (column := _column(name)) is not None:
            value = func.coalesce(column, "")
            found.append(value if name in weighed else _blank_or(value))
    return found


def _blank_or(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A value that is nothing but blanks as it is, and the same for all others. One that begins with a visible
    character of ASCII is soon dealt with."""
    return case((value.between("!", "~~"), "x"), (func.trim(value, _BLANKS) == "", value), else_="x")
