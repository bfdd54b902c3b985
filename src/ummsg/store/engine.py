"""The database: opening it, its transactions, and what its errors mean to an operator."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError
from sqlmodel import Session

from ummsg.errors import DatabaseBusy, DatabaseUnusable, DiskFull, UmmsgError
from ummsg.store.agenda import Agenda
from ummsg.store.attempts import Attempts
from ummsg.store.audience import Audiences
from ummsg.store.bounces import Bounces
from ummsg.store.broadcasts import Broadcasts
from ummsg.store.directory import Customers, Memberships, Products
from ummsg.store.emails import Emails
from ummsg.store.error_rates import ErrorRates
from ummsg.store.events import Events
from ummsg.store.gone import Gone
from ummsg.store.imports import CustomerImports, MembershipImports, ProductImports, References
from ummsg.store.limits import LimitUses
from ummsg.store.local_times import LocalTimes
from ummsg.store.lock_holder import lock_holder
from ummsg.store.network import Network
from ummsg.store.notices import Notices
from ummsg.store.outbox import Outbox
from ummsg.store.publications import Publications
from ummsg.store.settling import Settling
from ummsg.store.standings import Standings
from ummsg.store.suppressions import Suppressions
from ummsg.store.tokens import Tokens

SCHEMA = "0011"
"""The newest migration; held here so that opening a database does not import Alembic."""

USUAL_CACHE_KIB = 24_576

LOCK_WAIT = 15
"""Seconds to wait for another process's write lock; `?timeout=` in the database URL overrides it."""


