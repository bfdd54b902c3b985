"""What is the same for everybody: the element, how our pages look, what all of this is."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

_HERE = Path(__file__).parent
_FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


async def element(request: Request) -> Response:
    """For pages of other origins, too, also as a module or with a digest (`integrity`)."""
    headers = {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
    return FileResponse(
        _HERE / "static" / "ummsg-notices.js", media_type="text/javascript", headers=_FOR_AN_HOUR | headers
    )


async def style(request: Request) -> Response:
    return FileResponse(_HERE / "static" / "page.css", headers=_FOR_AN_HOUR)


async def description(request: Request) -> Response:
    """OpenAPI 3.1."""
    return FileResponse(_HERE / "openapi.json", media_type="application/json")
