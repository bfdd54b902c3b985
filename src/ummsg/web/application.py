"""The application: which paths there are, and what holds for all of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from ummsg.domain.event import PAYLOAD_MAXIMUM
from ummsg.errors import UmmsgError
from ummsg.services.directory import Directory
from ummsg.services.feed import Feed
from ummsg.services.notices import Notices
from ummsg.services.tokens import Tokens
from ummsg.services.unsubscriptions import Unsubscriptions
from ummsg.services.webhooks import Webhooks
from ummsg.web.access import Access
from ummsg.web.answers import on_error, on_fault, on_http_error
from ummsg.web.dashboard import DashboardRoutes
from ummsg.web.events import EventRoutes
from ummsg.web.guard import Guard
from ummsg.web.notices import NoticeRoutes
from ummsg.web.pages import STATIC
from ummsg.web.tokens import TokenRoutes
from ummsg.web.unsubscribing import UnsubscribeRoutes

MOST_BYTES = 2 * PAYLOAD_MAXIMUM
"""Of a request's body."""

_FROM_ANYWHERE = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["GET", "POST"],
    allow_headers=["Authorization", "If-None-Match"],
    expose_headers=["ETag"],
    max_age=86_400,
)
"""Any page may embed the element: what opens the feed is a token in a header, never a cookie."""


@dataclass(frozen=True)
class Served:
    """The use cases that are served."""

    feed: Feed
    notices: Notices
    directory: Directory
    tokens: Tokens
    unsubscriptions: Unsubscriptions
    webhooks: Webhooks


def application(served: Served) -> ASGIApp:
    """The ASGI application."""
    handlers: Mapping[Any, Any] = {UmmsgError: on_error, HTTPException: on_http_error, Exception: on_fault}
    limit = Middleware(RequestBodyLimitMiddleware, max_body_size=MOST_BYTES)
    return Guard(Starlette(routes=_routes(served), middleware=[limit], exception_handlers=handlers))


def _routes(served: Served) -> list[BaseRoute]:
    access = Access(served.feed)
    notices = NoticeRoutes(access, served.feed, served.notices, served.directory)
    tokens = TokenRoutes(access, served.feed, served.tokens, served.directory)
    events = EventRoutes(access, served.webhooks)
    unsubscribing = UnsubscribeRoutes(access, served.unsubscriptions)
    return [
        Mount(
            "/v1",
            routes=[
                Route("/notices", notices.shown),
                Route("/notices/{notice_id:int}/dismiss", notices.dismiss, methods=["POST"]),
                Route("/tokens", tokens.create, methods=["POST"]),
                Route("/events/{slug}", events.signed, methods=["POST"]),
                Route("/events/{slug}/{secret}", events.unsigned, methods=["POST"]),
            ],
            middleware=[_FROM_ANYWHERE],
        ),
        Route("/u/{token}", unsubscribing.answer, methods=["GET", "POST"]),
        Route("/dashboard", DashboardRoutes(access).look),
        Route("/ummsg-notices.js", _element),
        Route("/page.css", _style),
        Route("/openapi.json", _description),
        Route("/healthz", Health(served.feed).answer),
    ]


async def _element(request: Request) -> Response:
    """For pages of other origins, too."""
    headers = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"}
    return FileResponse(STATIC / "ummsg-notices.js", media_type="text/javascript", headers=headers)


async def _style(request: Request) -> Response:
    return FileResponse(STATIC / "page.css", headers={"Cache-Control": "public, max-age=3600"})


async def _description(request: Request) -> Response:
    return JSONResponse(openapi())


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 description of all this."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))
    return found


class Health:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def answer(self, request: Request) -> Response:
        """It works, and so does its database."""
        self._feed.check()
        return JSONResponse({"status": "ok"})
