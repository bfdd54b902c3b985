"""Bringing a database to the current schema, with Alembic, all or nothing."""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.pool import NullPool

from ummsg.errors import DatabaseUnusable
from ummsg.store.engine import SCHEMA, check_schema, database_path, schema_of, translated

SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Upgrade:
    """What `upgrade` did: `before` is None for a new database, `copy` the safety copy of an older one."""

    path: Path
    before: str | None
    after: str
    copy: Path | None = None

    @property
    def changed(self) -> bool:
        return self.before != self.after


def upgrade(url: str, scripts: Path = SCRIPTS) -> Upgrade:
    """Create the database, or bring an older one up to date; a current one is left alone.

    All migrations run in one transaction, after an older database has been copied beside itself. Raises
    DatabaseUnusable for a file that is not ours or is newer, and whatever made a migration fail: the database is
    then as it was.
    """
    path = database_path(url)
    new = not path.exists()
    with translated(path):
        _make_file(path)
        try:
            return _upgrade(path, scripts, new=new)
        except BaseException:
            if new:
                path.unlink(missing_ok=True)
            raise


def _make_file(path: Path) -> None:
    """Readable by its owner alone from the first byte: it will hold every customer's address."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseUnusable(f"{path} cannot be made or written", details=[str(error)]) from None


def _upgrade(path: Path, scripts: Path, *, new: bool) -> Upgrade:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": 15})
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    with engine.connect() as connection:
        before = schema_of(connection)
        if before == SCHEMA and scripts == SCRIPTS:
            return Upgrade(path, before, before)
        if before is None and not _is_empty(connection):
            check_schema(None, path)
        if before is not None and before > SCHEMA:
            check_schema(before, path)
        copy = None if new or before is None else _copy(path, before)
        _run(connection, scripts)
        return Upgrade(path, before, schema_of(connection) or "", copy)


def _run(connection: Connection, scripts: Path) -> None:
    """Foreign keys are off while tables are rebuilt (a rebuild would delete every child row) and checked after."""
    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.exec_driver_sql("BEGIN EXCLUSIVE")
    try:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise DatabaseUnusable("The upgrade would have broken the data", details=[f"foreign keys: {tuple(broken)}"])
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _is_empty(connection: Connection) -> bool:
    return connection.execute(text("SELECT 1 FROM sqlite_master")).first() is None


def _copy(path: Path, schema: str) -> Path:
    copy = path.with_name(f"{path.name}.before-{SCHEMA}-from-{schema}")
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_CREAT | os.O_RDWR, 0o600))
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        target.close()
        source.close()
    return copy
