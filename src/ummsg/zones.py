"""Time zones by their names in the tz database."""

from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from ummsg.errors import InvalidInput

_NO_PLACE = {"Factory", "localtime", "posixrules"}
"""Files beside the zones: what a machine has before anybody sets it, and what it is set to."""


@cache
def zone_names() -> dict[str, str]:
    """Every name, by its form without capitals."""
    return {name.casefold(): name for name in sorted(available_timezones() - _NO_PLACE)}


def zone_named(name: str) -> ZoneInfo:
    """The zone of that name, in whatever case it is written. Raises InvalidInput; its hint is the closest name."""
    names = zone_names()
    if found := names.get(name.casefold()):
        return ZoneInfo(found)
    close = closest_zone(name)
    raise InvalidInput(
        f"there is no time zone {name[:80]!r}" + (f"; is it {close}?" if close else ""),
        hint=close,
    )


def closest_zone(name: str) -> str:
    """The name that was probably meant; nothing if none is near."""
    names = zone_names()
    cities = {full.rpartition("/")[2]: full for full in names}
    wanted = name.casefold().strip().replace(" ", "_")
    close = get_close_matches(wanted, [*names, *cities], n=1, cutoff=0.75)
    return names[cities.get(close[0], close[0])] if close else ""
