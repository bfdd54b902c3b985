"""Where each placeholder of a message landed: what it must be escaped for, and whether it may stand there at all."""

from dataclasses import dataclass, field

from ummsg.errors import Problem
from ummsg.mail import urls
from ummsg.mail.sandbox import URL_FILTER, URL_PART_FILTER
from ummsg.mail.tags import Masked
from ummsg.mail.tree import Comment, Element

_TEXT_ATTRIBUTES = ("alt", "title", "aria-label", "width", "height")
_URL_ATTRIBUTES = ("href", "src", "cite")


@dataclass
class Places:
    """What was found by walking the sanitised content once, in document order."""

    masked: Masked
    around: dict[int, str] = field(default_factory=dict)
    """For an output within an address, how it is wrapped (see `tags.restored`)."""
    problems: list[Problem] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)
    """Each tag that is there, and the statement before it."""
    _statement: int = -1

    @classmethod
    def of(cls, tree: Element, masked: Masked) -> "Places":
        places = cls(masked)
        places._walk(tree)
        places._check_all_there()
        return places

    def _walk(self, element: Element) -> None:
        for name, value in element.attributes.items():
            self._attribute(name, value)
        open_statements: list[int] = []
        for child in element.children:
            if isinstance(child, Element):
                self._walk(child)
            elif isinstance(child, Comment):
                self._statement_at(next(self.masked.indices(child.marker)), open_statements)
            else:
                for index in self.masked.indices(child):
                    self._found(index)
        for index in open_statements:
            self._refuse(index, f"and its end are not within the same <{element.tag}>")

    def _statement_at(self, index: int, open_statements: list[int]) -> None:
        """An end without its beginning is no problem of its own: the beginning is one."""
        self._found(index)
        keyword = self.masked.tags[index].keyword
        if keyword in ("if", "for"):
            open_statements.append(index)
        elif open_statements and keyword.startswith("end"):
            open_statements.pop()

    def _attribute(self, name: str, value: str) -> None:
        indices = list(self.masked.indices(value))
        for index in indices:
            self._found(index)
        statements = [index for index in indices if self.masked.tags[index].is_statement]
        if statements:
            self._refuse(statements[0], f"cannot stand inside {name}=; write {{{{ … if … else … }}}} there")
        elif name in _URL_ATTRIBUTES:
            self._address(value)
        elif indices and name not in _TEXT_ATTRIBUTES:
            self._refuse(indices[0], f"cannot stand in {name}=")

    def _address(self, address: str) -> None:
        first = self.masked.marker.search(address)
        start = address[: first.start()] if first else address
        if (
            not (first and not start)
            and not start.startswith("#")
            and not urls.has_good_start(f"{start}{'x' * bool(first)}")
        ):
            line = self.masked.tags[int(first[1])].line if first else self._line_of(address)
            shown = self.masked.marker.sub("…", address)[:60]
            advice = "write it in full, with https://, http://, mailto: or tel: at the start"
            where = f"line {line}: " if line else ""
            self.problems.append(Problem("content", f"{where}the address {shown!r} leads nowhere in a mail; {advice}"))
        for found in self.masked.marker.finditer(address):
            before = address[: found.start()]
            if before:
                self.around[int(found[1])] = f'({{}}) | {URL_PART_FILTER}("{urls.kept_after(before)}")'
            else:
                self.around[int(found[1])] = f"({{}}) | {URL_FILTER}"

    def _line_of(self, address: str) -> int:
        offset = self.masked.text.find(address)
        return self.masked.line_at(offset) if offset >= 0 else 0

    def _found(self, index: int) -> None:
        self._seen[index] = self._statement
        if self.masked.tags[index].is_statement:
            self._statement = index

    def _check_all_there(self) -> None:
        statement = -1
        for index, tag in enumerate(self.masked.tags):
            if index not in self._seen:
                self._refuse(index, "stands in a place that is left out of the message")
            elif self._seen[index] != statement:
                self._refuse(index, "would be moved out of its {% if %} or {% for %}")
            if tag.is_statement:
                statement = index

    def _refuse(self, index: int, message: str) -> None:
        tag = self.masked.tags[index]
        self.problems.append(Problem("content", f"line {tag.line}: {tag} {message}"))
