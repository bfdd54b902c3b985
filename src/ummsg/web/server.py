"""The server: uvicorn, with what it does not know about patience."""

import os
import signal
import socket
from asyncio import TimerHandle, Transport

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ummsg.errors import InvalidInput
from ummsg.web.guard import SECURITY_HEADERS

MOST_CONNECTIONS = 1000
MOST_HEAD_BYTES = 65_536
HEAD_SECONDS = 10
"""How long the head of a request may take to come: uvicorn itself waits for ever."""

ANSWER_SECONDS = 30
"""How long somebody may take to read what they asked for."""

IDLE_SECONDS = 15
"""How long a connection is kept for another request."""


class Server:
    """A listening socket, and the ASGI application that answers there."""

    def __init__(self, application: ASGIApp) -> None:
        self.application = application
        self._socket: socket.socket | None = None

    def listen(self, host: str, port: int) -> str:
        """The address, as a browser takes it; port 0 takes a free one. Raises InvalidInput if it cannot be had."""
        if not host.strip():
            raise InvalidInput("--host is empty: that would be every address of this machine", hint="--host 127.0.0.1")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=2048)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise InvalidInput(f"{host}, port {port}: {why}", hint="--port 0 takes a free one") from None
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{self._socket.getsockname()[1]}"

    def run(self) -> None:
        """Answer until a signal ends it; what is being answered then still is."""
        assert self._socket is not None  # noqa: S101 - `listen` comes first
        config = uvicorn.Config(
            self.application,
            http=_Impatient,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn raises what ended it once more, afterwards; and before it listens for them one may come already.
            signal.signal(number, server.handle_exit)
        server.run(sockets=[self._socket])


class _Impatient(HttpToolsProtocol):
    """Hangs up on who connects and does not say what they want, says too much, or does not listen.

    uvicorn minds neither the head of a request nor a reader that has stopped, and what it answers by itself (400, and
    503 above its limit) has none of our headers.
    """

    _waits: TimerHandle | None = None
    _unread: TimerHandle | None = None
    _head = 0
    """Bytes of a head that is not complete."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.parser is None:
            return
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()  # also if none is to come: whatever is said ends uvicorn's own patience
        if self._waits is not None:
            self._head += len(data)
            if self._head > MOST_HEAD_BYTES:
                self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        self._head = 0
        self._waits = _stopped(self._waits)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._unread = _stopped(self._unread)
        super().resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._waits, self._unread = _stopped(self._waits), _stopped(self._unread)
        super().connection_lost(error)

    def send_400_response(self, message: str) -> None:
        about = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(message)),
            "Connection": "close",
        }
        head = [f"{name}: {value}" for name, value in {**SECURITY_HEADERS, **about}.items()]
        self.transport.write("\r\n".join(["HTTP/1.1 400 Bad Request", *head, "", message]).encode())
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._waits = self._waits or self.loop.call_later(HEAD_SECONDS, self.transport.close)


def _stopped(timer: TimerHandle | None) -> TimerHandle | None:
    """None, after it was cancelled."""
    if timer is not None:
        timer.cancel()
    return None
