"""Addresses that must not be mailed."""

from collections.abc import Collection, Iterator

from sqlalchemy import delete, select
from sqlmodel import Session

from ummsg.domain.customer import email_key
from ummsg.domain.suppression import Suppression
from ummsg.store.tables import SuppressionRow, table_of

suppressions = table_of(SuppressionRow)


class Suppressions:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._execute = session.connection().execute

    def add(self, suppression: Suppression) -> bool:
        """Whether it is new; an address that is suppressed already keeps its first reason."""
        key = email_key(suppression.email)
        if self._session.get(SuppressionRow, key) is not None:
            return False
        self._session.add(
            SuppressionRow(
                email_key=key,
                email=suppression.email,
                reason=suppression.reason,
                created_at=suppression.created_at,
            )
        )
        return True

    def remove(self, address: str) -> bool:
        """Whether there was one."""
        done = self._execute(delete(suppressions).where(suppressions.c.email_key == email_key(address)))
        return bool(done.rowcount)

    def reasons(self, keys: Collection[str]) -> dict[str, str]:
        """Why, for those of these normalised addresses that are suppressed."""
        found = select(suppressions.c.email_key, suppressions.c.reason).where(suppressions.c.email_key.in_(keys))
        return {row.email_key: row.reason for row in self._execute(found)}

    def all(self) -> Iterator[Suppression]:
        columns = (suppressions.c.email, suppressions.c.reason, suppressions.c.created_at)
        for email, reason, created_at in self._execute(select(*columns).order_by(suppressions.c.email_key)):
            yield Suppression(email=email, reason=reason, created_at=created_at)
