"""`/v1/events/{slug}`: something happened on the network."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ummsg.domain.webhook import Signed
from ummsg.errors import TokenRefused
from ummsg.services.events import Fired
from ummsg.services.webhooks import Webhooks
from ummsg.vocabulary import TokenKind
from ummsg.web.access import Access
from ummsg.web.threads import in_thread


class EventRoutes:
    def __init__(self, access: Access, webhooks: Webhooks) -> None:
        self._access = access
        self._webhooks = webhooks

    async def unsigned(self, request: Request) -> Response:
        """With a token in the path: Ultimate Multisite's webhooks can say it nowhere else."""
        self._access.token(request, request.path_params["secret"], TokenKind.WEBHOOK)
        slug, body = request.path_params["slug"], await request.body()
        return _answer(slug, await in_thread(self._webhooks.unsigned, slug, body))

    async def signed(self, request: Request) -> Response:
        headers = (request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        slug, signed, body = request.path_params["slug"], Signed(*headers), await request.body()
        try:
            return _answer(slug, await in_thread(self._webhooks.signed, slug, signed, body))
        except TokenRefused:
            self._access.note_refusal(request)
            raise


def _answer(slug: str, fired: Fired) -> Response:
    """Taken: it is stored. What became of its emails is for the operator to see (`ummsg events log`)."""
    repeated = not fired.events
    return JSONResponse({"event": slug, "id": fired.event_id, "repeated": repeated}, 200 if repeated else 202)
