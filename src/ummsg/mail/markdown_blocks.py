"""Markdown's blocks around statements: lists that statements cut into pieces are made one list again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ummsg.mail.tags import Masked

if TYPE_CHECKING:
    from markdown_it.token import Token


def statement_token(content: str) -> "Token":
    from markdown_it.token import Token

    return Token("statement", "", 0, content=content, block=True)


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


def joined(tokens: Sequence["Token"], masked: Masked) -> list["Token"]:
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
                group = [group[0], *joined(group[1:-1], masked), group[-1]]
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
    return [statement_token(match[0]) for match in masked.statement.finditer(content)]
