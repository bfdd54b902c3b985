"""Broadcasts."""

from sqlmodel import Session


class Broadcasts:
    def __init__(self, session: Session) -> None:
        self._session = session
