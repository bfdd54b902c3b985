"""Customers who are not on the network any more: kept, with everything that was sent to them, and not mailed."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from ummsg.store.driver import driver_of
from ummsg.store.tables import CustomerRow, GoneCustomerRow, stored_moment, table_of

customers = table_of(CustomerRow)
gone = table_of(GoneCustomerRow)


def still_there(customer_id: ColumnElement[Any] = customers.c.id) -> ColumnElement[bool]:
    """Few are gone, however many there are."""
    return customer_id.not_in(select(gone.c.customer_id))


GONE_FROM_NETWORK = "the customer is gone from the network"


class Gone:
    def __init__(self, session: Session) -> None:
        self._driver = driver_of(session)
        self._execute = session.connection().execute

    def mark(self, customer_ids: Collection[int], now: datetime) -> None:
        self._driver.executemany(
            "INSERT OR IGNORE INTO gone_customers (customer_id, since) VALUES (?, ?)",
            ((number, stored_moment(now)) for number in customer_ids),
        )

    def unmark(self, customer_ids: Collection[int]) -> int:
        """They are back; returns how many had been marked."""
        done = self._driver.execute(
            "DELETE FROM gone_customers WHERE customer_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(customer_ids)),),
        )
        return done.rowcount

    def since(self, customer_id: int) -> datetime | None:
        """When it was found that they are gone; None of those who are there."""
        row = self._execute(select(gone.c.since).where(gone.c.customer_id == customer_id)).first()
        return None if row is None else row.since
