"""Rate limits: how many messages may be handed over in any second, minute, hour or day; of all mail, or to one domain.

In **any** span of a limit's length at most its number of messages is handed over, whatever processes run, are killed or
start anew. This holds because of two rules, and of nothing else:

1. What may be handed over is claimed first, in a transaction that counts what is *in use*: what was booked within the
   span that ends now, and what is claimed and not yet settled. No more is claimed than the limit's number leaves.
2. What was handed over is booked in the transaction that settles it, at that time or a little later, never earlier.

Proof: take any span, and of the messages handed over in it the one that was claimed last, at time t, before the span's
end. Every other one was claimed before it; at t it was either not settled, and counted, or booked, at a time no earlier
than it was handed over. That is after the span's begin, and so less than its length before t: it was counted as well.
With the last one they were no more than the limit's number.

Bookings are kept in parts of a span (`PARTS`), dated at the part's end, so that a few rows hold millions.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ummsg.domain.address import checked_address, shown
from ummsg.errors import InvalidInput

ALL_MAIL = ""
"""The scope of a limit that holds for everything; the others are domains."""

PARTS = 100
"""Of a span; a booking is dated up to one of them too late."""

PATIENCE = timedelta(seconds=90)
"""How long a drain waits for room: spans up to a minute are waited out, longer ones end it."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HINT = "write a number for a second, minute, hour or day, such as 50/s or 50/s,5000/h,40000/d"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in any span of so many seconds."""

    number: int
    seconds: int

    @property
    def span(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    def __str__(self) -> str:
        return f"{self.number}/{_unit_of(self.seconds)}"


Rates = tuple[Limit, ...]
"""Limits that hold together, at most one a unit."""


@dataclass(frozen=True)
class Limits:
    """Everything that has to be kept."""

    of_all: Rates = ()
    of_domains: Mapping[str, Rates] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.of_all or self.of_domains)

    def of(self, scope: str) -> Rates:
        return self.of_all if scope == ALL_MAIL else self.of_domains.get(scope, ())

    @property
    def scopes(self) -> list[str]:
        """All mail first, whether or not it has a limit."""
        return [ALL_MAIL, *self.of_domains]

    @property
    def windows(self) -> list[tuple[str, int]]:
        """The scope and the seconds of each limit."""
        return [(scope, limit.seconds) for scope in self.scopes for limit in self.of(scope)]

    def tightened(self, rates: Rates) -> "Limits":
        """With these as well: of two for the same unit the smaller one holds."""
        both = {limit.seconds: limit for limit in self.of_all}
        for limit in rates:
            both[limit.seconds] = min(limit, both.get(limit.seconds, limit), key=lambda one: one.number)
        return replace(self, of_all=tuple(sorted(both.values(), key=lambda limit: limit.seconds)))


# What is in use, and what is free


