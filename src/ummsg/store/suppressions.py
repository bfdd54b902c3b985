"""Suppressions."""

from sqlmodel import Session


class Suppressions:
    def __init__(self, session: Session) -> None:
        self._session = session
