"""Signatures as other implementations of Standard Webhooks make them."""

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ummsg.domain.webhook import WINDOW, Signed

SENT = datetime.fromtimestamp(1614265330, UTC)
KEY = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
BODY = b'{"test": 2432232314}'
SIGNED = Signed("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
"""The vector that the reference implementations are tested with."""


def test_the_published_vector_is_understood() -> None:
    assert SIGNED.is_by(KEY, BODY)
    assert not SIGNED.is_by(KEY, BODY + b" ")
    assert not SIGNED.is_by(KEY + b" ", BODY)


@pytest.mark.parametrize("late", [timedelta(), WINDOW, -WINDOW])
def test_within_the_window_nothing_speaks_against_it(late: timedelta) -> None:
    assert SIGNED.fault(SENT + late) == ""


@pytest.mark.parametrize("late", [WINDOW + timedelta(seconds=1), -WINDOW - timedelta(seconds=1), timedelta(days=900)])
def test_outside_the_window_it_is_refused(late: timedelta) -> None:
    assert "five minutes" in SIGNED.fault(SENT + late)


@pytest.mark.parametrize("timestamp", ["999999999999", "-1", "1.5", "²", "", "1" * 30])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    assert "webhook-timestamp" in replace(SIGNED, timestamp=timestamp).fault(SENT)
