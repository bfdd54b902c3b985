"""Moments as programs read them."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """In UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
