"""What installed packages register with ummsg through entry points."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AddOn:
    """One registration: the object that the entry point names, or why it cannot be had."""

    source: str
    """For people: which package."""
    found: Any = None
    problem: str = ""


def registered(group: str) -> Iterator[AddOn]:
    """Everything that is registered in a group. One that raises while it is loaded is told, and keeps no other away."""
    from importlib.metadata import entry_points

    for entry in sorted(
        entry_points(group=group), key=lambda entry: (entry.dist.name if entry.dist else "", entry.name)
    ):
        source = f"the package {entry.dist.name}" if entry.dist else f"the entry point {entry.name}"
        try:
            yield AddOn(source, found=entry.load())
        except (Exception, SystemExit) as error:  # an add-on's end is not ours
            yield AddOn(source, problem=f"{source} cannot be loaded ({entry.value}): {said(error)}")


def said(error: BaseException) -> str:
    """An exception of somebody else's code on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
