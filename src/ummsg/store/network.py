"""The network that ummsg is connected to, which of its ids stand for what here, and how far reading it has come."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import Session

from ummsg.domain.network import Connected, DirectoryKind, KnownPage, Listing
from ummsg.store.driver import driver_of
from ummsg.store.tables import NetworkIdRow, NetworkPageRow, NetworkRow, table_of

networks = table_of(NetworkRow)
ids = table_of(NetworkIdRow)
pages = table_of(NetworkPageRow)

_ONLY = 1
"""The id of the one network there is."""

_TABLES = {Listing.PRODUCTS: "products", Listing.CUSTOMERS: "customers", Listing.MEMBERSHIPS: "memberships"}


class Network:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute
        self._driver = driver_of(session)

    def connected(self) -> Connected | None:
        row = self._execute(select(networks)).first()
        if row is None or not row.user:
            return None
        return Connected(row.url, row.user, DirectoryKind(row.directory), row.connected_at)

    def connect(self, connected: Connected) -> None:
        """In place of whichever was connected. Of the same one it is still known who is who; of another one, or with
        another directory, the numbers that rows have are not this network's."""
        values = {
            "url": connected.url,
            "user": connected.user,
            "directory": connected.directory.value,
            "connected_at": connected.connected_at,
        }
        before = self._execute(select(networks)).first()
        if before is not None and (before.url, before.directory) == (connected.url, connected.directory):
            self._execute(update(networks).values(**values))
            return
        self._forget_numbers()
        self._execute(delete(networks))
        self._execute(insert(networks).values(id=_ONLY, listing=None, after=0, dismissals_after=0, **values))

    def disconnect(self) -> None:
        """What was read of it stays, and so does who is who there, in case it is connected again."""
        self._execute(delete(pages))
        self._execute(update(networks).values(user="", listing=None, after=0, dismissals_after=0))

    def _forget_numbers(self) -> None:
        """Customers are known again by their addresses, products by their slugs."""
        for listing, table in _TABLES.items():
            mine = "(SELECT row_id FROM network_ids WHERE listing = ?)"
            self._driver.execute(f"UPDATE {table} SET external_id = NULL WHERE id IN {mine}", (listing.value,))  # noqa: S608
        self._driver.execute("DELETE FROM gone_customers")
        self._execute(delete(ids))
        self._execute(delete(pages))

    # How far a sync has come

    def stands_at(self) -> tuple[Listing, int] | None:
        """The listing that a sync which did not end was reading, and the id that it had come to."""
        row = self._execute(select(networks.c.listing, networks.c.after)).one()
        return None if row.listing is None else (Listing(row.listing), row.after)

    def stand_at(self, listing: Listing, after: int) -> None:
        self._execute(update(networks).values(listing=listing, after=after))

    def synced_at(self) -> datetime | None:
        found: datetime | None = self._execute(select(networks.c.synced_at)).scalar_one()
        return found

    def end_sync(self, now: datetime) -> None:
        self._execute(update(networks).values(listing=None, after=0, synced_at=now))

    def dismissals_after(self) -> int:
        return int(self._execute(select(networks.c.dismissals_after)).scalar_one())

    def dismissals_read(self, after: int) -> None:
        self._execute(update(networks).values(dismissals_after=after))

    # Pages that were read before

    def known_page(self, listing: Listing, after: int) -> KnownPage | None:
        row = self._execute(select(pages).where(pages.c.listing == listing, pages.c.after == after)).first()
        return None if row is None else KnownPage(row.digest, row.next)

    def note_page(self, listing: Listing, after: int, page: KnownPage, *, good: bool) -> None:
        """In place of all pages that began in its part of the listing. One that is not `good` is read again, whether or
        not it changes."""
        replaced = [pages.c.listing == listing, pages.c.after >= after]
        if page.next is not None:
            replaced.append(pages.c.after < page.next)
        self._execute(delete(pages).where(*replaced))
        if good:
            self._execute(insert(pages).values(listing=listing, after=after, digest=page.digest, next=page.next))

    # Whose id is whose

    def rows_called(self, listing: Listing, external_ids: Collection[str]) -> dict[str, int]:
        """The rows that have these external ids."""
        found = self._driver.execute(
            f"SELECT external_id, id FROM {_TABLES[listing]} WHERE external_id IN (SELECT value FROM json_each(?))",  # noqa: S608
            (json.dumps(list(external_ids)),),
        )
        return dict(found.fetchall())

    def note(self, listing: Listing, pairs: Iterable[tuple[int, int]]) -> None:
        """These rows stand for these ids of the network, and are there."""
        self._driver.executemany(
            "INSERT INTO network_ids (listing, network_id, row_id, missed) VALUES (?, ?, ?, 0)"
            " ON CONFLICT DO UPDATE SET missed = 0",
            ((listing.value, network_id, row_id) for network_id, row_id in pairs),
        )

    def miss(self, listing: Listing, after: int, until: int | None, present: Collection[int]) -> None:
        """Of the rows whose network ids lie in that part of a listing, mark those that are not `present` there."""
        end = (1 << 63) - 1 if until is None else until
        self._driver.execute(
            "UPDATE network_ids SET missed = 1 WHERE listing = ? AND network_id > ? AND network_id <= ?"
            " AND row_id NOT IN (SELECT value FROM json_each(?))",
            (listing.value, after, end, json.dumps(list(present))),
        )

    def is_whole(self, listing: Listing, after: int, until: int | None) -> bool:
        """Whether all rows of that part of a listing are still there: an admin may have deleted some."""
        end = (1 << 63) - 1 if until is None else until
        there = f"EXISTS (SELECT 1 FROM {_TABLES[listing]} WHERE id = row_id)"  # noqa: S608
        lost = self._driver.execute(
            f"SELECT 1 FROM network_ids WHERE listing = ? AND network_id > ? AND network_id <= ? AND NOT {there}",  # noqa: S608
            (listing.value, after, end),
        )
        return lost.fetchone() is None

    def number_between(self, listing: Listing, after: int, until: int | None) -> int:
        """How many rows stand in that part of a listing, without those that are missed."""
        mine = [ids.c.listing == listing, ids.c.network_id > after, ids.c.missed.is_(False)]
        if until is not None:
            mine.append(ids.c.network_id <= until)
        return int(self._execute(select(func.count()).select_from(ids).where(*mine)).scalar_one())

    def missed(self, listing: Listing) -> list[int]:
        rows = self._execute(select(ids.c.row_id).where(ids.c.listing == listing, ids.c.missed == 1))
        return [row.row_id for row in rows]

    def numbers(self) -> Mapping[Listing, int]:
        """How many rows of each listing were there when it was last read."""
        rows = self._execute(select(ids.c.listing, func.count()).group_by(ids.c.listing))
        found = {row[0]: row[1] for row in rows}
        return {listing: found.get(listing, 0) for listing in Listing}

    def forget(self, listing: Listing, row_ids: Collection[int]) -> None:
        self._driver.execute(
            "DELETE FROM network_ids WHERE listing = ? AND row_id IN (SELECT value FROM json_each(?))",
            (listing.value, json.dumps(list(row_ids))),
        )

    def network_ids(self, listing: Listing, row_ids: Collection[int]) -> list[int]:
        """What the network calls these rows, those of them that it has."""
        rows = self._driver.execute(
            "SELECT DISTINCT network_id FROM network_ids WHERE listing = ?"
            " AND row_id IN (SELECT value FROM json_each(?)) ORDER BY network_id",
            (listing.value, json.dumps(list(row_ids))),
        )
        return [row[0] for row in rows]

    def row_of(self, listing: Listing, network_ids: Collection[int]) -> dict[int, int]:
        """The rows that stand for these."""
        rows: Any = self._execute(
            select(ids.c.network_id, ids.c.row_id).where(ids.c.listing == listing, ids.c.network_id.in_(network_ids))
        )
        return {row.network_id: row.row_id for row in rows}
