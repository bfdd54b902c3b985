"""`/healthz`: whether it works."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ummsg.services.feed import Feed


class HealthRoutes:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def answer(self, request: Request) -> Response:
        """It does, and so does its database."""
        self._feed.check()
        return JSONResponse({"status": "ok"})
