"""Bringing notices to the network's dashboards: what changed is told again until the network has taken it."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ummsg.domain.broadcast import Broadcast
from ummsg.domain.delivery import backoff
from ummsg.domain.network import Listing
from ummsg.domain.notice import notice_state
from ummsg.domain.publication import NetworkNotice, Publication
from ummsg.errors import InvalidInput, NetworkRefused, NetworkUnreachable, NotANetwork, UmmsgError
from ummsg.mail.templates import sanitise_notice
from ummsg.network.wordpress import WordPress
from ummsg.services.network import Network
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import NoticeState, TargetKind


@dataclass
class Published:
    """What a run brought there, by notice."""

    shown: list[int] = field(default_factory=list)
    taken_off: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    """The network does not take these; the reply is with the notice."""
    put_off: list[int] = field(default_factory=list)
    stopped_by: UmmsgError | None = None
    """Why the rest was put off, too."""


class Publishing:
    def __init__(
        self, store: Store, network: Network, clock: Callable[[], datetime], chance: Callable[[], float]
    ) -> None:
        self._store = store
        self._network = network
        self._clock = clock
        self._chance = chance

    def run(self) -> Published:
        """Tell the network of every notice that is due; nothing where no network is connected, or nothing is due."""
        done = Published()
        with self._store.read() as tx:
            if not tx.publications.is_due(self._clock()) or tx.network.synced_at() is None:  # who is who is not known
                return done
        token = secrets.token_hex(16)
        try:
            wordpress = self._network.opened(self._network.connected())
        except UmmsgError as error:  # there is no password
            while (publication := self._claim(token)) is not None:
                self._put_off(publication, token, error, done)
            return done
        with closing(wordpress):
            while done.stopped_by is None and (publication := self._claim(token)) is not None:
                self._tell(wordpress, publication, token, done)
        return done

    def _claim(self, token: str) -> Publication | None:
        with self._store.begin() as tx:
            return tx.publications.claim(token, self._clock())

    def _tell(self, wordpress: WordPress, publication: Publication, token: str, done: Published) -> None:
        with self._store.read() as tx:
            notice = self._as_it_is(tx, tx.broadcasts.get(publication.notice_id))
        try:
            if notice is None:
                held = wordpress.delete_notice(publication.notice_id, publication.revision)
            else:
                held = wordpress.put_notice(publication.notice_id, self._said(notice, publication))
        except (NetworkUnreachable, NetworkRefused, NotANetwork) as error:
            self._put_off(publication, token, error, done)
            return
        except InvalidInput as error:
            self._settle(publication, token, there=False, reply=error.what)
            done.refused.append(publication.notice_id)
            return
        if held > publication.revision:  # told by another, or before this database was connected
            with self._store.begin() as tx:
                tx.publications.outbid(publication, held, self._clock())
            return
        self._settle(publication, token, there=notice is not None)
        (done.taken_off if notice is None else done.shown).append(publication.notice_id)

    def _as_it_is(self, tx: Transaction, broadcast: Broadcast) -> NetworkNotice | None:
        """What dashboards are to show, now or later; None if that is nothing."""
        state = notice_state(broadcast, self._clock())
        if state not in (NoticeState.LIVE, NoticeState.SCHEDULED):
            return None
        draft, audience = broadcast.draft, broadcast.draft.audience
        notice = NetworkNotice(
            notice_type=draft.notice_type.value,
            subject=draft.subject,
            html=sanitise_notice(broadcast.html),
            everyone=audience.everyone,
            customers=tx.network.network_ids(Listing.CUSTOMERS, audience.ids(TargetKind.CUSTOMER)),
            products=tx.network.network_ids(Listing.PRODUCTS, audience.ids(TargetKind.PRODUCT)),
            statuses=[status.value for status in audience.statuses],
            starts_at=draft.starts,
            ends_at=draft.ends,
        )
        return notice if notice.is_for_somebody else None

    def _said(self, notice: NetworkNotice, publication: Publication) -> dict[str, Any]:
        return {**notice.content(), "revision": publication.revision, "edition": publication.edition}

    def _settle(self, publication: Publication, token: str, *, there: bool, reply: str = "") -> None:
        with self._store.begin() as tx:
            tx.publications.settle(publication, token, there=there, reply=reply)

    def _put_off(self, publication: Publication, token: str, error: UmmsgError, done: Published) -> None:
        later = self._clock() + backoff(publication.attempts + 1, self._chance())
        with self._store.begin() as tx:
            tx.publications.put_off(publication, token, later, error.what)
        done.put_off.append(publication.notice_id)
        done.stopped_by = error

    # Drift

    def repair(self, wordpress: WordPress) -> Sequence[int]:
        """Want again whatever the network holds of ours that is not as it should be; returns those notices."""
        with self._store.read() as tx:
            right = {
                number: notice.content()["digest"]
                for number in tx.notices.ids()
                if (notice := self._as_it_is(tx, tx.broadcasts.get(number))) is not None
            }
        held = wordpress.notices()
        there = {number: each.digest for number, each in held.items()}
        wrong = [number for number in {*right, *there} if right.get(number) != there.get(number)]
        with self._store.begin() as tx:
            known = set(tx.notices.ids())
            for number in wrong:
                if number in known:
                    tx.publications.want(number, self._clock())
        for number in set(wrong) - known:
            wordpress.delete_notice(number, held[number].revision)
        return sorted(wrong)
