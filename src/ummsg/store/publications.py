"""Notices on their way to the network: claimed with a lease, settled by revision."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session

from ummsg.domain.delivery import LEASE
from ummsg.domain.publication import Publication
from ummsg.store.tables import BroadcastRow, NetworkRow, PublicationRow, table_of
from ummsg.vocabulary import BroadcastStatus, BroadcastType

broadcasts = table_of(BroadcastRow)
networks = table_of(NetworkRow)
publications = table_of(PublicationRow)


class Publications:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def want(self, notice_id: int, now: datetime, *, reshow: bool = False) -> None:
        """The network is to be told of a notice as it is by now; nothing where none is connected."""
        if self._execute(select(networks.c.id)).first() is None:
            return
        new = {"notice_id": notice_id, "revision": 1, "edition": int(now.timestamp()), "due_at": now}
        more: dict[str, Any] = {
            "revision": publications.c.revision + 1,
            "attempts": 0,
            "due_at": now,
            "reply": "",
            "claim_token": None,
            "lease_until": None,
        }
        if reshow:
            more["edition"] = func.max(publications.c.edition + 1, new["edition"])
        self._execute(insert(publications).values(**new).on_conflict_do_update(index_elements=["notice_id"], set_=more))

    def want_all(self, now: datetime) -> None:
        """Of every notice that dashboards may show, now or later: for a network that knows none yet."""
        live = and_(
            broadcasts.c.type == BroadcastType.NOTICE,
            broadcasts.c.status == BroadcastStatus.PUBLISHED,
            or_(broadcasts.c.ends.is_(None), broadcasts.c.ends > now),
        )
        for (notice_id,) in self._execute(select(broadcasts.c.id).where(live)).all():
            self.want(notice_id, now)

    def is_due(self, now: datetime) -> bool:
        return self._execute(select(publications.c.notice_id).where(publications.c.due_at <= now)).first() is not None

    def claim(self, token: str, now: datetime) -> Publication | None:
        """Take the next that is due for ourselves, for as long as LEASE."""
        free = or_(publications.c.lease_until.is_(None), publications.c.lease_until <= now)
        first = (
            select(publications.c.notice_id)
            .where(publications.c.due_at <= now, free)
            .order_by(publications.c.due_at, publications.c.notice_id)
            .limit(1)
            .scalar_subquery()
        )
        row = self._execute(
            update(publications)
            .where(publications.c.notice_id == first)
            .values(claim_token=token, lease_until=now + LEASE)
            .returning(*publications.c)
        ).first()
        return None if row is None else _publication_of(row)

    def settle(self, publication: Publication, token: str, *, there: bool, reply: str = "") -> None:
        """The network has taken this revision (`there` or not), or refused it for good, which the `reply` says."""
        self._execute(
            update(publications)
            .where(publications.c.notice_id == publication.notice_id, publications.c.settled < publication.revision)
            .values(settled=publication.revision, there=there, reply=reply)
        )
        self._let_go(publication, token, due_at=None, attempts=0)

    def put_off(self, publication: Publication, token: str, due_at: datetime, reply: str) -> None:
        """It is tried again."""
        self._let_go(publication, token, due_at=due_at, attempts=publication.attempts + 1, reply=reply)

    def outbid(self, publication: Publication, held: int, now: datetime) -> None:
        """The network holds a later revision than this one: tell it again, as one that is later still; unless it has
        changed here meanwhile."""
        unchanged = (
            publications.c.notice_id == publication.notice_id,
            publications.c.revision == publication.revision,
        )
        again = {"revision": held + 1, "due_at": now, "claim_token": None, "lease_until": None}
        self._execute(update(publications).where(*unchanged).values(**again))

    def of(self, notice_id: int) -> Publication | None:
        """None where no network is to hold anything of it."""
        row = self._execute(select(publications).where(publications.c.notice_id == notice_id)).first()
        return None if row is None else _publication_of(row)

    def forget(self) -> None:
        """For a network that is not connected any more."""
        self._execute(publications.delete())

    def _let_go(self, publication: Publication, token: str, **values: Any) -> None:
        """Unless it has changed meanwhile, or was claimed by another."""
        mine = (
            publications.c.notice_id == publication.notice_id,
            publications.c.revision == publication.revision,
            publications.c.claim_token == token,
        )
        self._execute(update(publications).where(*mine).values(claim_token=None, lease_until=None, **values))


def _publication_of(row: Any) -> Publication:
    return Publication(
        notice_id=row.notice_id,
        revision=row.revision,
        edition=row.edition,
        settled=row.settled,
        there=row.there,
        attempts=row.attempts,
        due_at=row.due_at,
        reply=row.reply,
    )
