"""Pages: how they are made, and what they may load."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from ummsg.web.guard import NOTHING

_POLICY = NOTHING.replace("form-action 'none'", "form-action 'self'") + (
    "; script-src 'self'; style-src 'self'; connect-src 'self'"
)


def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of ours: no script but our own, nothing inline, nothing framed."""
    return HTMLResponse(_pages().get_template(name).render(values), status, {"Content-Security-Policy": _POLICY})


@cache
def _pages() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("pages")), autoescape=True, undefined=StrictUndefined
    )
