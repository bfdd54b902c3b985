"""An address that must not be mailed, with the reason."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    email: str
    reason: str
    created_at: datetime
