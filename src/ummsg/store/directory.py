"""The directory."""

from sqlmodel import Session


class Customers:
    def __init__(self, session: Session) -> None:
        self._session = session


class Products:
    def __init__(self, session: Session) -> None:
        self._session = session


class Memberships:
    def __init__(self, session: Session) -> None:
        self._session = session