@dataclass(frozen=True, slots=True)
class Use:
    """So many messages, booked at a time for the limit of that scope and unit."""

    scope: str
    seconds: int
    at: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a limit stands at a moment."""

    scope: str
    limit: Limit
    used: int
    """Booked within the span that ends now, and on the way."""
    room_at: datetime | None
    """When there is room for one more; None if that depends on what is on the way."""

    @property
    def room(self) -> int:
        return max(0, self.limit.number - self.used)

    def time_for(self, number: int, now: datetime) -> timedelta:
        """Roughly how long it takes until so many more have gone out."""
        if number <= self.room:
            return timedelta()
        opens = max((self.room_at or now) - now, timedelta())
        return opens + self.limit.span * ((number - self.room) / self.limit.number)

    @property
    def name(self) -> str:
        return f"{self.scope}={self.limit}" if self.scope else str(self.limit)


def standings(limits: Limits, uses: Iterable[Use], on_the_way: Mapping[str, int], now: datetime) -> list[Standing]:
    """Where each limit stands; `on_the_way` is what is claimed and not settled, by scope."""
    booked: dict[tuple[str, int], list[Use]] = {}
    for use in uses:
        booked.setdefault((use.scope, use.seconds), []).append(use)
    return [
        _standing(scope, limit, booked.get((scope, limit.seconds), ()), on_the_way.get(scope, 0), now)
        for scope in limits.scopes
        for limit in limits.of(scope)
    ]


def _standing(scope: str, limit: Limit, booked: Sequence[Use], on_the_way: int, now: datetime) -> Standing:
    counting = [use for use in booked if use.at + limit.span > now]
    used = sum(use.number for use in counting) + on_the_way
    return Standing(scope, limit, used, _room_at(limit, counting, used, now))


def _room_at(limit: Limit, counting: Iterable[Use], used: int, now: datetime) -> datetime | None:
    if used < limit.number:
        return now
    for use in sorted(counting, key=lambda use: use.at):
        used -= use.number
        if used < limit.number:
            return use.at + limit.span
    return None


def booked_at(moment: datetime, seconds: int) -> datetime:
    """The time at which a message is booked that was handed over at a moment: the end of that part of the span."""
    part = seconds * 1_000_000 // PARTS
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    return _EPOCH + timedelta(microseconds=-(-micros // part) * part)


def pace(limit: Limit, since: timedelta) -> int:
    """How many may be claimed at once, so long after the last time: what a drain waits for is spread, at no more than
    twice the rate. Longer spans are allowances, and are used as fast as the server takes them."""
    if limit.span > PATIENCE:
        return limit.number
    return min(max(1, limit.number // 5), int(2 * limit.number * (since / limit.span)))


def next_pace(limit: Limit) -> timedelta:
    """How long after the last time `pace` allows one more."""
    return limit.span / (2 * limit.number) if limit.span <= PATIENCE else timedelta()


# As they are written


def parse_rates(text: str) -> Rates:
    """`50/s,5000/h`: the shortest unit first. Raises InvalidInput, saying which part is wrong and why."""
    found: dict[int, Limit] = {}
    for part in text.split(","):
        limit = _parse_one(part.strip())
        if (other := found.get(limit.seconds)) is not None:
            unit = _unit_of(limit.seconds)
            raise InvalidInput(f"two limits for the same unit: {other} and {limit}", hint=f"keep one a unit (/{unit})")
        found[limit.seconds] = limit
    return tuple(found[seconds] for seconds in sorted(found))


def parse_domain_limits(text: str) -> dict[str, Rates]:
    """`gmail.com=20/s,500/h,outlook.com=10/s`: what has no domain of its own belongs to the one before. Domains are
    returned as addresses have them: lower case, in their own script. Raises InvalidInput."""
    written: dict[str, list[str]] = {}
    domain = ""
    for part in text.split(","):
        name, mark, rate = part.rpartition("=")
        if mark:
            domain = _parse_domain(name.strip())
            if domain in written:
                raise InvalidInput(f"{domain} stands there twice", hint=f"all its limits once: {domain}=20/s,500/h")
            written[domain] = []
        elif not domain:
            raise InvalidInput(f"{shown(part.strip())} has no domain", hint="write gmail.com=20/s")
        written[domain].append(rate)
    return {domain: _parse_rates_of(domain, rates) for domain, rates in written.items()}


def _parse_rates_of(domain: str, rates: Iterable[str]) -> Rates:
    try:
        return parse_rates(",".join(rates))
    except InvalidInput as error:
        raise InvalidInput(f"{domain}: {error.what}", hint=error.hint) from None


def _parse_one(part: str) -> Limit:
    found = re.fullmatch(r"([+-]?\d+(?:\.\d+)?) ?/ ?([a-z]+)", part.lower(), re.ASCII)
    if found is None:
        raise InvalidInput(f"{shown(part)} is no limit" if part else "there is no limit", hint=_HINT)
    number, unit = found.groups()
    if unit not in _UNITS:
        raise InvalidInput(f"{shown(part)}: there is no unit {unit!r}", hint="s, m, h or d, such as 50/s or 5000/h")
    if not number.isdigit():
        raise InvalidInput(f"{shown(part)}: {number} is no number of messages", hint=_HINT)
    if not 1 <= int(number[:12]) <= _MOST:
        raise InvalidInput(f"{shown(part)}: a limit is from 1 to {_MOST:,}", hint="leave it out for no limit")
    return Limit(int(number), _UNITS[unit])


_MOST = 1_000_000_000


def _unit_of(seconds: int) -> str:
    return next(unit for unit, length in _UNITS.items() if length == seconds)


def _parse_domain(name: str) -> str:
    try:
        return checked_address(f"x@{name}").partition("@")[2]
    except InvalidInput:
        hint = "a domain without @ or *, such as gmail.com=20/s"
        raise InvalidInput(f"{shown(name)} is no domain of an address", hint=hint) from None


def domain_of(email: str) -> str:
    """The domain that limits know a recipient by."""
    return _normalised(email.rpartition("@")[2])


@lru_cache(maxsize=4096)
def _normalised(domain: str) -> str:
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    try:
        return checked_address(f"x@{domain}").partition("@")[2]
    except InvalidInput:
        return domain.lower()
