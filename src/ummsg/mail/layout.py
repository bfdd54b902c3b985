"""The base layout around an email's content, with its CSS moved onto the elements."""

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Template
from markupsafe import Markup

from ummsg.config import LayoutOptions
from ummsg.mail.shipped import templates_folder

if TYPE_CHECKING:
    from css_inline import CSSInliner


def laid_out(content: str, options: LayoutOptions, *, prose: bool) -> str:
    """A whole HTML document. `content` is sanitised HTML and goes in as it is; `prose` has its tables styled too."""
    document = _base().render(content=Markup(content), layout=options, prose=prose)  # noqa: S704 - sanitised
    # The inliner puts <style> first; a file opened in a browser is read by what its first 1024 bytes say.
    head, charset = "<head>", '<meta charset="utf-8">'
    return _inliner().inline(document).replace(charset, "", 1).replace(head, head + charset, 1)


def text_footer(options: LayoutOptions) -> str:
    """What stands under the text part: the same lines as under the card."""
    lines = [options.network_name, options.footer_text, options.company_address]
    shown = [line.strip() for line in lines if line.strip()]
    return "\n".join(["-- ", *shown]) if shown else ""


@cache
def _base() -> Template:
    from jinja2 import Environment, StrictUndefined

    source = (templates_folder() / "base.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)


@cache
def _inliner() -> "CSSInliner":
    from css_inline import CSSInliner

    # What depends on the screen stays in <style>; the rest must be on the elements for the clients that drop it.
    settings: dict[str, Any] = {"keep_style_tags": False, "keep_at_rules": True, "load_remote_stylesheets": False}
    return CSSInliner(**settings)
