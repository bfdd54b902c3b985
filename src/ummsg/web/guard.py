"""What holds of every request and every answer: size and time, headers, and a line in the log."""

import asyncio
import re
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ummsg.domain.event import PAYLOAD_MAXIMUM

MOST_BYTES = 2 * PAYLOAD_MAXIMUM
"""Of a request's body."""

BODY_SECONDS = 10
"""How long a body may take to come."""

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The policy for what is no page (CSP Level 3)."""

SECURITY_HEADERS = {
    "Content-Security-Policy": NOTHING,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

_ENCODED = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

_UNREAD = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
"""Answers after which the rest of a body may still be on its way."""

Endpoint = Callable[..., Any]


class Guard:
    """The outermost layer. `paths` says under which path each endpoint is; others are not written down."""

    def __init__(self, app: ASGIApp, paths: Mapping[Endpoint, str]) -> None:
        self._app = app
        self._paths = paths

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
                own = {name for name, _ in message["headers"]}
                more = [pair for pair in _ENCODED if pair[0] not in own]
                more += [(b"connection", b"close")] if status in _UNREAD else []
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        try:
            await self._app(scope, _bounded(scope, receive), guarded_send)
        finally:
            self._log(scope, status, time.perf_counter() - began)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        """The path as it is described, and of what stands in it only an event's name or a number.

        Never what was asked for: a token is also one where it was put by mistake.
        """
        endpoint = scope.get("endpoint")
        path = self._paths.get(endpoint, "") if endpoint else ""
        for name, value in scope.get("path_params", {}).items():
            path = path.replace(f"{{{name}}}", _harmless(str(value)))
        client = scope["client"][0] if scope.get("client") else "-"
        log_line(f"{client} {scope['method']} {path or '(no such path)'} {int(status)} {seconds * 1000:.1f}ms")


def log_line(said: str) -> None:
    """On standard error, with the time, whatever it is: as one line of ASCII."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stderr.write(f"{now} {said.encode('unicode_escape').decode()}\n")


def _harmless(text: str) -> str:
    return text if re.fullmatch(r"[a-z_]{1,80}|[0-9]{1,19}", text) else "***"


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """A body that is too large, or does not come in time, is given up."""
    announced = Headers(scope=scope).get("content-length", "")
    too_large = announced.isdecimal() and (len(announced) > 9 or int(announced) > MOST_BYTES)
    taken = 0
    deadline = time.monotonic() + BODY_SECONDS
    complete = False

    async def bounded() -> Message:
        nonlocal taken, complete
        if complete:
            return await receive()  # it waits for the end of the connection
        if too_large:
            raise _too_large()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The body took too long to come") from None
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise _too_large()
        complete = not message.get("more_body", False)
        return message

    return bounded


def _too_large() -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {MOST_BYTES // 1024} KiB")
