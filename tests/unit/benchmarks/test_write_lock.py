"""What the watch makes of looking at a lock over and over."""

import pytest

from write_lock import Holds


def longest(*looks: tuple[bool, int, float]) -> float:
    holds = Holds()
    for held, commits, now in looks:
        holds.see(held, commits, now)
    return holds.longest


def test_a_lock_that_is_never_seen_is_not_held() -> None:
    assert longest((False, 1, 0.0), (False, 1, 9.0)) == 0


def test_a_hold_lasts_until_the_lock_is_seen_free() -> None:
    assert longest((False, 1, 0.0), (True, 1, 1.0), (True, 1, 2.0), (False, 2, 3.5), (False, 2, 9.0)) == 2.5


def test_a_commit_ends_a_hold_although_the_lock_was_not_seen_free() -> None:
    assert longest((True, 1, 1.0), (True, 2, 2.0), (True, 3, 3.5), (False, 3, 4.0)) == pytest.approx(1.5)


def test_a_hold_that_is_still_going_on_counts() -> None:
    assert longest((True, 1, 1.0), (True, 1, 4.0)) == 3
