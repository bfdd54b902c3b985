"""The collector of reference cycles, in long work that makes none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Leave alone what is there by now: a tenth of the time of sending would go into looking through everything that
    was imported, again and again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
