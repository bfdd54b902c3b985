"""Where each placeholder of a message landed: what it must be escaped for, and whether it may stand there at all."""

from dataclasses import dataclass, field

from ummsg.errors import Problem
from ummsg.mail import urls
from ummsg.mail.sandbox import URL_FILTER, URL_PART_FILTER
from ummsg.mail.tags import Masked
from ummsg.mail.tree import Comment, Element

_TEXT_ATTRIBUTES = ("alt", "title", "aria-label", "width", "height")
_URL_ATTRIBUTES = ("href", "src", "cite")
_ADDRESSED = {"a": {"href", "name"}, "img": {"src"}}


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
        if element.tag in _ADDRESSED and not element.attributes.keys() & _ADDRESSED[element.tag]:
            problem = f"an <{element.tag}> has no address, or one that a mail cannot hold"
            self.problems.append(Problem("content", problem))
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
        if not self.masked.leads_somewhere(address):
            self.problems.append(leads_nowhere(self.masked, address, self._line_of(address)))
        for found in self.masked.marker.finditer(address):
            before = address[: found.start()]
            if before:
                self.around[int(found[1])] = f'({{}}) | {URL_PART_FILTER}("{urls.kept_after(before)}")'
            else:
                self.around[int(found[1])] = f"({{}}) | {URL_FILTER}"

    def _line_of(self, address: str) -> int:
        """0 if it is not in the text as it is in the HTML."""
        for index in self.masked.indices(address):
            return self.masked.tags[index].line
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


def leads_nowhere(masked: Masked, address: str, line: int) -> Problem:
    """The problem of an address that is not written in full: in a mail there is nothing it could be relative to."""
    where = f"line {line}: " if line else ""
    advice = "write it in full, with https://, http://, mailto: or tel: at the start"
    return Problem("content", f"{where}the address {masked.readable(address)[:60]!r} leads nowhere in a mail; {advice}")
