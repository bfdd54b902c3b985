"""A directory in a real SQLite file, and imports into it from texts."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ummsg.services.directory import Directory
from ummsg.services.imports.outcome import ImportOptions, ImportProgress, ImportReport
from ummsg.store.engine import Store, open_store
from ummsg.store.migrations import upgrade

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'ummsg.db'}?timeout=0.2"
    upgrade(url)
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def directory(store: Store) -> Directory:
    return Directory(store, lambda: NOW)


class Imports:
    """Imports texts by way of files; `progress` is what the last one was told."""

    def __init__(self, directory: Directory, folder: Path) -> None:
        self._directory = directory
        self.folder = folder
        self.progress: list[int] = []

    def customers(self, content: str | bytes, name: str = "customers.csv", **options: object) -> ImportReport:
        return self._run("customers", content, name, options)

    def products(self, content: str | bytes, name: str = "products.csv", **options: object) -> ImportReport:
        return self._run("products", content, name, options)

    def memberships(self, content: str | bytes, name: str = "memberships.csv", **options: object) -> ImportReport:
        return self._run("memberships", content, name, options)

    def _run(self, noun: str, content: str | bytes, name: str, options: dict[str, object]) -> ImportReport:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.progress = []
        importing = getattr(self._directory, f"import_{noun}")
        return importing(path, ImportOptions(**options), self._watch)  # type: ignore[arg-type,no-any-return]

    def _watch(self, progress: ImportProgress) -> None:
        self.progress.append(progress.rows)


@pytest.fixture
def imports(directory: Directory, tmp_path: Path) -> Imports:
    return Imports(directory, tmp_path)


class Database:
    """The file as sqlite3 sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self._path)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def execute(self, statement: str) -> None:
        connection = sqlite3.connect(self._path)
        try:
            connection.execute(statement)
            connection.commit()
        finally:
            connection.close()

    def dump(self) -> list[str]:
        connection = sqlite3.connect(self._path)
        try:
            return list(connection.iterdump())
        finally:
            connection.close()

    def check_index(self) -> None:
        """Raises sqlite3.DatabaseError if the full-text index does not hold exactly what the customers say."""
        self.execute("INSERT INTO customers_fts (customers_fts, rank) VALUES ('integrity-check', 1)")


@pytest.fixture
def database(store: Store) -> Database:
    return Database(store.path)
