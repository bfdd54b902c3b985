"""A notice on its way to the network's dashboards, and how far it has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from json import dumps
from typing import Any


class Arrival(StrEnum):
    """Where a notice stands with the network."""

    THERE = "there"
    WAITING = "waiting"
    """What is there is not what it is by now; the next `outbox run` brings it."""
    REFUSED = "refused"
    """The network does not take it; the reply says why."""
    NOT_THERE = "not there"


@dataclass(frozen=True, slots=True)
class Publication:
    """What the network is to hold of a notice. Every change has a `revision` of its own, higher than those before; the
    network keeps the highest that it was told, so that what is late undoes nothing.

    `edition` is when (in seconds of Unix) it was published, or last shown again to those who had closed it: a database
    that was restored from an older copy gives numbers anew, and not editions.
    """

    notice_id: int
    revision: int
    edition: int
    settled: int = 0
    """The revision that the network has taken, or has refused for good."""
    there: bool = False
    """Whether its dashboards have it."""
    attempts: int = 0
    due_at: datetime | None = None
    reply: str = ""

    @property
    def arrival(self) -> Arrival:
        if self.settled < self.revision:
            return Arrival.WAITING
        if self.reply:
            return Arrival.REFUSED
        return Arrival.THERE if self.there else Arrival.NOT_THERE


@dataclass(frozen=True, slots=True)
class NetworkNotice:
    """A notice as the network is told it: whom it is for by the network's own ids."""

    notice_type: str
    subject: str
    html: str
    everyone: bool
    customers: Sequence[int]
    products: Sequence[int]
    statuses: Sequence[str]
    starts_at: datetime | None
    ends_at: datetime | None

    @property
    def is_for_somebody(self) -> bool:
        return self.everyone or bool(self.customers or self.products)

    def content(self) -> dict[str, Any]:
        """What is said of it, with a digest by which it is known again."""
        said = {
            "notice_type": self.notice_type,
            "subject": self.subject,
            "html": self.html,
            "everyone": self.everyone,
            "customers": sorted(self.customers),
            "products": sorted(self.products),
            "statuses": sorted(self.statuses),
            "starts_at": _written(self.starts_at),
            "ends_at": _written(self.ends_at),
        }
        return {**said, "digest": _digest(said)}


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _digest(said: Mapping[str, Any]) -> str:
    return sha256(dumps(said, sort_keys=True).encode()).hexdigest()
