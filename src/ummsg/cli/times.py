"""Times as they are typed."""

from datetime import UTC, datetime, timedelta

from ummsg.domain.duration import parse_duration
from ummsg.errors import InvalidInput


def parse_time(text: str | None, flag: str) -> datetime | None:
    """An ISO 8601 time; without a zone it is this machine's. Raises InvalidInput naming the flag."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.tzinfo is not None else moment.astimezone()
        moment.astimezone(UTC)  # the first and the last day of all are none everywhere
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{flag}: {text!r} is not a time",
            hint=f"{flag} 2027-01-31T08:00+01:00, or without a zone for this machine's",
        ) from None
    return moment


def parse_length(text: str | None, flag: str) -> timedelta | None:
    """A length of time. Raises InvalidInput naming the flag."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except InvalidInput as error:
        raise InvalidInput(f"{flag}: {error.what}", hint=f"{flag} 12h, or 2d, 1d12h, 90m") from None
