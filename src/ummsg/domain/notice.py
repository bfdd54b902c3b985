"""When a notice is on a dashboard."""

from datetime import datetime

from ummsg.vocabulary import BroadcastStatus, NoticeState


def notice_state(
    status: BroadcastStatus, starts_at: datetime | None, ends_at: datetime | None, now: datetime
) -> NoticeState:
    """The state of a notice at `now`. The window includes its start and excludes its end."""
    if status is BroadcastStatus.WITHDRAWN:
        return NoticeState.WITHDRAWN
    if ends_at is not None and ends_at <= now:
        return NoticeState.ENDED
    if starts_at is not None and starts_at > now:
        return NoticeState.SCHEDULED
    return NoticeState.LIVE
