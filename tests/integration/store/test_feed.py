"""What the served feed reads by."""

import sqlite3

import pytest

from ummsg.store.engine import Store
from ummsg.store.feed import FeedReader


def test_it_cannot_write(store: Store) -> None:
    reader = FeedReader(store.path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM customers")
    reader.close()
