"""`/v1/tokens`: a token for a customer's browser, made when they open their dashboard."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ummsg.domain.token import Token
from ummsg.moments import rfc3339
from ummsg.services.directory import Directory
from ummsg.services.feed import Feed
from ummsg.services.tokens import Tokens
from ummsg.vocabulary import TokenKind
from ummsg.web.access import Access
from ummsg.web.threads import in_thread


class TokenRoutes:
    def __init__(self, access: Access, feed: Feed, tokens: Tokens, directory: Directory) -> None:
        self._access = access
        self._feed = feed
        self._tokens = tokens
        self._directory = directory

    async def create(self, request: Request) -> Response:
        """For a server of the network's, which knows who has logged in; as `ummsg tokens create customer`."""
        asks = self._access.bearer(request, TokenKind.NETWORK)
        customer_id = self._feed.whose(asks, request.query_params.get("customer"))
        token, text = await in_thread(self._create, customer_id, f"asked for with token {asks.id}")
        assert token.expires_at is not None  # noqa: S101 - a customer's always has an end
        return JSONResponse({"token": text, "expires_at": rfc3339(token.expires_at)}, 201)

    def _create(self, customer_id: int, note: str) -> tuple[Token, str]:
        customer = self._directory.customer_numbered(customer_id)
        return self._tokens.create(TokenKind.CUSTOMER, customer=customer, note=note)
