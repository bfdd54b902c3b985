"""Many messages over several SMTP connections, in one thread: sockets that do not block, and a lane for each."""

import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from ummsg.domain.delivery import Outcome
from ummsg.errors import MailServerRefused, MailServerUnreachable, NotConfigured
from ummsg.mail.transports.base import unusable
from ummsg.mail.transports.courier import Sack
from ummsg.mail.transports.smtp_lane import Lane, OnTheWay, Settled
from ummsg.mail.transports.smtp_session import Session
from ummsg.mail.transports.smtp_transaction import as_data
from ummsg.mail.transports.smtp_wire import CHUNK, ConnectionLost

LETTER_SECONDS = 0.02
"""How soon a connection that has nothing to do looks for a letter again while others are at work."""

LOST_IN_A_ROW = 20
"""Connections that may be lost with nothing settled in between, before the server is given up."""

T = TypeVar("T")
OpenSession = Callable[[], Session]


class _Road:
    """A connection and its lane."""

    def __init__(self, session: Session, commit: Callable[[int], bool]) -> None:
        self.lane = Lane(session, lambda letter: commit(letter.key))
        self.socket = session.wire.socket
        self.socket.setblocking(False)
        self.timeout = session.server.timeout
        self.waited_since = time.monotonic()

    def says(self) -> None:
        """Hand over what is to be said, as far as the kernel takes it. Raises ConnectionLost."""
        while self.lane.out:
            try:
                number = self.socket.send(memoryview(self.lane.out)[:CHUNK])
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            except OSError as error:
                raise _lost(error) from None
            self.lane.said(number)
            self.waited_since = time.monotonic()

    def hears(self) -> list[Settled]:
        """What the replies that are there decide. A connection that is lost meanwhile leaves its lane `closing`."""
        settled: list[Settled] = []
        try:
            self._receive()
            while (reply := self.lane.session.wire.replies.next()) is not None:
                self.waited_since = time.monotonic()
                if (decided := self.lane.heard(reply)) is not None:
                    settled.append(decided)
        except ConnectionLost as lost:
            self.lane.closing = self.lane.closing or str(lost)
        return settled

    def _receive(self) -> None:
        """Everything that is there: what TLS has unpacked already is not announced by the system."""
        pending = 1
        while pending:
            try:
                data = self.socket.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                raise _lost(error) from None
            self.lane.session.wire.replies.feed(data)
            if not data:
                raise ConnectionLost("closed the connection")
            pending = self.socket.pending() if isinstance(self.socket, ssl.SSLSocket) else 0

    @property
    def overdue(self) -> str:
        """What to say of a server that takes too long; empty while it does not."""
        patience = self.timeout * self.lane.patience
        if self.lane.idle or time.monotonic() - self.waited_since < patience:
            return ""
        return f"gave no whole answer within {patience:.3g} s"


