"""Tokens, by id: what they open is decided above (`domain/token.py`)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, delete, insert, select, update
from sqlmodel import Session

from ummsg.domain.token import Token
from ummsg.errors import UnknownReference
from ummsg.store.tables import TokenRow, table_of
from ummsg.vocabulary import TokenKind

tokens = table_of(TokenRow)

TOKEN = select(tokens).where(tokens.c.id == bindparam("token_id", type_=Integer))
"""That of :token_id, with the columns of `Token` in their order."""


class Tokens:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def add(
        self, kind: TokenKind, kept: str, customer_id: int | None, note: str, now: datetime, expires: datetime | None
    ) -> int:
        """Its id."""
        values = {
            "kind": kind,
            "kept": kept,
            "customer_id": customer_id,
            "note": note,
            "created_at": now,
            "expires_at": expires,
        }
        done = self._execute(insert(tokens).values(values))
        return int((done.inserted_primary_key or [0])[0])

    def get(self, token_id: int) -> Token:
        """Raises UnknownReference."""
        row = self._execute(TOKEN, {"token_id": token_id}).first()
        if row is None:
            raise UnknownReference(f"There is no token {token_id}", hint="ummsg tokens list")
        return token_of(row)

    def all(self) -> Iterator[Token]:
        return map(token_of, self._execute(select(tokens).order_by(tokens.c.id)))

    def of_kind(self, kind: TokenKind) -> list[Token]:
        return [token_of(row) for row in self._execute(select(tokens).where(tokens.c.kind == kind))]

    def revoke(self, token_id: int, now: datetime) -> None:
        self._execute(update(tokens).where(tokens.c.id == token_id).values(revoked_at=now))

    def forget_expired(self, before: datetime) -> None:
        """Those of customers come and go with each look at a dashboard."""
        self._execute(delete(tokens).where(tokens.c.expires_at < before))


def token_of(row: Sequence[Any]) -> Token:
    number, kind, *others = row
    return Token(number, TokenKind(kind), *others)
