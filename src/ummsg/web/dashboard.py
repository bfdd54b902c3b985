"""`/dashboard`: a look at what a customer sees."""

from starlette.requests import Request
from starlette.responses import Response

from ummsg.errors import TokenRefused
from ummsg.vocabulary import TokenKind
from ummsg.web.access import Access
from ummsg.web.pages import page


class DashboardRoutes:
    def __init__(self, access: Access) -> None:
        self._access = access

    async def look(self, request: Request) -> Response:
        """With a customer's token in the query, the only place where one may be: a browser opens it as a link."""
        text = request.query_params.get("token", "")
        try:
            self._access.token(request, text, TokenKind.CUSTOMER)
        except TokenRefused:
            return page("dashboard.html", 401, token=None)
        return page("dashboard.html", token=text)
