"""Content in any of its formats as HTML that is safe to send or to show, or the reasons why it is not."""

import re
from collections.abc import Iterator
from functools import cache
from html import escape, unescape
from itertools import chain, islice
from typing import Any

from ummsg.errors import Problem
from ummsg.mail.markdown import BUTTON, MAX_PROBLEMS, markdown_html
from ummsg.mail.tags import Masked
from ummsg.mail.urls import is_dangerous
from ummsg.vocabulary import ContentFormat

_REFUSED_TAGS = ("script", "style", "iframe", "object", "embed", "form", "base", "meta", "link")
_TAG_START = re.compile(rf"<\s*/?\s*({'|'.join(_REFUSED_TAGS)})\b", re.IGNORECASE)
URL_ATTRIBUTES = ("href", "src", "cite", "background", "action", "formaction", "poster", "data", "xlink:href", "srcset")

_NOTICE_TAGS = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "kbd"}
    | {"li", "mark", "ol", "p", "pre", "s", "small", "strong", "sub", "sup", "u", "ul"}
    | {"table", "thead", "tbody", "tr", "th", "td"}
)
_NOTICE_ATTRIBUTES = {"a": {"href", "title"}, "abbr": {"title"}, "ol": {"start"}, "*": {"dir", "lang"}}
_EMAIL_TAGS = _NOTICE_TAGS | {
    *("address", "article", "bdi", "bdo", "big", "caption", "center", "cite", "col", "colgroup", "dd", "dfn", "div"),
    *("dl", "dt", "figcaption", "figure", "font", "footer", "header", "img", "ins", "q", "samp", "section", "span"),
    *("strike", "tfoot", "tt", "var", "wbr"),
}
_CELL = {"align", "bgcolor", "colspan", "height", "rowspan", "valign", "width"}
_EMAIL_ATTRIBUTES = {
    "*": {"align", "aria-label", "dir", "lang", "role", "style", "title"},
    "a": {"href", "name", "target"},
    "col": {"span", "width"},
    "font": {"color", "face", "size"},
    "hr": {"size", "width"},
    "img": {"alt", "border", "height", "src", "width"},
    "ol": {"start", "type"},
    "p": {"class"},
    "table": {"bgcolor", "border", "cellpadding", "cellspacing", "height", "width"},
    "td": _CELL,
    "th": _CELL | {"scope"},
    "tr": {"bgcolor", "valign"},
}
_STYLES = frozenset(
    f"{side}{edge}{what}".strip("-")
    for side in ("margin", "padding", "border")
    for edge in ("", "-top", "-right", "-bottom", "-left")
    for what in (("", "-color", "-style", "-width") if side == "border" else ("",))
) | {
    *("background-color", "border-collapse", "border-radius", "border-spacing", "color", "direction", "display"),
    *("font", "font-family", "font-size", "font-style", "font-variant", "font-weight", "height", "letter-spacing"),
    *("line-height", "list-style-type", "max-width", "min-width", "table-layout", "text-align", "text-decoration"),
    *("text-indent", "text-transform", "vertical-align", "white-space", "width", "word-break", "overflow-wrap"),
}
_LEFT_OUT_WITH_CONTENT = {"script", "style", "title", "svg", "math", "template", "textarea", "select", "noscript"}


def to_html(
    masked: Masked, content_format: ContentFormat, *, whole_addresses: bool = True
) -> tuple[str, list[Problem]]:
    """The content as HTML with markers, not yet sanitised, and what stands in the way of using it.

    `whole_addresses` is for mails: a notice, being on a page, may have links relative to it.
    """
    match content_format:
        case ContentFormat.MARKDOWN:
            return markdown_html(masked, whole_addresses=whole_addresses)
        case ContentFormat.TEXT:
            return _text_html(masked), []
        case ContentFormat.HTML:
            return masked.with_comments(masked.text), list(islice(_dangers(masked), MAX_PROBLEMS))


def sanitise_email(html: str, masked: Masked) -> str:
    """With the tags that mail clients show, and no comment but the markers of statements."""
    clean = _without_other_comments(_email_cleaner().clean(html), masked)
    if "<tbody" in masked.text.lower():
        return clean
    # A parser puts the rows of a table without <tbody> into one, but not the statement before the first row.
    return re.sub(r"((?:<!--\w+-->\s*)+)<tbody>", r"<tbody>\1", clean)


