"""Markdown to HTML, with statements that hold whole blocks: `{% if vip %}` around paragraphs, list items, table rows.

A statement alone on its line is a block of its own. Lists that such blocks cut into pieces are joined again, so that
a loop over items makes one list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from ummsg.errors import Problem
from ummsg.mail.tags import Masked
from ummsg.mail.urls import is_dangerous

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

_REFUSED_IN_TEXT = ("<script", "</script", "<style", "</style", "<iframe", "<object", "<embed", "<form")


def markdown_html(masked: Masked) -> tuple[str, list[Problem]]:
    """The HTML (statements as comments), and what stands in the way of using it."""
    parser = _parser()
    environment: dict[str, Any] = {"masked": masked}
    tokens = parser.parse(masked.text, environment)
    problems = list(_problems(tokens, masked))
    html = "" if problems else parser.renderer.render(_joined(tokens, masked), parser.options, environment)
    return masked.with_comments(html), problems


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    # Raw HTML is parsed so that it can be refused by name and line: unparsed, customers would read the tags as text.
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    # An indented line is what `{% if %}` blocks look like in every editor, not a quotation of code; fences are.
    parser.disable("code")
    parser.block.ruler.before(
        "table", "statement", _statement, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.core.ruler.after("block", "lone_statements", _lift_lone_statements)
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
        out += [_statement_token(before), *tokens[index : index + size], _statement_token(after)]
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


def _statement_token(content: str) -> "Token":
    from markdown_it.token import Token

    return Token("statement", "", 0, content=content, block=True)


# Refusing


def _problems(tokens: Sequence["Token"], masked: Masked) -> Iterator[Problem]:
    for token in tokens:
        line = token.map[0] + 1 if token.map else 1
        if token.type == "html_block":
            yield _raw_html(token.content, line, masked)
        for child in token.children or ():
            if child.type == "html_inline" and not child.content.startswith("</"):
                yield _raw_html(child.content, line, masked)
            elif child.type == "text" and (tag := _refused_tag(child.content, token.content)):
                yield _raw_html(tag, line, masked)
            elif is_dangerous(address := str(child.attrGet("href") or child.attrGet("src") or "")):
                shown = masked.readable(address)[:60]
                yield Problem("content", f"line {masked.line_of(line)}: the address {shown!r} cannot be used in a link")
            line += child.type in ("softbreak", "hardbreak")


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


# Joining what statements cut apart


@dataclass
class _Block:
    """One block with all of its tokens, or a statement with the blocks that it holds."""

    tokens: list["Token"] = field(default_factory=list)
    inside: list["_Block | list[_Block]"] = field(default_factory=list)
    """Of a statement: its own tokens (as blocks) and, in turn, the blocks of each branch."""
    loops: bool = False

    @property
    def list_kind(self) -> str:
        """What lists it could be joined with; empty for what is no list."""
        if self.inside:
            kinds = {block.list_kind for branch in self.inside if isinstance(branch, list) for block in branch}
            return kinds.pop() if len(kinds) == 1 else ""
        opening = self.tokens[0]
        return opening.type + opening.markup if opening.type in ("bullet_list_open", "ordered_list_open") else ""

    def all_tokens(self) -> list["Token"]:
        return self.tokens if not self.inside else self._gathered(lambda block: block.all_tokens())

    def items(self) -> list["Token"]:
        """The tokens of a list's items, without the list around them."""
        return self.tokens[1:-1] if not self.inside else self._gathered(lambda block: block.items())

    def _gathered(self, tokens_of: Any) -> list["Token"]:
        out: list[Token] = []
        for entry in self.inside:
            if isinstance(entry, list):
                out += [token for block in entry for token in tokens_of(block)]
            else:
                out += entry.tokens
        return out

    def first_list(self) -> "_Block":
        branches = (block for branch in self.inside if isinstance(branch, list) for block in branch)
        return self if not self.inside else next(branches).first_list()


