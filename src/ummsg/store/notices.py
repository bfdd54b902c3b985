"""Notices."""

from sqlmodel import Session


class Notices:
    def __init__(self, session: Session) -> None:
        self._session = session
