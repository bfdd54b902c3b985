"""What is answered when something is wrong: problem details (RFC 9457), with the status that says whose move it is."""

import math
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ummsg.errors import AmbiguousReference, InvalidInput, TokenOfAnother, TokenRefused, UmmsgError, UnknownReference
from ummsg.web.guard import log_line

_STATUSES: dict[type[UmmsgError], HTTPStatus] = {
    TokenOfAnother: HTTPStatus.FORBIDDEN,
    TokenRefused: HTTPStatus.UNAUTHORIZED,
    UnknownReference: HTTPStatus.NOT_FOUND,
    AmbiguousReference: HTTPStatus.CONFLICT,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
}
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_LATER = {"Retry-After": "5"}


class Problem(JSONResponse):
    media_type = "application/problem+json"


def problem(status: int, detail: str = "", headers: dict[str, str] | None = None, **more: Any) -> Problem:
    """`more` are members of its own, such as what is wrong with which field."""
    said = {"title": HTTPStatus(status).phrase, "status": status} | ({"detail": detail} if detail else {}) | more
    return Problem(said, status, headers)


def wait_header(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(seconds))}


async def on_error(request: Request, error: Exception) -> Response:
    """What the caller can mend is said to them; what the operator has to is said to the operator alone."""
    assert isinstance(error, UmmsgError)  # noqa: S101 - it is registered for no other
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), None)
    if status is None:
        hint = f" (try: {error.hint})" if error.hint else ""
        log_line("; ".join([f"error: {error.what}", *error.details]) + hint)
        return problem(503, "The server cannot do that now", _LATER)
    details = {"details": error.details} if error.details else {}
    return problem(status, error.what, _CHALLENGE if status == HTTPStatus.UNAUTHORIZED else None, **details)


async def on_http_error(request: Request, error: Exception) -> Response:
    """No such path, no such method, too large, too slow."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    known = error.detail != HTTPStatus(error.status_code).phrase
    return problem(error.status_code, error.detail if known else "", dict(error.headers or {}))


async def on_departure(request: Request, error: Exception) -> Response:
    """The caller hung up before they had said everything: nobody hears this."""
    return problem(400, "The body ended before it was complete")


async def on_fault(request: Request, error: Exception) -> Response:
    """A fault of ours; its traceback goes to the operator."""
    return problem(500, "Something went wrong on the server")