def _joined(tokens: Sequence["Token"], masked: Masked) -> list["Token"]:
    """The same tokens with lists joined across statements, at every level, and statements of table rows freed."""
    groups = _siblings(tokens, masked)
    if not _balanced(groups, masked):  # refused later, when the whole document is checked
        return [token for group in groups for token in group]
    blocks = _nested(iter(groups), masked)[0]
    out: list[Token] = []
    while blocks:
        run = _run_of_lists(blocks)
        if run and (run[0].loops or (len(run) > 1 and any(not block.inside for block in run))):
            model = run[0].first_list().tokens
            out += [model[0], *(token for block in run for token in block.items()), model[-1]]
        else:
            run = blocks[:1]
            out += run[0].all_tokens()
        blocks = blocks[len(run) :]
    return out


def _run_of_lists(blocks: Sequence[_Block]) -> list[_Block]:
    kind = blocks[0].list_kind
    run: list[_Block] = []
    for block in blocks:
        if not kind or block.list_kind != kind:
            break
        run.append(block)
    return run


def _siblings(tokens: Sequence["Token"], masked: Masked) -> list[list["Token"]]:
    """The blocks of one level, each with its tokens, the inner ones joined already."""
    groups: list[list[Token]] = []
    index = 0
    while index < len(tokens):
        end, depth = index, int(tokens[index].nesting)
        while depth:
            end += 1
            depth += tokens[end].nesting
        group = list(tokens[index : end + 1])
        if len(group) > 1:
            if group[0].type == "table_open":
                group = _with_freed_rows(group, masked)
            elif group[0].type in ("bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open"):
                group = [group[0], *_joined(group[1:-1], masked), group[-1]]
        groups.append(group)
        index = end + 1
    return groups


def _balanced(groups: Sequence[list["Token"]], masked: Masked) -> bool:
    depth = 0
    for group in groups:
        keyword = _keyword(group[0], masked)
        depth += (keyword in ("if", "for")) - keyword.startswith("end")
        if depth < 0 or (depth == 0 and keyword in ("elif", "else")):
            return False
    return depth == 0


def _nested(groups: Iterator[list["Token"]], masked: Masked) -> tuple[list[_Block], "Token | None"]:
    """Blocks up to the end of a statement's branch, and the statement that ended it."""
    blocks: list[_Block] = []
    for group in groups:
        keyword = _keyword(group[0], masked)
        if keyword in ("if", "for"):
            blocks.append(_compound(group[0], groups, masked))
        elif keyword in ("elif", "else", "endif", "endfor"):
            return blocks, group[0]
        else:
            blocks.append(_Block(group))
    return blocks, None


def _compound(opening: "Token", groups: Iterator[list["Token"]], masked: Masked) -> _Block:
    block = _Block(inside=[_Block([opening])])
    statement: Token | None = opening
    branches = 0
    while statement is not None and not _keyword(statement, masked).startswith("end"):
        branch, statement = _nested(groups, masked)
        block.inside += [branch, *([_Block([statement])] if statement else [])]
        branches += 1
    block.loops = _keyword(opening, masked) == "for" and branches == 1 and bool(block.list_kind)
    return block


def _keyword(token: "Token", masked: Masked) -> str:
    if token.type != "statement":
        return ""
    return masked.tags[next(masked.indices(token.content))].keyword


def _with_freed_rows(table: list["Token"], masked: Masked) -> list["Token"]:
    """A table whose rows of nothing but statements are statements."""
    out: list[Token] = []
    index = 0
    while index < len(table):
        statements = _row_statements(table, index, masked)
        if statements is None:
            out.append(table[index])
            index += 1
        else:
            out += statements
            index = next(i for i in range(index, len(table)) if table[i].type == "tr_close") + 1
    return out


def _row_statements(table: list["Token"], index: int, masked: Masked) -> list["Token"] | None:
    if table[index].type != "tr_open":
        return None
    end = next(i for i in range(index, len(table)) if table[i].type == "tr_close")
    content = "".join(token.content for token in table[index:end] if token.type == "inline")
    if not masked.statements_only.fullmatch(content):
        return None
    return [_statement_token(match[0]) for match in masked.statement.finditer(content)]
