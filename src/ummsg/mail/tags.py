"""The placeholders and statements of a text, taken out while it is turned into HTML, and put back afterwards.

Each is replaced by a marker: letters and digits that the text cannot hold, since they are drawn at random and looked
for in it. What Markdown, the sanitiser and the CSS inliner see is a text without any template in it.
"""

import re
import secrets
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ummsg.mail.sandbox import CONTROL, MAX_TAGS, NUMBER_FILTER, Refused, author_environment
from ummsg.mail.urls import has_good_start

_NUMBERED = re.compile(r"\x01\{[^\x01]*\}\x01")
VALUE_WIDTH = 12
_OPEN, _CLOSE = "⸨", "⸩"
"""Around a statement's marker in Markdown: punctuation, so that `{% if x %}_y_{% endif %}` is still emphasis."""


@dataclass(frozen=True)
class Tag:
    """One `{{ … }}` or `{% … %}`. `code` is what is between the delimiters; `keyword` is empty for an output."""

    code: str
    line: int
    keyword: str = ""

    @property
    def is_statement(self) -> bool:
        return bool(self.keyword)

    def __str__(self) -> str:
        shown = " ".join(self.code.split())
        shown = shown if len(shown) <= 40 else f"{shown[:37]}…"
        return f"{{% {shown} %}}" if self.keyword else f"{{{{ {shown} }}}}"


def plain(text: str) -> str:
    """The text with LF line ends and without control characters or lone surrogates, which no message can carry."""
    return CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass
class Masked:
    """A text with markers instead of tags."""

    text: str
    tags: list[Tag]
    nonce: str
    starts: list[tuple[int, int]]
    """Pairs of an offset in `text` and the line of the original there, ascending."""
    closes: dict[int, int] = field(default_factory=dict)
    """For each `if` and `for`, the tag that ends it."""
    opens: dict[int, int] = field(default_factory=dict)
    """For each `elif`, `else` and end, the tag that it belongs to."""
    forked: set[int] = field(default_factory=set)
    """Those of them that have an `else` or `elif`."""

    def __post_init__(self) -> None:
        self.marker = re.compile(f"{self.nonce}n([0-9]+)z")
        self.statement = re.compile(f"{_OPEN}({self.nonce}n[0-9]+z){_CLOSE}")
        self.statements_only = re.compile(rf"(?:[ \t]*{self.statement.pattern})+[ \t]*")
        self.comment = re.compile(f"<!--({self.nonce}n[0-9]+z)-->")
        self._pair()

    def _pair(self) -> None:
        open_tags: list[int] = []
        for index, tag in enumerate(self.tags):
            if tag.keyword in ("if", "for"):
                open_tags.append(index)
            elif tag.keyword in ("elif", "else"):
                self.forked.add(open_tags[-1])
                self.opens[index] = open_tags[-1]
            elif tag.keyword in ("endif", "endfor"):
                self.opens[index] = open_tags.pop()
                self.closes[self.opens[index]] = index

    def indices(self, text: str) -> Iterator[int]:
        return (int(number) for number in self.marker.findall(text))

    def offset(self, index: int) -> int:
        """Where in `text` the marker of a tag is."""
        return self.text.index(f"{self.nonce}n{index}z")

    def leads_somewhere(self, address: str) -> bool:
        """Whether a link's address is written in full, or begins with a value (which is then looked at)."""
        start, marker, _ = address.partition(self.nonce)
        return start.startswith("#") or bool(marker and not start) or has_good_start(start + "x" * bool(marker))

    def readable(self, text: str) -> str:
        """A piece of `text` with its tags as the author wrote them, for a message about it."""
        bare = self.statement.sub(r"\1", text)
        return self.marker.sub(lambda found: str(self.tags[int(found[1])]), bare)

    def line_at(self, offset: int) -> int:
        """The author's line of an offset in `text`."""
        start, line = self.starts[bisect_right(self.starts, (offset, 1 << 60)) - 1]
        return line + self.text.count("\n", start, offset)

    def line_of(self, masked_line: int) -> int:
        """The author's line of a line of `text`; both count from 1."""
        offset = 0
        for _ in range(masked_line - 1):
            offset = self.text.find("\n", offset) + 1
        return self.line_at(offset)

    @classmethod
    def of_plain(cls, text: str) -> "Masked":
        """A text without any tags."""
        return cls(text, [], _nonce(text), [(0, 1)])

    def width(self, text: str) -> int:
        """How wide a text will be on a page, more or less: statements have no width, a value has a usual one."""
        text = _NUMBERED.sub("00", self.comment.sub("", text))
        return len(self.marker.sub(" " * VALUE_WIDTH, text))

    def without_statement_lines(self) -> str:
        """A plain text in which statements that have a line alone do not leave an empty one."""
        pattern = re.compile(f"^({self.statements_only.pattern})\n", re.MULTILINE)
        return pattern.sub(lambda line: "".join(found[0] for found in self.statement.finditer(line[0])), self.text)

    def with_comments(self, html: str) -> str:
        """Statements as HTML comments: the one thing that may stand between the rows of a table."""
        return self.statement.sub(r"<!--\1-->", html)


