"""Sanitised HTML as a small tree: what is checked, and what the text part is written from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import TypeAlias

MAX_DEPTH = 100
VOID = frozenset({"area", "br", "col", "hr", "img", "input", "wbr"})


class TooDeep(Exception):
    """Elements within elements beyond what any mail needs, or recursion could follow."""


@dataclass
class Comment:
    """A comment; in a message, the marker of a statement."""

    marker: str


@dataclass
class Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def elements(self) -> Iterator["Element"]:
        """This element and all below it, in document order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.elements()

    def child_elements(self, *tags: str) -> list["Element"]:
        return [child for child in self.children if isinstance(child, Element) and (not tags or child.tag in tags)]


Node: TypeAlias = "str | Comment | Element"


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("body")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)
        if len(self.open) > MAX_DEPTH:
            raise TooDeep(f"elements are nested more than {MAX_DEPTH} deep")

    def handle_endtag(self, tag: str) -> None:
        if len(self.open) > 1 and self.open[-1].tag == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        self.open[-1].children.append(Comment(data))


def parse(html: str) -> Element:
    """The tree of HTML that the sanitiser wrote: every element is closed, in order. Raises TooDeep."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return builder.open[0]


def write(element: Element) -> str:
    """What is inside an element, as HTML that `parse` reads as the same."""
    return "".join(map(_written, element.children))


def _written(node: Node) -> str:
    if isinstance(node, Comment):
        return f"<!--{node.marker}-->"
    if isinstance(node, str):
        return escape(node, quote=False)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.attributes.items())
    start = f"<{node.tag}{attributes}>"
    if node.tag in VOID:
        return start
    inside = write(node)
    # A parser takes the first line end of these for the author's, and not for the text's.
    first = "\n" if node.tag == "pre" and inside.startswith("\n") else ""
    return f"{start}{first}{inside}</{node.tag}>"
