"""The text part of a message, written from the same tree of HTML as the HTML part: nothing is in one alone."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from ummsg.mail.tree import Comment, Element, Node, parse

WIDTH = 72
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "caption", "center", "dd", "div", "dl", "dt", "figcaption", "figure", "footer"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tbody", "td"}
    | {"tfoot", "th", "thead", "tr", "ul"}
)
_SPACES = re.compile(r"[ \t\r\n\f]+")


class Mark(str):
    """A statement between lines: it takes up no line of its own."""

    __slots__ = ()


Lines = list[str]


def html_to_text(html: str) -> str:
    """Sanitised HTML as text, for a terminal or a mail without HTML."""
    return Writer().write(parse(html)).strip("\n")


def _no_markers(text: str) -> int:
    return len(text)


@dataclass
class Writer:
    """Writes trees as text. `width_of` measures a text that may hold markers, `number` writes the number of a list
    item that is known only when the message is rendered (its arguments: the list, and the first number or None),
    `readable` says what a text with markers stands for, so that two of them can be compared."""

    width_of: Callable[[str], int] = _no_markers
    number: Callable[[str, int | None], str] = lambda of_list, start: ""
    readable: Callable[[str], str] = str
    _lists: Iterator[int] = field(default_factory=count)

    def write(self, body: Element) -> str:
        lines = self._blocks(body.children, WIDTH)
        return "".join(line if isinstance(line, Mark) else f"{line.rstrip()}\n" for line in lines)

    # Blocks: each ends with an empty line

    def _blocks(self, nodes: Sequence[Node], width: int) -> Lines:
        lines: Lines = []
        inline: list[Node] = []
        for node in nodes:
            if isinstance(node, Element) and (node.tag in _BLOCKS or _holds_blocks(node)):
                lines += self._paragraph(inline, width)
                inline = []
                lines += self._block(node, width)
            elif isinstance(node, Comment) and not _text_of(inline).strip():
                # Between blocks; within a line a statement goes where it is.
                lines.append(Mark(f"<!--{node.marker}-->"))
                inline = []
            else:
                inline.append(node)
        return lines + self._paragraph(inline, width)

    def _block(self, element: Element, width: int) -> Lines:
        match element.tag:
            case "h1" | "h2":
                return self._heading(element, width)
            case "ul" | "ol":
                return [*self._list(element, width), ""]
            case "blockquote":
                return [*_prefixed(self._trimmed(element, width - 2), "> ", "> "), ""]
            case "pre":
                text = self._inline(element.children, keep_spaces=True).strip("\n")
                return [*(f"    {line}" for line in text.split("\n")), ""]
            case "hr":
                return ["-" * 24, ""]
            case "table":
                return self._table(element, width)
            case _:
                return self._blocks(element.children, width)

    def _paragraph(self, nodes: Sequence[Node], width: int) -> Lines:
        text = self._inline(nodes)
        if not text.strip():
            return [Mark(text.strip())] if text.strip() else []
        return [*(wrapped for line in text.split("\n") for wrapped in self._wrapped(line.strip(), width)), ""]

    def _heading(self, element: Element, width: int) -> Lines:
        lines = self._wrapped(self._inline(element.children).strip(), width)
        longest = max((self.width_of(line) for line in lines), default=0)
        return [*lines, ("=" if element.tag == "h1" else "-") * longest, ""]

    def _trimmed(self, element: Element, width: int) -> Lines:
        """An element's blocks without the empty line at the end."""
        lines = self._blocks(element.children, width)
        last = next((i for i in reversed(range(len(lines))) if not isinstance(lines[i], Mark)), None)
        if last is not None and lines[last] == "":
            del lines[last]
        return lines

    # Lists

    def _list(self, element: Element, width: int) -> Lines:
        name, ordered = f"list{next(self._lists)}", element.tag == "ol"
        begin = int(element.attributes["start"]) if element.attributes.get("start", "").isdecimal() else 1
        fixed = not any(isinstance(child, Comment) for child in element.children)
        lines: Lines = [Mark(self.number(name, begin))] if ordered and not fixed else []
        for child in element.children:
            if isinstance(child, Comment):
                lines.append(Mark(f"<!--{child.marker}-->"))
            elif isinstance(child, Element):
                loose = bool(child.child_elements("p"))
                content = [line for line in self._trimmed(child, width - 4) if loose or line != ""]
                bullet = "- " if not ordered else f"{begin if fixed else self.number(name, None)}. "
                begin += 1
                indent = " " * (len(bullet) if fixed or not ordered else 3)
                lines += [*_prefixed(content or [""], bullet, indent), *([""] if loose else [])]
        return lines[:-1] if lines and lines[-1] == "" else lines

    # Tables

    def _table(self, element: Element, width: int) -> Lines:
        rows = list(_rows(element))
        cells = [cell for row in rows if isinstance(row, list) for cell in row]
        if (
            any(_holds_blocks(cell) for cell in cells)
            or max((len(r) for r in rows if isinstance(r, list)), default=0) < 2
        ):
            # A table that arranges a page: its cells are read one after another.
            return [line for row in rows for line in self._layout_row(row, width)]
        texts = [row if isinstance(row, str) else [self._cell(cell) for cell in row] for row in rows]
        heading = element.child_elements("thead") != []
        columns = self._column_widths([row for row in texts if isinstance(row, list)])
        if sum(columns) + 3 * len(columns) > width:
            return [*self._records(texts, heading, width), ""]
        return [*self._aligned(texts, heading, columns), ""]

    def _aligned(self, texts: Sequence["str | list[str]"], heading: bool, columns: Sequence[int]) -> Lines:
        lines: Lines = []
        for row in texts:
            if isinstance(row, str):
                lines.append(row)
                continue
            padded = (text + " " * (size - self.width_of(text)) for text, size in zip(row, columns, strict=False))
            lines.append(" | ".join(padded))
            if heading:
                lines.append("-+-".join("-" * size for size in columns))
                heading = False
        return lines

    def _cell(self, cell: Element) -> str:
        return _SPACES.sub(" ", self._inline(cell.children)).strip()

    def _layout_row(self, row: "str | list[Element]", width: int) -> Lines:
        if isinstance(row, str):
            return [row]
        return [line for cell in row for line in self._blocks(cell.children, width)]

    def _column_widths(self, rows: Sequence[list[str]]) -> list[int]:
        columns = [0] * max(map(len, rows), default=0)
        for row in rows:
            for index, text in enumerate(row):
                columns[index] = max(columns[index], self.width_of(text))
        return columns

    def _records(self, texts: Sequence["str | list[str]"], heading: bool, width: int) -> Lines:
        """A table too wide for the page: each row as lines of its own."""
        names = next((row for row in texts if isinstance(row, list)), []) if heading else []
        lines: Lines = []
        skipped = not heading
        for row in texts:
            if isinstance(row, str):
                lines.append(row)
            elif not skipped:
                skipped = True
            else:
                for index, text in enumerate(row):
                    name = f"{names[index]}: " if index < len(names) and names[index] else ""
                    lines += self._wrapped(name + text, width)
                lines.append("")
        return lines[:-1] if lines and lines[-1] == "" else lines

    # Within a line

    def _inline(self, nodes: Sequence[Node], *, keep_spaces: bool = False) -> str:
        text = "".join(self._piece(node, keep_spaces) for node in nodes)
        return text if keep_spaces else re.sub(r" *\n *", "\n", text)

    def _piece(self, node: Node, keep_spaces: bool) -> str:
        if isinstance(node, Comment):
            return f"<!--{node.marker}-->"
        if isinstance(node, str):
            return node if keep_spaces else _SPACES.sub(" ", node)
        match node.tag:
            case "br":
                return "\n"
            case "img":
                return node.attributes.get("alt", "")
            case "a":
                return self._link(node, keep_spaces)
            case "del" | "s" | "strike":
                return f"~~{self._inline(node.children, keep_spaces=keep_spaces)}~~"
            case _:
                return self._inline(node.children, keep_spaces=keep_spaces)

    def _link(self, node: Element, keep_spaces: bool) -> str:
        text = self._inline(node.children, keep_spaces=keep_spaces)
        address = node.attributes.get("href", "")
        shown = self.readable(text.strip())
        if not address or address.startswith("#") or self.readable(address) in (shown, f"mailto:{shown}"):
            return text
        return f"{text} ({address})" if text.strip() else address

    def _wrapped(self, line: str, width: int) -> Lines:
        """Lines of at most `width`, broken at spaces alone: an address is never broken."""
        lines: Lines = []
        current, used = "", 0
        for word in line.split(" "):
            size = self.width_of(word)
            if current and used + 1 + size > width:
                lines.append(current)
                current, used = word, size
            else:
                current, used = (f"{current} {word}", used + 1 + size) if current else (word, size)
        return [*lines, current]


def _prefixed(lines: Lines, first: str, others: str) -> Lines:
    out: Lines = []
    prefix = first
    for line in lines:
        if isinstance(line, Mark):
            out.append(line)
            continue
        out.append(prefix + line)
        prefix = others
    return out


def _holds_blocks(element: Element) -> bool:
    return any(below.tag in _BLOCKS for child in element.child_elements() for below in child.elements())


def _rows(table: Element) -> Iterator["Mark | list[Element]"]:
    for child in table.children:
        if isinstance(child, Comment):
            yield Mark(f"<!--{child.marker}-->")
        elif isinstance(child, Element) and child.tag == "tr":
            yield child.child_elements("td", "th")
        elif isinstance(child, Element):
            yield from _rows(child)


def _text_of(nodes: Sequence[Node]) -> str:
    """Whether anything visible has begun on a line."""
    return "".join(node if isinstance(node, str) else "x" for node in nodes)
