"""Delays as they are typed: `3d`, `2h30m`, `90m`, `0`."""

import re
from datetime import timedelta

from ummsg.errors import InvalidInput

_PARTS = re.compile(r"(?:(?P<days>\d{1,6})d ?)?(?:(?P<hours>\d{1,6})h ?)?(?:(?P<minutes>\d{1,8})m)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Days, hours and minutes, in that order, each of them once; `0` for none. Raises InvalidInput."""
    typed = text.strip().lower()
    found = _PARTS.fullmatch(typed)
    if typed == "0":
        return timedelta()
    if not typed or found is None:
        raise InvalidInput(f"{text!r} is no length of time", hint="write 3d, 2h30m, 90m, or 0 for none")
    return timedelta(**{name: int(number) for name, number in found.groupdict().items() if number})


def shown_duration(length: timedelta) -> str:
    """As `parse_duration` reads it; a part of a minute is left out."""
    minutes = int(length.total_seconds()) // 60
    parts = {"d": minutes // 1440, "h": minutes // 60 % 24, "m": minutes % 60}
    return "".join(f"{number}{unit}" for unit, number in parts.items() if number) or "0"
