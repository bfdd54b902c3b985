"""Customers who are not on the network any more: kept, with everything that was sent to them, and not mailed."""

import json
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from ummsg.store.driver import driver_of
from ummsg.store.tables import CustomerRow, GoneCustomerRow, table_of

customers = table_of(CustomerRow)
gone = table_of(GoneCustomerRow)


def still_there() -> ColumnElement[bool]:
    """The condition on `customers`; few are gone, however many there are."""
    return customers.c.id.not_in(select(gone.c.customer_id))


class Gone:
    def __init__(self, session: Session) -> None:
        self._driver = driver_of(session)

    def mark(self, customer_ids: Collection[int], now: datetime) -> None:
        self._driver.executemany(
            "INSERT OR IGNORE INTO gone_customers (customer_id, since) VALUES (?, ?)",
            ((number, now.strftime("%Y-%m-%d %H:%M:%S.%f")) for number in customer_ids),
        )

    def unmark(self, customer_ids: Collection[int]) -> int:
        """They are back; returns how many had been marked."""
        done = self._driver.execute(
            "DELETE FROM gone_customers WHERE customer_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(customer_ids)),),
        )
        return done.rowcount

    def since(self, customer_ids: Collection[int]) -> set[int]:
        """Those of them that are gone."""
        rows = self._driver.execute(
            "SELECT customer_id FROM gone_customers WHERE customer_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(customer_ids)),),
        )
        return {row[0] for row in rows}
