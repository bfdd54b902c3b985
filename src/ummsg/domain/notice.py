"""A notice: a broadcast on dashboards, and when it is there."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ummsg.domain.broadcast import Broadcast
from ummsg.domain.publication import Publication
from ummsg.vocabulary import BroadcastStatus, NoticeState, NoticeType


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as dashboards know it. `audience` is the rule in words, `dismissed` how many closed it."""

    id: int
    notice_type: NoticeType
    subject: str
    html: str
    starts: datetime | None
    ends: datetime | None
    state: NoticeState
    audience: str
    dismissed: int
    publication: Publication | None = None
    """How far it has come on its way to the network, if one is connected."""


class ShownNotice(NamedTuple):
    """A notice as a dashboard shows it."""

    id: int
    notice_type: NoticeType
    subject: str
    html: str
    starts: datetime | None
    ends: datetime | None


def notice_state(broadcast: Broadcast, now: datetime) -> NoticeState:
    """The state of a published or withdrawn notice at `now`. The window includes its start, not its end."""
    if broadcast.status is BroadcastStatus.WITHDRAWN:
        return NoticeState.WITHDRAWN
    if broadcast.draft.ends is not None and broadcast.draft.ends <= now:
        return NoticeState.ENDED
    if broadcast.draft.starts is not None and broadcast.draft.starts > now:
        return NoticeState.SCHEDULED
    return NoticeState.LIVE
