"""Working a mailbox of bounces down: read, match, record, move away."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice

from ummsg.config import Settings
from ummsg.domain.bounce import Bounce, Notification, Verdict, bounce_of
from ummsg.errors import NotConfigured
from ummsg.mail.bounces.box import PROCESSED, UNMATCHED, Box, open_box
from ummsg.mail.bounces.message import LARGEST, BounceMessage, Unreadable, read
from ummsg.mail.return_path import ReturnPath
from ummsg.services.refusals import Refusals
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import DeliveryStatus

BATCH = 100
"""Messages in a transaction."""


@dataclass
class BounceReport:
    """What a run did."""

    processed: int = 0
    """Messages that were looked at."""
    matched: int = 0
    repeated: int = 0
    """Of these, those that an earlier run had dealt with."""
    failed: int = 0
    """Deliveries that are failed now, and were not before."""
    delayed: int = 0
    proposed: int = 0
    """Addresses newly proposed, or `suppressed`."""
    suppresses: bool = False
    aside: int = 0
    left: int = 0
    """About a message that is being sent at this moment: for the next run."""


@dataclass(frozen=True)
class _Read:
    """What is kept of a message while its batch is read."""

    key: str
    digest: str
    number: int | None
    message_ids: list[str]
    said: Sequence[Notification]


class Bounces:
    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def process(self, source: str, watch: Callable[[int, int], None] = lambda done, total: None) -> BounceReport:
        """Read what lies in a maildir or an `imaps:` mailbox, and move it away; `watch` is told how far it is.

        Repeated, or broken off and repeated, it counts nothing twice. Raises InvalidInput for a source that is no
        mailbox, NotConfigured, MailServerUnreachable and MailServerRefused; what was read until then is recorded. A
        message that cannot be read stays where it is: NotConfigured says so when all others are dealt with.
        """
        return_path = ReturnPath.from_settings(self._settings)
        refusals = Refusals(self._settings, self._clock)
        with open_box(source, self._settings.bounce_password) as box:
            run = _Run(self._store, self._clock, box, return_path, refusals)
            keys = iter(found := box.keys())
            while batch := list(islice(keys, BATCH)):
                run.work(batch)
                watch(run.report.processed, len(found))
        if run.unread:
            raise run.unread
        return run.report


class _Run:
    def __init__(
        self, store: Store, clock: Callable[[], datetime], box: Box, return_path: ReturnPath, refusals: Refusals
    ) -> None:
        self._store = store
        self._clock = clock
        self._box = box
        self._return_path = return_path
        self._refusals = refusals
        self.report = BounceReport(suppresses=refusals.suppresses)
        self.unread: NotConfigured | None = None
        """About the first message that this user may not read."""

    def work(self, keys: list[str]) -> None:
        """Recorded first and moved then: what is recorded and not moved is recognised by its hash."""
        moves: dict[str, str] = {}
        messages = list(self._read_all(keys, moves))
        numbers = self._numbers(messages)
        with self._store.begin() as tx:
            self._record(tx, self._handled(tx, messages, numbers, moves))
        for key, folder in moves.items():
            self._box.move(key, folder)

    def _record(self, tx: Transaction, handled: list[Bounce]) -> None:
        now, report = self._clock(), self.report
        failed = [bounce for bounce in handled if bounce.verdict is Verdict.FAILED]
        tx.bounces.remember(handled, now)
        report.failed += len(tx.bounces.fail(failed, now))
        report.proposed += self._refusals.note(tx, _refusing(failed))
        report.matched += len(handled)
        report.delayed += sum(bounce.verdict is Verdict.DELAYED for bounce in handled)

    def _read_all(self, keys: list[str], moves: dict[str, str]) -> Iterator[_Read]:
        """What cannot be taken apart, or says nothing about a delivery of ours, is set aside at once."""
        for key in keys:
            try:
                raw = self._box.read(key, LARGEST)
                if raw is None:
                    continue
                found = self._extract(key, raw)
            except NotConfigured as error:
                self.unread = self.unread or error
                continue
            except Unreadable:
                found = None
            self.report.processed += 1
            if found is None:
                self._set_aside(key, moves)
            else:
                yield found

    def _extract(self, key: str, raw: bytes) -> _Read | None:
        message = read(raw)
        numbers = filter(None, map(self._return_path.delivery_id, message.recipients))
        number = next(numbers, None)
        if number is None and not message.message_ids:
            return None
        return _Read(key, sha256(raw).hexdigest(), number, message.message_ids, _said(message))

    def _numbers(self, messages: list[_Read]) -> dict[str, int]:
        """By message, the delivery it is about: the address that it came back to decides, and only without one what
        came back in it."""
        wanted = {each for message in messages if message.number is None for each in message.message_ids}
        with self._store.read() as tx:
            by_message_id = tx.bounces.ids_of(wanted)
        numbers: dict[str, int] = {}
        for message in messages:
            candidates = [message.number] if message.number else map(by_message_id.get, message.message_ids)
            if number := next(filter(None, candidates), None):
                numbers[message.key] = number
        return numbers

    def _handled(
        self, tx: Transaction, messages: list[_Read], numbers: dict[str, int], moves: dict[str, str]
    ) -> list[Bounce]:
        """Those that say something new about a delivery; where each message goes is added to `moves`."""
        known = tx.bounces.known([message.digest for message in messages])
        deliveries = tx.bounces.deliveries(numbers.values())
        handled = []
        for message in messages:
            delivery = deliveries.get(numbers.get(message.key, 0))
            if message.digest in known:
                self.report.matched += 1
                self.report.repeated += 1
                moves[message.key] = PROCESSED
            elif delivery is None or not message.said:
                self._set_aside(message.key, moves)
            elif delivery.status is DeliveryStatus.SENDING:
                self.report.left += 1
            else:
                handled.append(bounce_of(message.digest, delivery, message.said))
                moves[message.key] = PROCESSED
        return handled

    def _set_aside(self, key: str, moves: dict[str, str]) -> None:
        self.report.aside += 1
        moves[key] = UNMATCHED


def _said(message: BounceMessage) -> Sequence[Notification]:
    return message.notifications or message.guessed()


def _refusing(failed: list[Bounce]) -> Iterator[tuple[str, str]]:
    """Addresses that were refused, with the reply. A customer's own is not if the one that they forward to was."""
    return ((bounce.delivery.email, bounce.reply) for bounce in failed if bounce.of_recipient)
