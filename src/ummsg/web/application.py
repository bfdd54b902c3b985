"""The application: which paths there are, and what holds for all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from ummsg.errors import UmmsgError
from ummsg.services.directory import Directory
from ummsg.services.feed import Feed
from ummsg.services.notices import Notices
from ummsg.services.tokens import Tokens
from ummsg.services.unsubscriptions import Unsubscriptions
from ummsg.services.webhooks import Webhooks
from ummsg.web import files
from ummsg.web.access import Access
from ummsg.web.answers import on_departure, on_error, on_fault, on_http_error
from ummsg.web.dashboard import DashboardRoutes
from ummsg.web.events import EventRoutes
from ummsg.web.guard import Endpoint, Guard
from ummsg.web.health import HealthRoutes
from ummsg.web.notices import NoticeRoutes
from ummsg.web.tokens import TokenRoutes
from ummsg.web.unsubscribing import STYLE, UnsubscribeRoutes

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
    routes = _routes(served)
    handlers: Mapping[Any, Any] = {
        UmmsgError: on_error,
        HTTPException: on_http_error,
        ClientDisconnect: on_departure,
        Exception: on_fault,
    }
    starlette = Starlette(routes=routes, exception_handlers=handlers)
    # A path that is nearly one of ours is none: what it is redirected to would have its token in it once more.
    starlette.router.redirect_slashes = False
    return Guard(starlette, dict(_paths(routes)))


def _routes(served: Served) -> list[BaseRoute]:
    access = Access(served.feed)
    notices = NoticeRoutes(access, served.feed, served.notices, served.directory)
    tokens = TokenRoutes(access, served.feed, served.tokens, served.directory)
    events = EventRoutes(access, served.webhooks)
    unsubscribing = UnsubscribeRoutes(access, served.unsubscriptions)
    feed = [
        Route("/notices", notices.shown),
        Route("/notices/{notice_id}/dismiss", notices.dismiss, methods=["POST"]),
        Route("/tokens", tokens.create, methods=["POST"]),
        Route("/events/{slug}", events.signed, methods=["POST"]),
        Route("/events/{slug}/{secret}", events.unsigned, methods=["POST"]),
    ]
    return [
        Mount("/v1", Router(feed, redirect_slashes=False, middleware=[_FROM_ANYWHERE])),
        Route(STYLE, files.style),
        Route("/u/{token}", unsubscribing.answer, methods=["GET", "POST"]),
        Route("/dashboard", DashboardRoutes(access).look),
        Route("/ummsg-notices.js", files.element),
        Route("/openapi.json", files.description),
        Route("/healthz", HealthRoutes(served.feed).answer),
    ]


def _paths(routes: Sequence[BaseRoute], before: str = "") -> Iterator[tuple[Endpoint, str]]:
    for route in routes:
        if isinstance(route, Mount):
            yield from _paths(route.routes, before + route.path)
        elif isinstance(route, Route):
            yield route.endpoint, before + route.path
