"""Markdown to HTML, with statements that hold whole blocks: `{% if vip %}` around paragraphs, list items, table rows.

A statement alone on its line is a block of its own. Lists that such blocks cut into pieces are joined again, so that
a loop over items makes one list. A paragraph that is nothing but one bold link is a button.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from ummsg.errors import Problem
from ummsg.mail.markdown_blocks import joined, statement_token
from ummsg.mail.places import leads_nowhere
from ummsg.mail.tags import Masked
from ummsg.mail.urls import is_dangerous

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

BUTTON = "button"
"""The one class that the sanitiser leaves in an email, and that the layout knows."""
MAX_PROBLEMS = 20
"""How many an author is told at once."""
_REFUSED_IN_TEXT = ("<script", "</script", "<style", "</style", "<iframe", "<object", "<embed", "<form")


def markdown_html(masked: Masked, *, whole_addresses: bool) -> tuple[str, list[Problem]]:
    """The HTML (statements as comments), and what stands in the way of using it.

    With `whole_addresses` a link must say in full where it leads.
    """
    parser = _parser()
    environment: dict[str, Any] = {"masked": masked}
    tokens = parser.parse(masked.text, environment)
    problems = list(islice(_problems(tokens, masked, whole_addresses), MAX_PROBLEMS))
    html = "" if problems else parser.renderer.render(joined(tokens, masked), parser.options, environment)
    return masked.with_comments(html), problems


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    # Raw HTML is parsed so that it can be refused by name and line: unparsed, customers would read the tags as text.
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"])
    # An indented line is what `{% if %}` blocks look like in every editor, not a quotation of code; fences are.
    parser.disable("code")
    parser.block.ruler.before(
        "table", "statement", _statement, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.core.ruler.after("block", "lone_statements", _lift_lone_statements)
    parser.core.ruler.push("buttons", _make_buttons)
    # Addresses are judged in `_problems`: markdown-it's own way is to print what it refuses as text.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.add_render_rule("statement", lambda _, tokens, index, *__: f"{tokens[index].content}\n")
    return parser


# Parsing


def _statement(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
    """A line of nothing but statements. Within a table it is left to the table, as a row of its own."""
    masked: Masked = state.env["masked"]
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not masked.statements_only.fullmatch(line):
        return False
    if state.parentType == "table":
        # Unless it ends what began before the table: then the table ends as well.
        opening = masked.opens.get(next(masked.indices(line)))
        return opening is not None and masked.offset(opening) < state.bMarks[state.line]
    if not silent:
        state.line = start + 1
        for match in masked.statement.finditer(line):
            _push(state, match[0], start)
    return True


def _push(state: "StateBlock", content: str, line: int) -> None:
    token = state.push("statement", "", 0)
    token.content, token.map, token.block = content, [line, line + 1], True


def _lift_lone_statements(state: "StateCore") -> None:
    """Put `{% if %}…{% endif %}` that is all of a paragraph, or of a list item, around it: no empty ones are left."""
    masked: Masked = state.env["masked"]
    tokens, out = state.tokens, []
    index = 0
    while index < len(tokens):
        size = _lone_size(tokens, index)
        inside = _within_one_if(tokens[index + size // 2].content, masked) if size else None
        if inside is None:
            out.append(tokens[index])
            index += 1
            continue
        before, content, after = inside
        tokens[index + size // 2].content = content
        out += [statement_token(before), *tokens[index : index + size], statement_token(after)]
        index += size
    state.tokens = out


def _lone_size(tokens: Sequence["Token"], index: int) -> int:
    """How many tokens make up the item or the paragraph with one inline that begins here; 0 if none does."""
    types = [token.type for token in tokens[index : index + 5]]
    if types == ["list_item_open", "paragraph_open", "inline", "paragraph_close", "list_item_close"]:
        return 5
    return 3 if types[:3] == ["paragraph_open", "inline", "paragraph_close"] else 0


def _within_one_if(content: str, masked: Masked) -> tuple[str, str, str] | None:
    found = list(masked.statement.finditer(content))
    if len(found) < 2 or found[0].start() != 0 or found[-1].end() != len(content):
        return None
    (first,), (last,) = masked.indices(found[0][0]), masked.indices(found[-1][0])
    if masked.tags[first].keyword != "if" or first in masked.forked or masked.closes.get(first) != last:
        return None
    return found[0][0], content[found[0].end() : found[-1].start()].strip(), found[-1][0]


def _make_buttons(state: "StateCore") -> None:
    """`**[Pay now](https://…)**` in a paragraph of its own asks to be clicked, and is made to look so."""
    for paragraph, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if paragraph.type != "paragraph_open" or paragraph.hidden:
            continue
        children = [child for child in inline.children or () if child.type != "text" or child.content]
        types = [child.type for child in children]
        bold = types[:2] == ["strong_open", "link_open"] and types[-2:] == ["link_close", "strong_close"]
        if bold and types.count("link_open") == 1:
            paragraph.attrSet("class", BUTTON)
            inline.children = children[1:-1]


# Refusing


def _problems(tokens: Sequence["Token"], masked: Masked, whole_addresses: bool) -> Iterator[Problem]:
    for token in tokens:
        line = token.map[0] + 1 if token.map else 1
        opened: set[str] = set()
        if token.type == "html_block":
            yield _raw_html(token.content, line, masked)
        for child in token.children or ():
            if child.type == "html_inline" and (name := _tag_name(child.content)) not in opened:
                opened.add(f"/{name}")
                yield _raw_html(child.content, line, masked)
            elif child.type == "text" and (tag := _refused_tag(child.content, token.content)):
                yield _raw_html(tag, line, masked)
            elif child.type in ("link_open", "image"):
                yield from _address_problems(child, masked.line_of(line), masked, whole_addresses)
            line += child.type in ("softbreak", "hardbreak")


def _tag_name(tag: str) -> str:
    """`p` of `<p class="x">`, `/p` of `</p>`."""
    return tag[1:].strip().split(">")[0].split()[0].lower() if tag[1:].strip(" >") else tag


def _address_problems(link: "Token", line: int, masked: Masked, whole: bool) -> Iterator[Problem]:
    address = str(link.attrGet("href") or link.attrGet("src") or "")
    if is_dangerous(address):
        shown = masked.readable(address)[:60]
        yield Problem("content", f"line {line}: the address {shown!r} cannot be used in a link")
    elif whole and not masked.leads_somewhere(address):
        yield leads_nowhere(masked, address, line)


def _refused_tag(text: str, source: str) -> str:
    """A tag that Markdown takes for text, being incomplete, and that is not written with &lt;."""
    for tag in _REFUSED_IN_TEXT:
        if tag in text.lower() and tag in source.lower():
            return text[text.lower().index(tag) :]
    return ""


def _raw_html(found: str, masked_line: int, masked: Masked) -> Problem:
    shown = masked.readable(found.strip().splitlines()[0])[:60]
    return Problem(
        "content",
        f"line {masked.line_of(masked_line)}: {shown!r} is HTML, which Markdown would show to the customers as text;"
        " for a message in HTML say --content-format html, and for a literal sign write &lt;",
    )
