"""A real SQLite file with a few customers, products and memberships in it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from ummsg.store.engine import Store, open_store
from ummsg.store.migrations import upgrade
from ummsg.store.tables import CustomerRow, MembershipRow, ProductRow, table_of
from ummsg.vocabulary import MembershipStatus

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'ummsg.db'}?timeout=0.2"
    upgrade(url)
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = open_store(database_url)
    yield store
    store.close()


class Network:
    """Fills the directory directly: what is tested here stands below the import."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def customers(self, *names: str, **attributes: str) -> None:
        self._add([(name, f"{name.lower()}@example.com") for name in names], attributes)

    def addresses(self, *emails: str) -> None:
        self._add([(email, email) for email in emails], {})

    def _add(self, people: list[tuple[str, str]], attributes: dict[str, str]) -> None:
        rows = [
            {
                "email": email,
                "email_key": email,
                "name": name,
                "locale": "",
                "timezone": "",
                "email_verification": "none",
                "attributes": attributes,
            }
            for name, email in people
        ]
        self._insert(CustomerRow, rows)

    def products(self, *slugs: str) -> None:
        self._insert(
            ProductRow, [{"slug": slug, "name": slug.title(), "type": "plan", "active": True} for slug in slugs]
        )

    def member(self, customer_id: int, product_id: int, status: MembershipStatus = MembershipStatus.ACTIVE) -> None:
        self._insert(MembershipRow, [{"customer_id": customer_id, "product_id": product_id, "status": status}])

    def _insert(self, model: type, rows: list[dict[str, object]]) -> None:
        with self._store.begin() as tx:
            tx.session.connection().execute(insert(table_of(model)), rows)


@pytest.fixture
def network(store: Store) -> Network:
    return Network(store)
