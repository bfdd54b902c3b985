"""Outbox."""

from sqlmodel import Session


class Outbox:
    def __init__(self, session: Session) -> None:
        self._session = session
