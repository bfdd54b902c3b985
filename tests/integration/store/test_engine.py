"""Transactions, and what a database's troubles are called."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from ummsg.domain.suppression import Suppression
from ummsg.errors import DatabaseBusy, DatabaseUnusable, DiskFull
from ummsg.store.engine import Store, open_store

from .conftest import NOW


def suppress(store: Store, address: str) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression(address, "a test", NOW))


def suppressed(store: Store) -> list[str]:
    with store.read() as tx:
        return [suppression.email for suppression in tx.suppressions.all()]


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    suppress(store, "anna@example.com")
    with pytest.raises(RuntimeError), store.begin() as tx:
        tx.suppressions.add(Suppression("bo@example.com", "a test", NOW))
        tx.session.flush()
        raise RuntimeError

    assert suppressed(store) == ["anna@example.com"]


def test_a_rehearsal_shows_what_would_happen_and_keeps_nothing(store: Store) -> None:
    with store.rehearse() as tx:
        tx.suppressions.add(Suppression("anna@example.com", "a test", NOW))
        tx.session.flush()
        assert [s.email for s in tx.suppressions.all()] == ["anna@example.com"]

    assert suppressed(store) == []


def test_a_reader_is_not_held_up_by_a_writer(store: Store) -> None:
    with store.begin() as tx:
        tx.suppressions.add(Suppression("anna@example.com", "a test", NOW))
        tx.session.flush()
        assert suppressed(store) == []

    assert suppressed(store) == ["anna@example.com"]


def test_what_is_locked_says_by_which_process(store: Store, database_url: str) -> None:
    holding = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE');"
        "c.execute('DELETE FROM suppressions'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DatabaseBusy) as busy:
            suppress(store, "anna@example.com")
        other.communicate("")

    assert f"process {other.pid}" in busy.value.what
    suppress(store, "anna@example.com")
    assert suppressed(store) == ["anna@example.com"]


def test_a_full_disk_is_named_and_changes_nothing(store: Store) -> None:
    with pytest.raises(DiskFull, match="No room left"), store.begin() as tx:
        connection = tx.session.connection()
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        for number in range(10_000):
            tx.suppressions.add(Suppression(f"{'x' * 60}{number}@example.com", "a test", NOW))
        tx.session.flush()

    assert suppressed(store) == []


def test_a_read_only_database_is_named(store: Store) -> None:
    with pytest.raises(DatabaseUnusable, match="is read-only"), store.begin() as tx:
        tx.session.connection().execute(text("PRAGMA query_only = ON"))
        tx.suppressions.add(Suppression("anna@example.com", "a test", NOW))
        tx.session.flush()


def test_a_damaged_database_is_named(store: Store, database_url: str) -> None:
    store.close()
    raw = bytearray(Path(store.path).read_bytes())
    raw[4096:] = b"\xde\xad\xbe\xef" * ((len(raw) - 4096) // 4)
    Path(store.path).write_bytes(raw)

    with pytest.raises(DatabaseUnusable):
        with_damage = open_store(database_url)
        try:
            suppressed(with_damage)
        finally:
            with_damage.close()


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"), store.begin() as tx:
        tx.session.connection().execute(
            text("INSERT INTO memberships (customer_id, product_id, status) VALUES (1, 1, 'active')")
        )


def test_a_database_made_elsewhere_by_sqlite_itself_is_readable(store: Store) -> None:
    """Nothing in the file needs us to read it: an operator can look with the sqlite3 shell."""
    suppress(store, "anna@example.com")
    connection = sqlite3.connect(store.path)
    try:
        assert connection.execute("SELECT email FROM suppressions").fetchall() == [("anna@example.com",)]
    finally:
        connection.close()
