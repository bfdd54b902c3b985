"""What the doctor finds."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    GOOD = "ok"
    WARNING = "warning"
    MISSING = "missing"
    """Sending cannot work like this."""
    UNKNOWN = "unknown"
    """It could not be looked at; nothing is said about it."""


@dataclass(frozen=True)
class Finding:
    """What one check found. `hint` is what to type or write next; empty when all is well."""

    name: str
    health: Health
    what: str
    hint: str = ""
