"""Three-way merge of texts, by lines, as version control does it (diff3)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

OURS = "<<<<<<< yours"
BETWEEN = "======="
THEIRS = ">>>>>>> the new default"


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged text; where both sides changed the same lines, both are in it between markers."""

    text: str
    conflicts: int


def merge(base: str, ours: str, theirs: str) -> Merged:
    """What both sides made of `base`, put together."""
    lines: list[str] = []
    conflicts = 0
    for was, mine, yours in _stretches(*map(_lines, (base, ours, theirs))):
        if mine == yours or yours == was:
            lines += mine
        elif mine == was:
            lines += yours
        else:
            conflicts += 1
            lines += [f"{OURS}\n", *_ended(mine), f"{BETWEEN}\n", *_ended(yours), f"{THEIRS}\n"]
    return Merged("".join(lines), conflicts)


def has_markers(text: str) -> bool:
    """Whether a conflict is still in it. The middle marker alone is none: it also underlines headings."""
    return any(line.rstrip() in (OURS, THEIRS) for line in _lines(text))


def _lines(text: str) -> list[str]:
    """With their ends. Only what editors show as the end of a line is one, and not all that Python knows."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _stretches(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> Iterator[tuple[Sequence[str], Sequence[str], Sequence[str]]]:
    """Stretches of all three that belong together: what both sides kept, and what lies between."""
    at = at_ours = at_theirs = 0
    for start, end, in_ours, in_theirs in _kept_by_both(base, ours, theirs):
        yield base[at:start], ours[at_ours:in_ours], theirs[at_theirs:in_theirs]
        yield base[start:end], base[start:end], base[start:end]
        at, at_ours, at_theirs = end, in_ours + end - start, in_theirs + end - start


def _kept_by_both(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> Iterator[tuple[int, int, int, int]]:
    """Start and end in `base` of lines that both sides kept, and where they start in each; the last one is empty."""
    mine = SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks()
    yours = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    i = j = 0
    while i < len(mine) and j < len(yours):
        a, b = mine[i], yours[j]
        start, end = max(a.a, b.a), min(a.a + a.size, b.a + b.size)
        if start < end:
            yield start, end, a.b + start - a.a, b.b + start - b.a
        if a.a + a.size < b.a + b.size:
            i += 1
        else:
            j += 1
    yield len(base), len(base), len(ours), len(theirs)


def _ended(lines: Sequence[str]) -> list[str]:
    """A marker begins a line, also after a text that does not end its last one."""
    return [*lines[:-1], lines[-1] if lines[-1].endswith("\n") else f"{lines[-1]}\n"] if lines else []
