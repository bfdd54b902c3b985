"""How many customers are frozen at once, and the memory that is lent for it."""

import pytest
from sqlalchemy import text

from ummsg.store.engine import USUAL_CACHE_KIB, Store, Transaction
from ummsg.store.freezing import FREEZING_CACHE_KIB, LARGEST_CHUNK, SMALLEST_CHUNK, next_chunk


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [
        (20_000, 0.15, 20_000),
        (20_000, 0.30, 10_000),
        (20_000, 0.10, 30_000),
        (20_000, 0.01, 40_000),
        (20_000, 0.0, 40_000),
        (50_000, 0.01, LARGEST_CHUNK),
        (20_000, 60.0, SMALLEST_CHUNK),
    ],
)
def test_the_next_chunk_fits_its_time_and_at_most_doubles(size: int, seconds: float, expected: int) -> None:
    assert next_chunk(size, seconds) == expected


def cache_kib(tx: Transaction) -> int:
    return -int(tx.session.execute(text("PRAGMA cache_size")).scalar_one())


def test_a_larger_cache_does_not_outlive_its_transaction(store: Store) -> None:
    with store.begin(cache_kib=FREEZING_CACHE_KIB) as tx:
        assert cache_kib(tx) == FREEZING_CACHE_KIB
    with store.read() as tx:
        assert cache_kib(tx) == USUAL_CACHE_KIB


def test_nor_one_that_failed(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.begin(cache_kib=FREEZING_CACHE_KIB):
        raise ZeroDivisionError
    with store.begin() as tx:
        assert cache_kib(tx) == USUAL_CACHE_KIB
