"""A file's headers as our names for the columns."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from ummsg.domain.customer import attribute_name
from ummsg.domain.placeholders import ATTRIBUTE_PREFIX, CUSTOMER
from ummsg.errors import InvalidInput

NAME_LIMIT = 64


@dataclass
class Columns:
    """What a kind of file may have. `others` collects the columns that are not `known`, by our name."""

    known: Collection[str]
    required: Collection[str]
    check_other: Callable[[str, str], None] | None = None
    """Raises InvalidInput if a header that is not known cannot be kept; None: such columns are ignored."""
    bare: str = ""
    """What a file without a header holds, an address a line; nothing if every file needs a header."""
    others: set[str] = field(default_factory=set)

    @property
    def ignored(self) -> tuple[str, ...]:
        return () if self.check_other else tuple(sorted(self.others))

    def names(self, headers: Sequence[str]) -> list[str]:
        """Raises InvalidInput for a column that is missing, has no usable name, or is there twice."""
        names: list[str] = []
        for header in headers:
            name = attribute_name(header)
            if not name or len(name) > NAME_LIMIT:
                raise InvalidInput(f"the column {header[:80]!r} has no usable name", hint=_NAMES)
            if name in names:
                raise InvalidInput(f"two columns are called {name}: {headers[names.index(name)]!r} and {header!r}")
            if name not in self.known:
                if self.check_other:
                    self.check_other(header, name)
                self.others.add(name)
            names.append(name)
        self._refuse_missing(names, headers)
        return names

    def _refuse_missing(self, names: Sequence[str], headers: Sequence[str]) -> None:
        missing = [name for name in self.required if name not in names]
        if not missing:
            return
        close = get_close_matches(missing[0], names, n=1)
        found = ", ".join(repr(header[:40]) for header in list(headers)[:20]) or "no columns"
        raise InvalidInput(
            f"there is no column {missing[0]}",
            details=[f"there are {found}{', …' if len(headers) > 20 else ''}"],
            hint=f"rename the column {headers[names.index(close[0])]!r} to {missing[0]}" if close else _NAMES,
        )


_NAMES = "docs/importing.md says what the columns are called"


def check_attribute(header: str, name: str) -> None:
    """An attribute becomes a placeholder; one that means something else already cannot be told from it."""
    if ATTRIBUTE_PREFIX + name in CUSTOMER:
        raise InvalidInput(
            f"the column {header!r} cannot be kept: {ATTRIBUTE_PREFIX}{name} already means something in messages",
            hint=f"rename the column, to other_{name} for instance",
        )
