"""How long to wait for what comes back by itself."""

from datetime import timedelta

from ummsg.domain.patience import FIRST_PAUSE, LONGEST_PAUSE, pause_after


def test_the_pauses_double_up_to_a_bound() -> None:
    assert [pause_after(failures).seconds for failures in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert (pause_after(1), pause_after(10_000)) == (FIRST_PAUSE, LONGEST_PAUSE)
    assert pause_after(1) > timedelta()
