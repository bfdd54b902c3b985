"""Bringing databases up to date, and leaving alone what must be left alone."""

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tests.earlier import migrations_up_to
from ummsg.errors import DatabaseUnusable
from ummsg.store.engine import SCHEMA, DatabaseOlder, open_store
from ummsg.store.migrations import SCRIPTS, upgrade
from ummsg.store.tables import metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ummsg.db"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def scripts_with(tmp_path: Path, name: str, body: str) -> Path:
    """The real migrations and one more."""
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
    (scripts / "versions" / f"{name}.py").write_text(body)
    return scripts


def old_database(path: Path, tmp_path: Path, *, schema: str = "0001") -> None:
    """A database as an earlier migration left it, with a customer in it."""
    upgrade(url(path), migrations_up_to(schema, tmp_path))
    execute(
        path,
        "INSERT INTO customers (email, email_key, name, locale, timezone, email_verification, attributes)"
        " VALUES ('anna@example.com', 'anna@example.com', 'Anna', '', '', 'none', '{}')",
    )


def test_the_migrations_build_what_the_models_say(path: Path) -> None:
    upgrade(url(path))
    engine = create_engine(url(path))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, parents: "fts" not in (name or "")}
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []


def test_the_schema_known_by_heart_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))

    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_a_new_database_is_its_owners_alone(path: Path) -> None:
    done = upgrade(url(path))

    assert (done.before, done.after, done.copy) == (None, SCHEMA, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    open_store(url(path)).close()


def test_a_current_database_is_left_alone(path: Path) -> None:
    upgrade(url(path))
    before = dump(path)

    assert not upgrade(url(path)).changed
    assert dump(path) == before


def test_an_older_database_is_refused_until_it_is_upgraded(path: Path, tmp_path: Path) -> None:
    old_database(path, tmp_path)

    with pytest.raises(DatabaseOlder) as refused:
        open_store(url(path))
    assert refused.value.hint == "ummsg init"


def test_an_upgrade_keeps_the_data_and_a_copy(path: Path, tmp_path: Path) -> None:
    old_database(path, tmp_path)
    before = dump(path)

    done = upgrade(url(path))

    assert (done.before, done.after) == ("0001", SCHEMA)
    assert done.copy is not None
    assert dump(done.copy) == before
    assert stat.S_IMODE(done.copy.stat().st_mode) == 0o600
    assert any("anna@example.com" in line for line in dump(path))
    open_store(url(path)).close()


def test_the_ledger_survives_the_coming_of_system_emails(path: Path, tmp_path: Path) -> None:
    old_database(path, tmp_path, schema="0002")
    execute(
        path,
        "INSERT INTO broadcasts VALUES (7, 'email', 'queued', 'Hello', 'Text', 'markdown', '', '', '[]', NULL, NULL,"
        " NULL, NULL, '', '', '', 1, 1, NULL, '', '2026-11-23', '2026-11-23')",
        "INSERT INTO deliveries VALUES (3, 7, 1, 'anna@example.com', 'anna@example.com', 'sent', 'abc@example.com', 2,"
        " NULL, NULL, NULL, '250 Ok', '2026-11-23')",
    )

    upgrade(url(path))

    connection = sqlite3.connect(path)
    columns = "id, broadcast_id, customer_id, status, message_id, attempts, reply, event_id"
    kept = connection.execute(f"SELECT {columns} FROM deliveries").fetchall()
    connection.close()
    assert kept == [(3, 7, 1, "sent", "abc@example.com", 2, "250 Ok", None)]


def test_what_is_known_of_earlier_attempts_begins_their_history(path: Path, tmp_path: Path) -> None:
    old_database(path, tmp_path, schema="0003")
    execute(
        path,
        "INSERT INTO broadcasts VALUES (7, 'email', 'queued', 'Hello', 'Text', 'markdown', '', '', '[]', NULL, NULL,"
        " NULL, NULL, '', '', '', 5, 1, NULL, '', '2026-11-23', '2026-11-23')",
        *(
            "INSERT INTO deliveries (id, broadcast_id, email, email_key, message_id, status, attempts, reply,"
            " updated_at)"
            f" VALUES ({number}, 7, 'a{number}', 'a{number}', 'm{number}', '{status}', {attempts}, '{reply}',"
            " '2026-11-23')"
            for number, status, attempts, reply in (
                (1, "sent", 1, "250 Ok"),
                (2, "sent", 3, "250 at last"),
                (3, "deferred", 2, "451 later"),
                (4, "failed", 1, "550 no"),
                (5, "unknown", 1, "lost"),
                (6, "queued", 0, ""),
            )
        ),
    )

    upgrade(url(path))

    connection = sqlite3.connect(path)
    history = connection.execute("SELECT delivery_id, number, status, reply FROM attempts ORDER BY id").fetchall()
    tried = connection.execute("SELECT id, attempts_before, tried_since FROM deliveries WHERE id IN (1, 3)").fetchall()
    connection.close()
    assert history == [
        (2, 3, "sent", "250 at last"),
        (3, 2, "deferred", "451 later"),
        (4, 1, "failed", "550 no"),
        (5, 1, "unknown", "lost"),
    ]
    assert tried == [(1, 0, None), (3, 0, "2026-11-23")]


FAILING = f"""
from alembic import op
revision = "9999"
down_revision = "{SCHEMA}"
def upgrade():
    op.execute("ALTER TABLE customers ADD COLUMN nickname TEXT")
    op.execute("DELETE FROM customers")
    op.execute("this is not SQL")
"""

ORPHANING = f"""
from alembic import op
revision = "9999"
down_revision = "{SCHEMA}"
def upgrade():
    op.execute("INSERT INTO memberships (customer_id, product_id, status) VALUES (4711, 4711, 'active')")
"""


@pytest.mark.parametrize("body", [FAILING, ORPHANING])
def test_a_migration_that_fails_leaves_the_database_as_it_was(path: Path, tmp_path: Path, body: str) -> None:
    old_database(path, tmp_path)
    before = dump(path)

    with pytest.raises(Exception, match=r"not SQL|broken the data"):
        upgrade(url(path), scripts_with(tmp_path, "9999_bad", body))

    assert dump(path) == before


def test_a_new_database_that_cannot_be_finished_is_taken_away(path: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="not SQL"):
        upgrade(url(path), scripts_with(tmp_path, "9999_bad", FAILING))

    assert not path.exists()


@pytest.mark.parametrize("act", [open_store, upgrade])
def test_a_newer_database_is_refused(path: Path, act: object) -> None:
    upgrade(url(path))
    execute(path, "UPDATE alembic_version SET version_num = '0999'")
    before = dump(path)

    with pytest.raises(DatabaseUnusable, match="newer"):
        act(url(path))  # type: ignore[operator]
    assert dump(path) == before


@pytest.mark.parametrize("act", [open_store, upgrade])
def test_somebody_elses_database_is_refused(path: Path, act: object) -> None:
    execute(path, "CREATE TABLE things (name TEXT)")
    before = dump(path)

    with pytest.raises(DatabaseUnusable, match="not a database of ummsg"):
        act(url(path))  # type: ignore[operator]
    assert dump(path) == before


@pytest.mark.parametrize("act", [open_store, upgrade])
def test_a_file_that_is_no_database_is_refused(path: Path, act: object) -> None:
    path.write_bytes(b"\xff\xd8\xff\xe0 a picture" * 100)
    before = path.read_bytes()

    with pytest.raises(DatabaseUnusable, match="is not a database"):
        act(url(path))  # type: ignore[operator]
    assert path.read_bytes() == before


def test_a_missing_database_says_how_to_make_one(path: Path) -> None:
    with pytest.raises(DatabaseUnusable) as refused:
        open_store(url(path))
    assert refused.value.hint == "ummsg init"
    assert not path.exists()


@pytest.mark.parametrize("bad", ["postgresql://localhost/x", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_only_sqlite_files_are_taken(bad: str) -> None:
    with pytest.raises(DatabaseUnusable):
        open_store(bad)
