"""What follows when the server refuses us, and not a recipient: the broadcasts that it concerns are paused.

Whoever tries again and again with credentials that are refused is locked out, or takes a provider for a thief. What is
missing on this machine (no password set, no sender) is another matter and pauses nothing: the next terminal, or cron,
may well have it.
"""

from collections.abc import Sequence
from datetime import datetime

from ummsg.errors import MailServerRefused
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus


def pause_refused(
    store: Store, broadcast_ids: Sequence[int], of_sender: int | None, refused: MailServerRefused, now: datetime
) -> None:
    """Pause those of these broadcasts that wait to be sent, with the reason, and say so in the error.

    If it was the sender of the broadcast `of_sender` that was refused, only those that have the same one.
    """
    with store.begin() as tx:
        paused = [one for one in _concerned(tx, broadcast_ids, of_sender) if not tx.outbox.finish(one, now)]
        for broadcast_id in paused:
            tx.broadcasts.set_status(broadcast_id, BroadcastStatus.PAUSED, now, refused.what)
    refused.details += [
        f"broadcast {one} is paused; once that is mended: ummsg broadcast resume {one}" for one in paused
    ]


def _concerned(tx: Transaction, broadcast_ids: Sequence[int], of_sender: int | None) -> list[int]:
    waiting = [one for one in broadcast_ids if tx.broadcasts.standing(one)[0] is BroadcastStatus.QUEUED]
    if of_sender is None:
        return waiting
    sender = tx.broadcasts.get(of_sender).draft.sender
    return [one for one in waiting if tx.broadcasts.get(one).draft.sender == sender]