def sanitise_notice(html: str) -> str:
    """With the tags that suit a notice on a dashboard."""
    return str(_notice_cleaner().clean(html)).strip()


def _without_other_comments(html: str, masked: Masked) -> str:
    return re.sub(
        r"<!--(.*?)-->", lambda found: found[0] if masked.marker.fullmatch(found[1]) else "", html, flags=re.S
    )


@cache
def _email_cleaner() -> Any:
    import nh3

    return nh3.Cleaner(
        tags=set(_EMAIL_TAGS),
        attributes=_EMAIL_ATTRIBUTES,
        clean_content_tags=_LEFT_OUT_WITH_CONTENT,
        url_schemes={"http", "https", "mailto", "tel"},
        attribute_filter=lambda tag, name, value: None if name == "class" and value != BUTTON else value,
        filter_style_properties=set(_STYLES),
        strip_comments=False,
        link_rel=None,
    )


@cache
def _notice_cleaner() -> Any:
    import nh3

    return nh3.Cleaner(
        tags=set(_NOTICE_TAGS),
        attributes=_NOTICE_ATTRIBUTES,
        clean_content_tags=_LEFT_OUT_WITH_CONTENT,
        url_schemes={"http", "https", "mailto", "tel"},
        attribute_filter=_own_or_whole,
        link_rel="noopener noreferrer",
    )


def _own_or_whole(tag: str, attribute: str, value: str) -> str | None:
    """A notice may link within the page that it is on; `//elsewhere` looks so, and is not."""
    leads_elsewhere = attribute in ("href", "src") and re.match(r"[\s\x00-\x20]*[/\\]{2}", value)
    return None if leads_elsewhere else value


# Plain text


def _text_html(masked: Masked) -> str:
    """Paragraphs at blank lines, breaks at line ends; statements that have their lines alone hold paragraphs."""
    out: list[str] = []
    paragraph: list[str] = []
    for line in [*masked.text.split("\n"), ""]:
        statements = masked.statements_only.fullmatch(line)
        if not statements and line.strip():
            paragraph.append(escape(line.strip(), quote=False))
            continue
        if paragraph:
            out.append(f"<p>{'<br>'.join(paragraph)}</p>")
            paragraph = []
        if statements:
            out.append(line.strip())
    return masked.with_comments("\n".join(out))


# HTML. The sanitiser makes it safe; this finds what an author should hear of rather than miss later. It reads tags by
# patterns that take linear time: the standard library's parser takes quadratic time over tags that are not closed.

_UNREAD = re.compile(r"<!--.*?(?:-->|\Z)|<[!?].*?(?:>|\Z)", re.DOTALL)
_TAG = re.compile(r"""<[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'<>]+))?""")


def _dangers(masked: Masked) -> Iterator[Problem]:
    found = sorted(islice(chain(_dangerous_tags(masked), _dangerous_attributes(masked)), MAX_PROBLEMS))
    for offset, message in found:
        yield Problem("content", f"line {masked.line_at(offset)}: {message}")


def _dangerous_tags(masked: Masked) -> Iterator[tuple[int, str]]:
    for tag in _TAG_START.finditer(masked.text):
        instead = "; write the style on the elements: <p style=…>" if tag[1].lower() == "style" else ""
        yield tag.start(), f"{tag[0].strip()}> cannot be used in a message{instead}"


def _dangerous_attributes(masked: Masked) -> Iterator[tuple[int, str]]:
    readable = _UNREAD.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), masked.text)
    for tag in _TAG.finditer(readable):
        for attribute in _ATTRIBUTE.finditer(tag[0]):
            name, value = attribute[1].lower(), unescape((attribute[2] or "").strip("\"'"))
            if problem := _attribute_problem(name, value, masked):
                yield tag.start() + attribute.start(), problem


def _attribute_problem(name: str, value: str, masked: Masked) -> str:
    if name.startswith("on"):
        return f"the attribute {name}= cannot be used in a message; it would run a script"
    if name == "style" and masked.marker.search(value):
        return "a placeholder cannot stand in a style attribute"
    if name in URL_ATTRIBUTES and is_dangerous(value):
        return f"the address {masked.readable(value)[:40]!r} cannot be used in {name}="
    return ""
