"""What a key of the picker does: the search, the highlighted line, and what is picked.

Nothing is picked but the one line that is highlighted, or the addresses that are written out.
"""

import re
from collections.abc import Sequence
from typing import Generic

from ummsg.cli import views
from ummsg.cli.asking import P, Source

NAMED_UNKNOWN = 5
LONGEST_SEARCH = 120
"""What is longer is a list of addresses, or a mistake; nobody is looked for."""


class Picking(Generic[P]):
    """What is picked, what the search found, and which line is highlighted (`at`).

    `navigating` is true from an arrow key to the next letter: only then does Space pick, so that it can be typed.
    """

    def __init__(self, source: Source[P], picked: list[P]) -> None:
        self.source = source
        self.picked = picked
        self.message = ""
        self.search("")

    def search(self, query: str) -> None:
        found = self.source.search(query.strip()) if len(query) <= LONGEST_SEARCH else None
        self.found = list(found.items) if found else []
        self.more = found.more if found else 0
        self.navigating = False
        self.at = 0 if self.found and query.strip() else None
        self.message = ""

    def move(self, step: int) -> None:
        """Highlight the next or previous match; the first step down is onto the first one, up from it is back on the
        line. So Space, which picks only then, never picks one that was not looked at."""
        if not self.found or (step < 0 and not self.navigating):
            return
        target = (self.at or 0) + step if self.navigating else 0
        if target < 0:
            self.navigating = False
            return
        self.at = min(target, len(self.found) - 1)
        self.navigating = True

    def enter(self, query: str) -> str | None:
        """What Enter leaves on the line; None when they are done."""
        if not self.navigating and not query.strip():
            if self.picked:
                return None
            return self._say(query, f"Pick at least one of the {self.source.noun}, or go back with Esc")
        if not self.navigating and self.source.resolve and "@" in query:
            return self.resolve(query)
        if self.at is None:
            return self._say(query, f"None of the {self.source.noun} match")
        return self._add([self.found[self.at]])

    def toggle(self) -> None:
        if self.at is None:
            return
        item = self.found[self.at]
        if self.has(item):
            self.picked[:] = [other for other in self.picked if other.id != item.id]
        else:
            self.picked.append(item)

    def has(self, item: P) -> bool:
        return any(other.id == item.id for other in self.picked)

    def remove_last(self) -> None:
        if self.picked:
            self.message = f"Removed {self.show(self.picked.pop())}"

    def paste(self, query: str, text: str) -> str:
        """What a paste leaves on the line: addresses are picked at once, anything else is typed."""
        if self.source.resolve and "@" in text and (not query.strip() or len(_pieces(text)) > 1):
            return self.resolve(f"{query}\n{text}")
        return query + " ".join(views.printable_line(text).split())

    def resolve(self, text: str) -> str:
        """Pick the addresses in `text`; the unknown ones, and what is no address, are named and stay on the line."""
        if self.source.resolve is None:
            return text
        known, unknown = self.source.resolve(text)
        unknown += [piece for piece in _pieces(text) if "@" not in piece]
        self._add(known)
        return self._say(", ".join(unknown), self._unknown(len(known), unknown)) if unknown else ""

    def _unknown(self, picked: int, unknown: list[str]) -> str:
        named = ", ".join(map(views.printable_line, unknown[:NAMED_UNKNOWN]))
        rest = f" and {len(unknown) - NAMED_UNKNOWN:,} more" if len(unknown) > NAMED_UNKNOWN else ""
        choose = "" if picked or len(unknown) > 1 or not self.found else " (↓ chooses from the list)"
        return (f"{picked:,} picked. " if picked else "") + f"Unknown: {named}{rest}{choose}"

    def show(self, item: P) -> str:
        return views.printable_line(self.source.label(item))

    def _add(self, items: Sequence[P]) -> str:
        have = {item.id for item in self.picked}
        new = list({item.id: item for item in items if item.id not in have}.values())
        self.picked.extend(new)
        return self._say("", "" if new or not items else f"{self.show(items[0])} is picked already")

    def _say(self, query: str, message: str) -> str:
        self.message = message
        return query


def _pieces(text: str) -> list[str]:
    return [piece.strip() for piece in re.split(r"[,;\r\n]", text) if piece.strip()]
