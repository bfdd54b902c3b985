"""A drain whose ledger cannot be written: what was sent is not forgotten."""

import json
from contextlib import AbstractContextManager

from tests.program import Program
from tests.smtp_server import SmtpServer
from ummsg.errors import DatabaseBusy
from ummsg.runtime import Runtime
from ummsg.store.engine import Transaction

NEW = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--everyone")


def counts(program: Program) -> dict[str, int]:
    balance = json.loads(program("broadcast", "show", 1, "--format", "json").out)["counts"]
    return {name: number for name, number in balance.items() if number}


def test_results_that_the_database_did_not_take_are_recorded_by_the_next_run(
    network: Program, smtp_server: SmtpServer
) -> None:
    network.environ["UMMSG_MAIL_URL"] = smtp_server.url
    network(*NEW, "--queue", "--yes")

    def locked_from_the_first_message_on(runtime: Runtime) -> None:
        begin = runtime.store.begin

        def begin_unless_locked() -> AbstractContextManager[Transaction]:
            if smtp_server.messages:
                raise DatabaseBusy("The database is locked")
            return begin()

        runtime.store.begin = begin_unless_locked  # type: ignore[method-assign]

    failed = network("outbox", "run", set_up=locked_from_the_first_message_on)
    assert failed.code == 1
    assert "not forgotten" in failed.err
    sent = len(smtp_server.messages)
    assert sent > 0
    assert counts(network) == {"targeted": 5, "queued": 5}

    assert network("outbox", "run").code == 0
    assert counts(network) == {"targeted": 5, "sent": 5}
    assert len(smtp_server.messages) == 5
    assert list(network.folder.glob("*.outbox-*")) == []
