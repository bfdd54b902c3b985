"""Messages are made some at a time, and each is as if it had been made when it was asked for."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from ummsg.domain.delivery import Delivery
from ummsg.mail.templates import RenderFailed
from ummsg.mail.transports.base import Envelope
from ummsg.services.making import LONGEST, MOST, MOST_BYTES, Making
from ummsg.services.prepared_email import Parcel
from ummsg.services.turns import Claimed
from ummsg.vocabulary import DeliveryStatus

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
Made = list[tuple[int, datetime]]


@pytest.fixture
def made() -> Made:
    """Which messages were made, and as of when."""
    return []


def claims(number: int, make: Callable[..., Parcel]) -> deque[Claimed]:
    return deque(
        Claimed(
            Delivery(key, 1, key, f"c{key}@example.com", DeliveryStatus.SENDING, f"{key}@example.com"),
            partial(make, key),
        )
        for key in range(number)
    )


def maker(made: Made, *, size: int = 5, impossible: int | None = None) -> Callable[..., Parcel]:
    def make(key: int, *, now: datetime) -> Parcel:
        made.append((key, now))
        if key == impossible:
            raise RenderFailed("no")
        return Parcel(Envelope("a@example.com", f"c{key}@example.com"), b"x" * size)

    return make


def ask(making: Making, waiting: deque[Claimed], number: int, date: datetime = NOW) -> list[str]:
    """Ask for the next so many; whom they are for."""
    asked = [waiting.popleft() for _ in range(number)]
    return [
        making.parcel(claimed, [*asked[index + 1 :], *waiting], date).envelope.rcpt_to
        for index, claimed in enumerate(asked)
    ]


def test_each_is_made_once_and_given_in_its_turn(made: Made) -> None:
    waiting = claims(500, maker(made))

    assert ask(Making(), waiting, 500) == [f"c{key}@example.com" for key in range(500)]
    assert made == [(key, NOW) for key in range(500)]


def test_more_are_made_each_time_while_all_are_asked_for(made: Made) -> None:
    making, waiting = Making(), claims(500, maker(made))
    ahead = []
    for asked in range(1, 401):
        ask(making, waiting, 1)
        ahead.append(len(made) - asked)

    assert ahead[0] == 0
    assert max(ahead) == MOST - 1


def test_what_was_made_for_another_second_is_made_again(made: Made) -> None:
    making, waiting = Making(), claims(50, maker(made))
    ask(making, waiting, 20)
    later = NOW + timedelta(seconds=1)
    made.clear()

    ask(making, waiting, 10, later)

    assert made[:10] == [(key, later) for key in range(20, 30)]


def test_nothing_is_made_for_nothing_when_one_a_second_is_asked_for(made: Made) -> None:
    making, waiting = Making(), claims(50, maker(made))
    ask(making, waiting, 20)
    made.clear()

    for second in range(1, 12):
        ask(making, waiting, 1, NOW + timedelta(seconds=second))

    assert [key for key, _ in made] == list(range(20, 31))


def test_what_cannot_be_made_says_so_in_its_turn_and_holds_nothing_up(made: Made) -> None:
    making, waiting = Making(), claims(50, maker(made, impossible=20))
    ask(making, waiting, 20)

    with pytest.raises(RenderFailed):
        ask(making, waiting, 1)
    assert ask(making, waiting, 29) == [f"c{key}@example.com" for key in range(21, 50)]


def test_messages_that_take_long_to_make_hold_nothing_else_up(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ummsg.services.making.monotonic", lambda: len(made) * LONGEST * 0.6)
    making, waiting = Making(), claims(200, maker(made))

    for asked in range(1, 101):
        ask(making, waiting, 1)
        assert len(made) - asked <= 2


def test_large_messages_are_not_hoarded(made: Made) -> None:
    making, waiting = Making(), claims(200, maker(made, size=MOST_BYTES // 3))

    for asked in range(1, 101):
        ask(making, waiting, 1)
        assert len(made) - asked <= 4
