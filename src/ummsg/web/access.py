"""Who asks: tokens in the Authorization header, and how often which of them may."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ummsg.domain.token import Token
from ummsg.errors import TokenRefused
from ummsg.services.feed import Feed
from ummsg.vocabulary import TokenKind
from ummsg.web.answers import wait_header
from ummsg.web.buckets import Buckets


class Access:
    """A customer's token asks 5 times a second, 50 at once; who shows what opens nothing, once a second, 20 at once.

    What is right is never refused for what others at the same address got wrong.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._of_customers = Buckets(5, 50)
        self._of_refused = Buckets(1, 20)

    def bearer(self, request: Request, *kinds: TokenKind) -> Token:
        """The token that the request carries. Raises TokenRefused, or HTTPException 429."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        return self.token(request, text.strip() if scheme.lower() == "bearer" else "", *kinds)

    def token(self, request: Request, text: str, *kinds: TokenKind) -> Token:
        """The live token of one of these kinds that a text is. Raises as `bearer` does."""
        try:
            token = self._feed.token(text, *kinds)
        except TokenRefused:
            self.note_refusal(request)
            raise
        if token.kind is TokenKind.CUSTOMER:
            self._slow_down(self._of_customers, token.id)
        return token

    def note_refusal(self, request: Request) -> None:
        """Somebody showed what opens nothing. Raises HTTPException 429 if they do so again and again."""
        self._slow_down(self._of_refused, request.client.host if request.client else "")

    def _slow_down(self, buckets: Buckets, who: object) -> None:
        if seconds := buckets.wait(who):
            raise HTTPException(429, "Too many requests; wait a little", wait_header(seconds))
