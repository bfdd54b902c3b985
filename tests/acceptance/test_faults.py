"""A server that fails at every step of the dialogue, with ten connections open: nobody lost, nobody mailed twice."""

from datetime import timedelta
from itertools import product

import pytest

from tests.acceptance.balance import NEW, counts_of, customers, taken_by
from tests.program import Program
from tests.smtp_server import CLOSE, DRIP, GARBAGE, HANG, PARTIAL, RESET, SmtpServer

STEPS = ("MAIL", "RCPT", "DATA", "BODY", "DOT")
ANSWERS = ("450 4.2.0 later", "550 5.1.1 never", "421 4.3.2 closing", CLOSE, RESET, HANG, GARBAGE, PARTIAL, DRIP)
RECIPIENTS = 60
STRUCK = (1, 9, 10, 11, 30, 55)
"""Messages that a fault meets, of all that are offered."""


ABOUT_THE_SENDER = ("MAIL", "550 5.1.1 never")
"""Ends the run: no message is to blame."""


@pytest.mark.parametrize(("step", "answer"), sorted({*product(STEPS, ANSWERS)} - {ABOUT_THE_SENDER}))
@pytest.mark.parametrize("features", [("PIPELINING", "8BITMIME"), ("8BITMIME",)], ids=["pipelining", "lock-step"])
def test_whatever_fails_at_whatever_step_the_ledger_says_what_the_server_took(
    ummsg: Program, features: tuple[str, ...], step: str, answer: str
) -> None:
    customers(ummsg, RECIPIENTS)
    with SmtpServer(features=features) as server:
        ummsg.environ["UMMSG_MAIL_URL"] = f"{server.url}?timeout=0.2"
        assert ummsg(*NEW, "--queue", "--yes").code == 0
        for message in STRUCK:
            server.script(step, answer, message=message)
        assert ummsg("outbox", "run").code in (0, 3)
        _check(ummsg, server)
        ummsg.now += timedelta(hours=1)  # by then what was deferred is due
        assert ummsg("outbox", "run").code in (0, 3)
        counts = _check(ummsg, server)

    assert server.offered >= max(STRUCK)
    assert (counts["queued"], counts["deferred"]) == (0, 0)
    assert counts["failed"] + counts["unknown"] <= len(STRUCK)
    assert list(ummsg.folder.glob("*.outbox-*")) == []


def _check(program: Program, server: SmtpServer) -> dict[str, int]:
    counts = counts_of(program)
    taken = taken_by(server)
    rows = program.rows("SELECT status, email FROM deliveries")
    assert [address for address, times in taken.items() if times > 1] == []
    assert {email for status, email in rows if status == "sent"} <= taken.keys()
    assert taken.keys() <= {email for status, email in rows if status in ("sent", "unknown")}
    return counts
