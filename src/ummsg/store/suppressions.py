"""Addresses that must not be mailed, and those that are proposed to be."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Table, delete, insert, literal, select, true
from sqlmodel import Session

from ummsg.domain.customer import email_key
from ummsg.domain.suppression import Suppression
from ummsg.store.tables import SuppressionProposalRow, SuppressionRow, table_of

suppressions = table_of(SuppressionRow)
proposals = table_of(SuppressionProposalRow)

_NOT_THERE = "OR IGNORE"


class Suppressions:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def add(self, suppression: Suppression) -> bool:
        """Whether it is new; an address that is suppressed already keeps its first reason."""
        return bool(self.add_all([suppression]))

    def add_all(self, found: Sequence[Suppression]) -> int:
        """As `add`, for a chunk of them; returns how many are new. What was proposed of these is thereby settled."""
        keys = [email_key(each.email) for each in found]
        self._execute(delete(proposals).where(proposals.c.email_key.in_(keys)))
        return self._insert(suppressions, found)

    def remove(self, address: str) -> bool:
        """Whether there was one, or a proposal of one."""
        key = email_key(address)
        done = [self._execute(delete(table).where(table.c.email_key == key)) for table in (suppressions, proposals)]
        return any(each.rowcount for each in done)

    def reasons(self, keys: Collection[str]) -> dict[str, str]:
        """Why, for those of these normalised addresses that are suppressed."""
        found = select(suppressions.c.email_key, suppressions.c.reason).where(suppressions.c.email_key.in_(keys))
        return {row.email_key: row.reason for row in self._execute(found)}

    def all(self) -> Iterator[Suppression]:
        return self._all(suppressions)

    # Proposals

    def propose(self, found: Sequence[Suppression]) -> int:
        """Propose those that are neither suppressed nor proposed; returns how many that were."""
        suppressed = self.reasons([email_key(each.email) for each in found])
        return self._insert(proposals, [each for each in found if email_key(each.email) not in suppressed])

    def proposed(self) -> Iterator[Suppression]:
        return self._all(proposals)

    def accept(self, keys: Collection[str] | None, now: datetime) -> list[str]:
        """Suppress what is proposed: of these normalised addresses, or all. Returns the addresses."""
        chosen = true() if keys is None else proposals.c.email_key.in_(keys)
        columns = ("email_key", "email", "reason", "created_at")
        moved = select(*(proposals.c[name] for name in columns[:-1]), literal(now, proposals.c.created_at.type))
        done = insert(suppressions).from_select(columns, moved.where(chosen)).prefix_with(_NOT_THERE, dialect="sqlite")
        self._execute(done)
        return sorted(self._execute(delete(proposals).where(chosen).returning(proposals.c.email)).scalars())

    def _insert(self, table: Table, found: Sequence[Suppression]) -> int:
        rows = [
            {
                "email_key": email_key(each.email),
                "email": each.email,
                "reason": each.reason,
                "created_at": each.created_at,
            }
            for each in found
        ]
        if not rows:
            return 0
        return self._execute(insert(table).prefix_with(_NOT_THERE, dialect="sqlite"), rows).rowcount

    def _all(self, table: Table) -> Iterator[Suppression]:
        columns = (table.c.email, table.c.reason, table.c.created_at)
        for email, reason, created_at in self._execute(select(*columns).order_by(table.c.email_key)):
            yield Suppression(email=email, reason=reason, created_at=created_at)
