"""What holds of every request and every answer: time, headers, and a line in the log."""

import asyncio
import sys
import time
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_SECONDS = 10
"""How long a body may take to come."""

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The policy for what is no page (CSP Level 3)."""

_HEADERS = {
    "Content-Security-Policy": NOTHING,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


_UNREAD = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


class Guard:
    """The outermost layer around the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR

        async def guarded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if status in _UNREAD:
                    headers["Connection"] = "close"  # or the rest of the body would be listened to
            await send(message)

        try:
            await self._app(scope, _hurried(receive), guarded_send)
        finally:
            _log(scope, status, time.perf_counter() - began)


def _hurried(receive: Receive) -> Receive:
    """A body that does not come in time is given up; how large it may be is Starlette's to watch."""
    deadline = time.monotonic() + BODY_SECONDS
    complete = False

    async def hurried() -> Message:
        nonlocal complete
        if complete:
            return await receive()  # it waits for the end of the connection
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The body took too long to come") from None
        complete = not message.get("more_body", False)
        return message

    return hurried


_SECRET = ("token", "secret")
"""Parts of a path that open something."""


def _log(scope: Scope, status: int, seconds: float) -> None:
    """Neither queries nor tokens, and of a path that leads nowhere nothing: it may be a token that was mistyped."""
    parameters = scope.get("path_params", {})
    path = str(scope["path"]) if "endpoint" in scope else "(no such path)"
    for name in _SECRET:
        if name in parameters:
            path = path.replace(parameters[name], "***")
    client = scope["client"][0] if scope.get("client") else "-"
    line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {client} {scope['method']} {path} {int(status)}"
    sys.stderr.write(f"{line.encode('unicode_escape').decode()} {seconds * 1000:.1f}ms\n")
