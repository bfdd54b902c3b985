"""Many messages over several SMTP connections, in one thread: sockets that do not block, and a lane for each."""

import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence

from ummsg.errors import MailServerUnreachable, NotConfigured
from ummsg.mail.transports.base import unusable
from ummsg.mail.transports.courier import Sack
from ummsg.mail.transports.smtp_lane import Lane, OnTheWay, Settled
from ummsg.mail.transports.smtp_session import Session
from ummsg.mail.transports.smtp_transaction import as_data
from ummsg.mail.transports.smtp_wire import CHUNK, ConnectionLost

LETTER_SECONDS = 0.02
"""How soon a connection that has nothing to do looks for a letter again while others are at work."""

RECEIVED = 2 * 1024
"""Bytes of replies read at once; they are short."""

LOOK_SECONDS = 0.05
"""How often, at most, it is asked which server takes too long."""

LOST_IN_A_ROW = 20
"""Connections that may be lost with nothing settled in between, before the server is given up."""

OpenSession = Callable[[], Session]


class _Road:
    """A connection and its lane."""

    def __init__(self, session: Session, selector: selectors.BaseSelector) -> None:
        self.lane = Lane(session)
        self.socket = session.wire.socket
        self.socket.setblocking(False)
        self.timeout = session.server.timeout
        self.waited_since = time.monotonic()
        self._replies = session.wire.replies
        self._selector = selector
        self._is_blocked = False
        selector.register(self.socket, selectors.EVENT_READ, self)

    def says(self) -> None:
        """Hand over what is to be said, as far as the kernel takes it. Raises ConnectionLost."""
        while self.lane.out:
            try:
                out = self.lane.out
                number = self.socket.send(out if len(out) <= CHUNK else memoryview(out)[:CHUNK])
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                break
            except OSError as error:
                raise _lost(error) from None
            self.lane.said(number)
            self.waited_since = time.monotonic()
        if self._is_blocked is not bool(self.lane.out):
            self._is_blocked = not self._is_blocked
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._is_blocked else 0)
            self._selector.modify(self.socket, wanted, self)

    def hears(self) -> list[Settled]:
        """What the replies that are there decide. A connection that is lost meanwhile leaves its lane `closing`."""
        settled: list[Settled] = []
        try:
            self._receive()
            if (reply := self._replies.next()) is not None:
                self.waited_since = time.monotonic()
            while reply is not None:
                if (decided := self.lane.heard(reply)) is not None:
                    settled.append(decided)
                reply = self._replies.next()
        except ConnectionLost as lost:
            self.lane.closing = self.lane.closing or str(lost)
        return settled

    def _receive(self) -> None:
        """Everything that is there: what TLS has unpacked already is not announced by the system."""
        pending = 1
        while pending:
            try:
                data = self.socket.recv(RECEIVED)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                raise _lost(error) from None
            self._replies.feed(data)
            if not data:
                raise ConnectionLost("closed the connection")
            pending = self.socket.pending() if isinstance(self.socket, ssl.SSLSocket) else 0

    def overdue(self, now: float) -> str:
        """What to say of a server that takes too long; empty while it does not."""
        if now - self.waited_since < self.timeout or self.lane.idle:
            return ""
        patience = self.timeout * self.lane.patience
        return "" if now - self.waited_since < patience else f"gave no whole answer within {patience:.3g} s"


class SmtpCourier:
    """`connections` is how many at most; a server that refuses more gets fewer."""

    def __init__(self, open_session: OpenSession, connections: int) -> None:
        self._open_session = open_session
        self._most = connections
        self._selector = selectors.DefaultSelector()
        self._roads: list[_Road] = []
        self._again: deque[OnTheWay] = deque()
        self._lost_in_a_row = 0
        self._look_at = 0.0
        self._hungry = False
        """There was no letter for a lane that was ready for one."""
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
                self._speak()
                self._listen()
                self._commit()
                self._close_lost()
        except BaseException:
            self._give_back()
            self._leave(politely=False)
            raise
        self._give_back()
        self._leave(politely=True)
        if self._stopped_by is not None:
            raise self._stopped_by

    def _has_work(self) -> bool:
        if not all(road.lane.idle for road in self._roads):
            return True
        return not self._halted and (bool(self._again) or not self._sack.finished)

    # Letters onto lanes

    def _fill(self) -> None:
        self._hungry = False
        for road in self._roads:
            while road.lane.ready:
                if (letter := self._next()) is None:
                    self._hungry = True
                    return
                self._begin(road, letter)
        while len(self._roads) < self._most and (letter := self._next()) is not None:
            self._again.appendleft(letter)
            if not self._has_another_road():
                return
            self._begin(self._roads[-1], self._again.popleft())

    def _next(self) -> OnTheWay | None:
        if self._halted:
            return None
        if self._again:
            return self._again.popleft()
        try:
            letter = self._sack.next()
        except Exception as error:
            self._halt(error)
            return None
        return None if letter is None else OnTheWay(letter.key, letter.envelope, as_data(letter.message))

    def _begin(self, road: _Road, letter: OnTheWay) -> None:
        if road.lane.idle:
            road.waited_since = time.monotonic()
        refused = unusable(letter.envelope)
        settled = Settled(letter, refused) if refused else road.lane.take(letter)
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
        self._roads.append(_Road(self._open_session(), self._selector))

    # The wires

    def _speak(self) -> None:
        for road in self._roads:
            try:
                if road.lane.out:
                    road.says()
            except ConnectionLost as lost:
                self._hear(road)  # it may have said why before it hung up
                road.lane.closing = road.lane.closing or str(lost)

    def _listen(self) -> None:
        if all(road.lane.idle for road in self._roads):
            self._rest()
            return
        hungry = self._hungry and not self._halted and not self._sack.finished
        for key, _ in self._selector.select(LETTER_SECONDS if hungry else 0.5):
            self._hear(key.data)

    def _rest(self) -> None:
        """There is nothing to do until there is a letter."""
        if self._again or self._halted or self._sack.finished:
            return
        try:
            self._sack.wait(1)
        except Exception as error:
            self._halt(error)

    def _hear(self, road: _Road) -> None:
        for settled in road.hears():
            self._settle(settled)

    def _commit(self) -> None:
        """Before anything more is said, what was settled is kept, and so is what is about to be complete."""
        begun = [
            (road.lane, letter)
            for road in self._roads
            if (letter := road.lane.complete) is not None and not road.lane.closing
        ]
        if self._may_go([letter.key for _, letter in begun]):
            for lane, _ in begun:
                lane.complete = None
            return
        for lane, letter in begun:
            lane.leave_alone()
            self._again.append(letter)

    def _may_go(self, keys: Sequence[int]) -> bool:
        try:
            if self._sack.commit([] if self._halted else keys) and not self._halted:
                return True
            self._halt()
        except Exception as error:
            self._halt(error)
        return False

    def _close_lost(self) -> None:
        for road in [road for road in self._roads if road.lane.closing]:
            self._lose(road, road.lane.closing)
        if (now := time.monotonic()) < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        for road in list(self._roads):
            if why := road.overdue(now):
                self._lose(road, why)

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
            try:
                self._sack.take_back(self._again.popleft().key)
            except Exception as error:
                self._halt(error)

    # What the sack is told

    def _settle(self, settled: Settled, *, lost: bool = False) -> None:
        if not lost:
            self._lost_in_a_row = 0
        try:
            self._sack.settle(settled.letter.key, settled.outcome)
        except Exception as error:
            self._halt(error)

    def _halt(self, why: Exception | None = None) -> None:
        """Begin nothing more. What is on the wire is settled before the error, if it is one, is raised."""
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
