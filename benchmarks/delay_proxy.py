"""A way to a server that takes time: whatever comes in goes out so much later, in the same order, as fast as it came.

    python delay_proxy.py LISTEN_PORT SERVER_PORT SECONDS_EACH_WAY

One process and one thread, whatever number of connections. Opening a connection itself takes no time here, as the
system does that before we know of it; who opens one for each message is spared a round trip.
"""

import selectors
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field

_READ = 256 * 1024


@dataclass(eq=False)
class _End:
    """One end of a connection. What is read from its `other` waits here for its time and is then written."""

    socket: socket.socket
    due: deque[tuple[float, bytes]] = field(default_factory=deque)
    """When, and what; nothing (b"") is the end of the stream."""
    unwritten: bytes = b""
    readable: bool = True
    """Whether more may still come from it."""
    closing: bool = False
    """Whether nothing more will be written to it."""

    @property
    def blocked(self) -> bool:
        return bool(self.unwritten)


class DelayProxy:
    def __init__(self, listener: socket.socket, server_port: int, delay: float) -> None:
        self._server_port = server_port
        self._delay = delay
        self._other: dict[_End, _End] = {}
        # Not epoll: its timeouts are whole milliseconds, a fifth of what is to be waited.
        self._selector = selectors.SelectSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        listener.setblocking(False)

    def serve(self) -> None:
        """For ever."""
        while True:
            for key, ready in self._selector.select(self._next_due()):
                if isinstance(key.data, _End):
                    self._attend(key.data, ready)
                else:
                    self._accept(key.fileobj)
            self._deliver()

    def _accept(self, listener: object) -> None:
        assert isinstance(listener, socket.socket)
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", self._server_port))
        ends = [_End(each) for each in (client, server)]
        for end, other in (ends, reversed(ends)):
            end.socket.setblocking(False)
            end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._other[end] = other
            self._selector.register(end.socket, selectors.EVENT_READ, end)

    def _next_due(self) -> float | None:
        """Seconds until something is to be written; None if nothing waits."""
        moments = [end.due[0][0] for end in self._other if end.due and not end.blocked]
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _attend(self, end: _End, ready: int) -> None:
        if ready & selectors.EVENT_WRITE:
            self._write(end)
        if ready & selectors.EVENT_READ and end in self._other:
            try:
                data = end.socket.recv(_READ)
            except ConnectionError:
                data = b""
            self._other[end].due.append((time.monotonic() + self._delay, data))
            end.readable = bool(data)
            self._listen(end)

    def _deliver(self) -> None:
        now = time.monotonic()
        for end in list(self._other):
            while end.due and end.due[0][0] <= now and not end.blocked:
                _, end.unwritten = end.due.popleft()
                end.closing = end.closing or not end.unwritten
                self._write(end)

    def _write(self, end: _End) -> None:
        try:
            end.unwritten = end.unwritten[end.socket.send(end.unwritten) :] if end.unwritten else b""
            if end.closing and not end.unwritten:
                end.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:  # it is gone: nobody is left to be told what was on its way
            end.unwritten, end.closing = b"", True
        self._listen(end)
        self._close_if_over(end)

    def _listen(self, end: _End) -> None:
        events = selectors.EVENT_READ * end.readable | selectors.EVENT_WRITE * end.blocked
        registered = end.socket in self._selector.get_map()
        if events and registered:
            self._selector.modify(end.socket, events, end)
        elif events:
            self._selector.register(end.socket, events, end)
        elif registered:
            self._selector.unregister(end.socket)

    def _close_if_over(self, end: _End) -> None:
        other = self._other[end]
        if end.closing and other.closing and not (end.blocked or other.blocked):
            for each in (end, other):
                each.readable = False
                self._listen(each)
                each.socket.close()
                del self._other[each]


def main() -> None:
    port, server_port, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with socket.create_server(("127.0.0.1", port), backlog=200) as listener:
        DelayProxy(listener, server_port, delay).serve()


if __name__ == "__main__":
    main()
