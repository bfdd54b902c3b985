"""The collector of reference cycles, in long work that makes none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_OBJECTS = 50_000
"""How many more there are than before until the collector looks through them; usually 700."""


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Leave alone what is there by now, and look at new objects less often: a tenth of the time of sending goes into
    looking through everything that was imported, again and again."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
