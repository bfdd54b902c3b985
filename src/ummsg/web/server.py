"""The server: uvicorn, with what it does not know about patience."""

import signal
import socket
from asyncio import TimerHandle, Transport

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ummsg.errors import InvalidInput

MOST_CONNECTIONS = 1000
HEAD_SECONDS = 10
"""How long the head of a request may take to come: uvicorn itself waits for ever."""

IDLE_SECONDS = 15
"""How long a connection is kept for another request."""


class Server:
    """A listening socket, and the ASGI application that answers there."""

    def __init__(self, application: ASGIApp) -> None:
        self.application = application
        self._socket: socket.socket | None = None

    def listen(self, host: str, port: int) -> str:
        """The address, as a browser takes it; port 0 takes a free one. Raises InvalidInput if it cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=2048)
        except OSError as error:
            raise InvalidInput(
                f"{host}, port {port}: {error.strerror or error}", hint="--host 127.0.0.1 --port 8080, or what is free"
            ) from None
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
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn raises what ended it once more, afterwards; and before it listens for them one may come already.
            signal.signal(number, server.handle_exit)
        server.run(sockets=[self._socket])


class _Impatient(HttpToolsProtocol):
    """Hangs up on who connects and does not say what they want."""

    _waits: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._have_head()
        super().on_headers_complete()

    def connection_lost(self, error: Exception | None) -> None:
        self._have_head()
        super().connection_lost(error)

    def _wait_for_head(self) -> None:
        if self._waits is None:
            self._waits = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _have_head(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None