class Transaction:
    """One transaction's view of the store, a room a noun."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @contextmanager
    def provisional(self) -> Iterator[None]:
        """What is done inside is undone if it raises; the transaction itself goes on."""
        with self.session.begin_nested():
            yield

    def identity(self) -> str:
        """Which database this is: the same for as long as it lives, and for its copies."""
        return str(self.session.connection().execute(text("SELECT id FROM identity")).scalar_one())

    @cached_property
    def customers(self) -> Customers:
        return Customers(self.session)

    @cached_property
    def products(self) -> Products:
        return Products(self.session)

    @cached_property
    def memberships(self) -> Memberships:
        return Memberships(self.session)

    @cached_property
    def customer_imports(self) -> CustomerImports:
        return CustomerImports(self.session)

    @cached_property
    def product_imports(self) -> ProductImports:
        return ProductImports(self.session)

    @cached_property
    def membership_imports(self) -> MembershipImports:
        return MembershipImports(self.session)

    @cached_property
    def network(self) -> Network:
        return Network(self.session)

    @cached_property
    def publications(self) -> Publications:
        return Publications(self.session)

    @cached_property
    def gone(self) -> Gone:
        return Gone(self.session)

    @cached_property
    def references(self) -> References:
        return References(self.session)

    @cached_property
    def suppressions(self) -> Suppressions:
        return Suppressions(self.session)

    @cached_property
    def bounces(self) -> Bounces:
        return Bounces(self.session)

    @cached_property
    def audiences(self) -> Audiences:
        return Audiences(self.session)

    @cached_property
    def broadcasts(self) -> Broadcasts:
        return Broadcasts(self.session)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.session)

    @cached_property
    def local_times(self) -> LocalTimes:
        return LocalTimes(self.session)

    @cached_property
    def limits(self) -> LimitUses:
        return LimitUses(self.session)

    @cached_property
    def attempts(self) -> Attempts:
        return Attempts(self.session)

    @cached_property
    def agenda(self) -> Agenda:
        return Agenda(self.session)

    @cached_property
    def standings(self) -> Standings:
        return Standings(self.session)

    @cached_property
    def error_rates(self) -> ErrorRates:
        return ErrorRates(self.session)

    @cached_property
    def settling(self) -> Settling:
        return Settling(self.session)

    @cached_property
    def emails(self) -> Emails:
        return Emails(self.session)

    @cached_property
    def events(self) -> Events:
        return Events(self.session)

    @cached_property
    def notices(self) -> Notices:
        return Notices(self.session)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.session)


class Store:
    """An open database of the current schema. Every method of it raises only errors of `ummsg.errors`."""

    def __init__(self, url: str) -> None:
        """Opens nothing yet; raises DatabaseUnusable for a URL that is not SQLite's."""
        self.path = database_path(url)
        self._engine = _engine(url)

    @contextmanager
    def begin(self, *, cache_kib: int = USUAL_CACHE_KIB) -> Iterator[Transaction]:
        """A write transaction: all of it or nothing. Waits for other writers, then raises DatabaseBusy.

        `cache_kib` is how much of the database it keeps at hand.
        """
        with self._transaction("IMMEDIATE", cache_kib=cache_kib) as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One consistent view; neither waits for writers nor holds them up."""
        with self._transaction("DEFERRED") as transaction:
            yield transaction

    @contextmanager
    def rehearse(self) -> Iterator[Transaction]:
        """A write transaction that is always rolled back: what `--dry-run` shows is what would happen."""
        with self._transaction("IMMEDIATE", keep=False) as transaction:
            yield transaction

    def schema(self) -> str | None:
        """The migration the database stands at; None if it has none of ours."""
        with translated(self.path), self._engine.connect() as connection:
            return schema_of(connection)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _transaction(self, mode: str, *, keep: bool = True, cache_kib: int = USUAL_CACHE_KIB) -> Iterator[Transaction]:
        with (
            translated(self.path),
            self._engine.connect().execution_options(sqlite_begin=mode, cache_kib=cache_kib) as connection,
            connection.begin() as outer,
            Session(bind=connection, expire_on_commit=False) as session,
        ):
            yield Transaction(session)
            session.flush()
            if not keep:
                outer.rollback()


def open_store(url: str) -> Store:
    """The database at `url`, ready to use.

    Raises DatabaseUnusable when it is missing, is not ours or has a newer schema, and DatabaseOlder when an
    upgrade would bring it up to date.
    """
    path = database_path(url)
    if not path.exists():
        raise DatabaseUnusable(f"There is no database at {path}", hint="ummsg init")
    store = Store(url)
    try:
        check_schema(store.schema(), path)
    except BaseException:
        store.close()
        raise
    return store


class DatabaseOlder(DatabaseUnusable):
    """A database that an upgrade brings up to date."""


def check_schema(schema: str | None, path: Path) -> None:
    if schema == SCHEMA:
        return
    if schema is None:
        raise DatabaseUnusable(
            f"{path} is not a database of ummsg", hint="set UMMSG_DATABASE_URL to yours, or run ummsg init elsewhere"
        )
    if schema > SCHEMA:
        raise DatabaseUnusable(
            f"{path} was made by a newer ummsg (schema {schema}; this one knows {SCHEMA})",
            hint="upgrade ummsg, or use the one that made it",
        )
    raise DatabaseOlder(f"{path} is from an older ummsg (schema {schema}; this one needs {SCHEMA})", hint="ummsg init")


def schema_of(connection: Connection) -> str | None:
    tables = connection.execute(text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'"))
    if tables.first() is None:
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def database_path(url: str) -> Path:
    """The file behind a database URL. Raises DatabaseUnusable for anything but a SQLite file."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUnusable(
            "UMMSG_DATABASE_URL is not a database URL", hint="write sqlite:////absolute/path/ummsg.db"
        ) from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise DatabaseUnusable(
            f"UMMSG_DATABASE_URL names {parsed.get_backend_name()}; this version keeps its data in a SQLite file",
            hint="write sqlite:////absolute/path/ummsg.db",
        )
    return Path(parsed.database).absolute()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if "timeout" not in parsed.query:
        parsed = parsed.update_query_dict({"timeout": str(LOCK_WAIT)})
    try:
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise DatabaseUnusable("UMMSG_DATABASE_URL cannot be used", details=[str(error)]) from None
    event.listen(engine, "connect", _prepare_connection)
    path = database_path(url)
    event.listen(engine, "do_connect", lambda *_: file_at(path) and None)  # SQLite would make an empty one
    event.listen(engine, "checkout", partial(_check_file, path))
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_connection(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own: `_begin` does
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # WAL with NORMAL may lose the last sends on power loss
    connection.execute("PRAGMA journal_size_limit = 67108864")
    # For a million customers: what an index needs at hand to be built in random order, and checkpoints rarer than
    # once a chunk. Without them an import takes half as long again.
    connection.execute(f"PRAGMA cache_size = -{USUAL_CACHE_KIB}")
    connection.execute("PRAGMA wal_autocheckpoint = 16000")


def _check_file(path: Path, connection: sqlite3.Connection, record: Any, proxy: Any) -> None:
    """A process that runs for long must not go on writing into a file that was moved away, or replaced by a backup."""
    now = file_at(path)
    if record.info.setdefault("file", now) != now:
        raise DisconnectionError  # the pool opens another


def file_at(path: Path) -> tuple[int, int]:
    """Which file it is that has this name now. Raises DatabaseUnusable if there is none."""
    try:
        found = path.stat()
    except OSError as error:
        raise DatabaseUnusable(
            f"There is no database at {path}", details=[error.strerror or ""], hint="ummsg init"
        ) from None
    return found.st_dev, found.st_ino


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    _give_cache(connection, options.get("cache_kib", USUAL_CACHE_KIB))
    connection.exec_driver_sql(f"BEGIN {options.get('sqlite_begin', 'DEFERRED')}")


def _give_cache(connection: Connection, kib: int) -> None:
    """Until the next transaction: a connection that once froze an audience does not keep the memory for it."""
    if connection.info.get("cache_kib", USUAL_CACHE_KIB) != kib:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{kib}")
        connection.info["cache_kib"] = kib


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite says as an error that an operator can act on; leave others alone."""
    try:
        yield
    except DBAPIError as error:
        raise _explained(str(error.orig), path) or error from error
    except sqlite3.Error as error:
        raise _explained(str(error), path) or error from error


def _explained(said: str, path: Path) -> UmmsgError | None:
    if "locked" in said or "busy" in said:
        holder = lock_holder(path)
        return DatabaseBusy(
            f"{path} is locked by {holder or 'another process'}",
            details=["ummsg waited for it; nothing was changed"],
            hint="let it finish, then run the same command again",
        )
    if "disk is full" in said or ("disk I/O error" in said and _is_full(path)):
        return DiskFull(
            f"No room left on the disk of {path}",
            details=["nothing of this step was stored"],
            hint="df -h, make room, and run the same command again",
        )
    for sign, what in _UNUSABLE.items():
        if sign in said:
            return DatabaseUnusable(f"{path} {what}", details=[said], hint="ummsg doctor")
    return None


def _is_full(path: Path) -> bool:
    """SQLite calls it an I/O error when the file beside the database that readers share cannot grow."""
    return path.parent.is_dir() and shutil.disk_usage(path.parent).free < 64 * 1024


_UNUSABLE = {
    "not a database": "is not a database",
    "malformed": "is damaged",
    "readonly": "is read-only",
    "read-only": "is read-only",
    "unable to open": "cannot be opened",
    "disk I/O error": "cannot be read or written",
    "no such table": "is not a database of ummsg",
}
