"""What the served feed reads: through one connection that cannot write, and below SQLAlchemy, whose part of an answer
would be ten times SQLite's."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.dialects import sqlite

from ummsg.domain.notice import ShownNotice
from ummsg.domain.token import Token
from ummsg.store.directory import customers, number_in
from ummsg.store.engine import file_at, translated
from ummsg.store.notices import SHOWN
from ummsg.store.tables import stored_moment
from ummsg.store.tokens import TOKEN, token_of
from ummsg.vocabulary import NoticeType

_WITH_ADDRESS = select(customers.c.id).where(customers.c.email_key == bindparam("email_key"))
_REFERRED = select(customers.c.id).where(
    or_(customers.c.external_id == bindparam("text"), customers.c.id == bindparam("number"))
)


class FeedReader:
    """A reader of the database. Its methods raise only errors of `ummsg.errors`."""

    def __init__(self, path: Path) -> None:
        """Raises DatabaseUnusable for a file that cannot be opened."""
        self._path = path
        self._open()
        self._token, self._shown = _Statement(TOKEN), _Statement(SHOWN)
        self._referred, self._with_address = _Statement(_REFERRED), _Statement(_WITH_ADDRESS)

    def _open(self) -> None:
        self._file = file_at(self._path)
        with translated(self._path):
            self._connection = sqlite3.connect(
                f"{self._path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )

    def token(self, token_id: int) -> Token | None:
        """That of this id, whether it is live or not."""
        for *values, created, expires, revoked in self._rows(self._token, token_id=token_id):
            return token_of([*values, _moment(created), _moment(expires), _moment(revoked)])
        return None

    def customers_called(self, number_or_external_id: str) -> list[int]:
        """The ids of those whose external id this is and, for a number, whose id it is."""
        values = {"text": number_or_external_id, "number": number_in(number_or_external_id)}
        return [row[0] for row in self._rows(self._referred, **values)]

    def customer_with(self, email_key: str) -> list[int]:
        """The id of the customer with this normalised address, if there is one."""
        return [row[0] for row in self._rows(self._with_address, email_key=email_key)]

    def shown_to(self, customer_id: int, now: datetime) -> list[ShownNotice]:
        """What this customer's dashboard shows at `now`, the newest first, as it is stored: not sanitised again."""
        rows = self._rows(self._shown, customer_id=customer_id, now=stored_moment(now))
        return [_notice_of(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()

    def _rows(self, statement: "_Statement", **values: Any) -> Sequence[tuple[Any, ...]]:
        if file_at(self._path) != self._file:
            self._connection.close()
            self._open()
        with translated(self._path):
            return self._connection.execute(statement.sql, statement.parameters(values)).fetchall()


class _Statement:
    """A statement of another room, compiled once."""

    def __init__(self, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=sqlite.dialect())
        self.sql = str(compiled)
        self._names = compiled.positiontup or []
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def parameters(self, values: dict[str, Any]) -> list[Any]:
        known = self._fixed | values
        return [known[name] for name in self._names]


@lru_cache(maxsize=4096)
def _notice_of(number: int, kind: str, subject: str, html: str, starts: str | None, ends: str | None) -> ShownNotice:
    """The same few are shown again and again."""
    return ShownNotice(number, NoticeType(kind), subject, html, _moment(starts), _moment(ends))


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored).replace(tzinfo=UTC)
