"""`/v1/notices`: what a customer's dashboard shows, and closing one of them."""

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ummsg.domain.notice import ShownNotice
from ummsg.errors import InvalidInput, UnknownReference
from ummsg.moments import rfc3339
from ummsg.services.directory import Directory
from ummsg.services.feed import Feed
from ummsg.services.notices import Notices
from ummsg.vocabulary import LARGEST, TokenKind
from ummsg.web.access import Access
from ummsg.web.threads import in_thread

_KINDS = (TokenKind.NETWORK, TokenKind.CUSTOMER)
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


class NoticeRoutes:
    def __init__(self, access: Access, feed: Feed, notices: Notices, directory: Directory) -> None:
        self._access = access
        self._feed = feed
        self._notices = notices
        self._directory = directory

    async def shown(self, request: Request) -> Response:
        """Asked of the database here and not in a thread: that would take longer than the question."""
        body = _as_json(self._feed.notices(self._customer(request)))
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = _HEADERS | {"ETag": tag}
        if _matches(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    async def dismiss(self, request: Request) -> Response:
        customer_id = self._customer(request)
        await in_thread(self._dismiss, request.path_params["notice_id"], customer_id)
        return Response(status_code=204)

    def _customer(self, request: Request) -> int:
        token = self._access.bearer(request, *_KINDS)
        return self._feed.whose(token, request.query_params.get("customer"))

    def _dismiss(self, number: str, customer_id: int) -> None:
        customer = self._directory.customer_numbered(customer_id)
        try:
            self._notices.dismiss(_notice_id(number), customer)
        except InvalidInput:  # also a notice of others, of which nothing is said
            raise HTTPException(404, "That notice is not on this dashboard") from None


def _notice_id(text: str) -> int:
    """Raises UnknownReference for what can be none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST):
        raise UnknownReference(f"There is no notice {text[:20]!r}")
    return int(text)


def _as_json(notices: Sequence[ShownNotice]) -> bytes:
    return f'{{"notices":[{",".join(map(_one_as_json, notices))}]}}'.encode()


@lru_cache(maxsize=4096)
def _one_as_json(notice: ShownNotice) -> str:
    """Made once, as it is for most of those who see it."""
    shown = {
        "id": notice.id,
        "notice_type": notice.notice_type.value,
        "subject": notice.subject,
        "html": notice.html,
        "starts": notice.starts and rfc3339(notice.starts),
        "ends": notice.ends and rfc3339(notice.ends),
    }
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _matches(wanted: str, tag: str) -> bool:
    """If-None-Match (RFC 9110 § 13.1.2): weakly compared."""
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in wanted.split(","))