class SmtpCourier:
    """`connections` is how many at most; a server that refuses more gets fewer."""

    def __init__(self, open_session: OpenSession, connections: int) -> None:
        self._open_session = open_session
        self._most = connections
        self._selector = selectors.DefaultSelector()
        self._roads: list[_Road] = []
        self._again: deque[OnTheWay] = deque()
        self._lost_in_a_row = 0
        self._halted = False
        """Nothing more is begun; what is complete is still settled."""
        self._stopped_by: Exception | None = None

    def carry(self, sack: Sack) -> None:
        """Deliver everything in a sack.

        Raises what the sack raises, MailServerUnreachable when no connection can be had, and MailServerRefused or
        NotConfigured as opening one does; what was committed is settled first.
        """
        self._sack = sack
        self._open()
        try:
            while self._has_work():
                self._fill()
                self._turn()
        except BaseException:
            self._give_back()
            self._leave(politely=False)
            raise
        self._give_back()
        self._leave(politely=True)
        if self._stopped_by is not None:
            raise self._stopped_by

    def _has_work(self) -> bool:
        if any(not road.lane.idle for road in self._roads):
            return True
        return not self._halted and (bool(self._again) or not self._sack.finished)

    # Letters onto lanes

    def _fill(self) -> None:
        while not self._halted:
            road = next((road for road in self._roads if road.lane.ready), None)
            if road is None and len(self._roads) >= self._most:
                return
            on_the_way = self._next()
            if on_the_way is None:
                return
            if road is not None:
                self._begin(road, on_the_way)
                continue
            self._again.appendleft(on_the_way)
            if not self._has_another_road():
                return

    def _next(self) -> OnTheWay | None:
        if self._again:
            return self._again.popleft()
        letter = self._guarded(self._sack.next)
        return None if letter is None else OnTheWay(letter.key, letter.envelope, as_data(letter.message))

    def _begin(self, road: _Road, on_the_way: OnTheWay) -> None:
        if road.lane.idle:
            road.waited_since = time.monotonic()
        refused = unusable(on_the_way.envelope)
        settled = Settled(on_the_way, refused) if refused else road.lane.take(on_the_way)
        if settled is not None:
            self._settle(settled)

    def _has_another_road(self) -> bool:
        """Open one more. If the server takes no more, what is open goes on; raises as `carry` does if nothing is."""
        try:
            self._open()
        except (MailServerUnreachable, NotConfigured):
            if not self._roads:
                raise
            self._most = len(self._roads)
            return False
        return True

    def _open(self) -> None:
        road = _Road(self._open_session(), self._commit)
        self._selector.register(road.socket, selectors.EVENT_READ, road)
        self._roads.append(road)

    # The wires

    def _turn(self) -> None:
        for road in list(self._roads):
            self._speak(road)
        if all(road.lane.idle for road in self._roads):
            if not self._again and not self._halted and not self._sack.finished:
                self._guarded(lambda: self._sack.wait(1))
            return
        hungry = any(road.lane.ready for road in self._roads) and not self._halted and not self._sack.finished
        for key, _ in self._selector.select(LETTER_SECONDS if hungry else 0.5):
            self._listen(key.data)
        for road in list(self._roads):
            if why := road.lane.closing or road.overdue:
                self._lose(road, why)

    def _speak(self, road: _Road) -> None:
        try:
            road.says()
        except ConnectionLost as lost:
            self._listen(road)  # it may have said why before it hung up
            self._lose(road, str(lost))
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if road.lane.out else 0)
        if self._selector.get_key(road.socket).events != wanted:
            self._selector.modify(road.socket, wanted, road)

    def _listen(self, road: _Road) -> None:
        for settled in road.hears():
            self._settle(settled)

    def _lose(self, road: _Road, how: str) -> None:
        self._close(road)
        self._lost_in_a_row += 1
        for left in road.lane.lost(how):
            if isinstance(left, Settled):
                self._settle(left, lost=True)
            else:
                self._again.append(left)
        if self._lost_in_a_row > LOST_IN_A_ROW:
            self._halt(MailServerUnreachable(f"The mail server {how}, again and again", hint="ummsg doctor"))
        if self._halted:
            self._give_back()
        elif not self._roads and self._again:
            self._open()

    def _give_back(self) -> None:
        while self._again:
            key = self._again.popleft().key
            self._guarded(lambda key=key: self._sack.take_back(key))  # type: ignore[misc]

    # What the sack is told

    def _settle(self, settled: Settled, *, lost: bool = False) -> None:
        if not lost:
            self._lost_in_a_row = 0
        outcome: Outcome | MailServerRefused = settled.outcome
        self._guarded(lambda: self._sack.settle(settled.letter.key, outcome))

    def _commit(self, key: int) -> bool:
        if not self._halted and not self._guarded(lambda: self._sack.commit(key)):
            self._halt()
        return not self._halted

    def _guarded(self, ask: Callable[[], T]) -> T | None:
        """What the sack raises is kept until what is on the wire is settled."""
        try:
            return ask()
        except Exception as error:
            self._halt(error)
            return None

    def _halt(self, why: Exception | None = None) -> None:
        self._halted = True
        self._stopped_by = self._stopped_by or why

    # Leaving

    def _leave(self, *, politely: bool) -> None:
        for road in list(self._roads):
            self._close(road, politely=politely)
        self._selector.close()

    def _close(self, road: _Road, *, politely: bool = False) -> None:
        self._selector.unregister(road.socket)
        self._roads.remove(road)
        if politely:
            road.lane.session.quit()
        else:
            road.lane.session.wire.close()


def _lost(error: OSError) -> ConnectionLost:
    if isinstance(error, (ConnectionError, ssl.SSLEOFError, socket.timeout)):
        return ConnectionLost("closed the connection")
    return ConnectionLost(f"was lost ({error.strerror or error})")
