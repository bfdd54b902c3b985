"""How often somebody may ask."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_KNOWN = 10_000
"""Of how many it is remembered how often they asked; who asked longest ago is forgotten first."""


class Buckets:
    """One for each that asks: `burst` at once, and `per_second` after that."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, who: Hashable) -> float:
        """Take one; 0 if there was one, or the seconds until there is."""
        now = self._clock()
        left, since = self._left.pop(who, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_second)
        enough = left >= 1
        self._left[who] = (left - 1 if enough else left), now
        if len(self._left) > MOST_KNOWN:
            self._left.popitem(last=False)
        return 0 if enough else (1 - left) / self._per_second