def mask(source: str) -> Masked:
    """Raises Refused for more tags than a message may have. `source` is `plain` and has passed `check`."""
    nonce = _nonce(source)
    text: list[str] = []
    tags: list[Tag] = []
    starts = [(0, 1)]
    length = 0
    for piece, line in _pieces(source):
        if isinstance(piece, Tag):
            marker = f"{nonce}n{len(tags)}z"
            tags.append(piece)
            piece = f"{_OPEN}{marker}{_CLOSE}" if piece.is_statement else marker
        if len(tags) > MAX_TAGS:
            raise Refused(f"more than {MAX_TAGS:,} placeholders and statements", line)
        starts.append((length, line))
        text.append(piece)
        length += len(piece)
    return Masked("".join(text), tags, nonce, starts)


def _nonce(source: str) -> str:
    while (nonce := f"zq{secrets.token_hex(8)}") in source.lower():
        pass
    return nonce


def _pieces(source: str) -> Iterator[tuple[str | Tag, int]]:
    """Text and tags in turn, each with its line; comments are left out, with their line if they have it alone."""
    position = begun = 0
    code = kind = ""
    for line, found, value in author_environment().lex(source):
        start = source.index(value, position)
        between, position = source[position:start], start + len(value)
        if found == "data":
            yield _unless_one_line(between), line
            yield value, line
        elif found in ("variable_begin", "block_begin", "comment_begin", "raw_begin"):
            yield _unless_one_line(between), line - between.count("\n")
            kind, code, begun = found, "", line
        elif found in ("variable_end", "block_end", "comment_end"):
            position = start + len(value.rstrip())
            yield _tag(kind, code, begun), begun
        elif found != "raw_end":
            code += value
    yield source[position:], 1 + source.count("\n", 0, position)


def _unless_one_line(stripped: str) -> str:
    """What `{%-` or `-%}` strips: spaces within a line, but no line end, which would join paragraphs."""
    return stripped if "\n" in stripped else ""


def _tag(kind: str, code: str, line: int) -> Tag:
    if kind == "comment_begin":
        return Tag("", line, "#")
    code = code.strip()
    return Tag(code, line, code.split(None, 1)[0] if kind == "block_begin" else "")


def numbered(of_list: str, start: int | None) -> str:
    """The source that prints the next number of a list, or begins it anew at `start`."""
    return f'\x01{{ "{of_list}" | {NUMBER_FILTER}({"" if start is None else start}) }}\x01'


def _runnable(tag: Tag, around: str) -> str:
    if tag.keyword == "#":
        return ""
    if tag.is_statement:
        return f"\x01% {tag.code}\n%\x01"
    return f"\x01{{ {around.format(f' {tag.code} ')}\n}}\x01"


def restored(masked: Masked, text: str, around: Mapping[int, str]) -> tuple[str, dict[int, int]]:
    """The source of a runnable template, and for each of its lines that holds a tag, the author's line.

    `around` says how an output is wrapped that does not stand in plain text, e.g. `({}) | ummsg_url`.
    """
    out: list[str] = []
    lines: dict[int, int] = {}
    line, position = 1, 0
    pattern = re.compile(
        f"<!--{masked.marker.pattern}-->|{_OPEN}{masked.marker.pattern}{_CLOSE}|{masked.marker.pattern}"
    )
    for match in pattern.finditer(text):
        literal = text[position : match.start()]
        index = int(match[1] or match[2] or match[3])
        tag = masked.tags[index]
        line += literal.count("\n")
        lines[line] = lines.get(line, tag.line)
        # A line end inside a tag is not printed, and gives each tag a line of its own to report.
        code = _runnable(tag, around.get(index, "({})"))
        out += [literal, code]
        line += code.count("\n")
        position = match.end()
    out.append(text[position:])
    return "".join(out), lines
