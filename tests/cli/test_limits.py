"""Rate limits as an operator meets them: set, typed, reached, and looked at."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.program import Program
from tests.system_emails import PAYMENT, install
from ummsg.domain.delivery import LEASE
from ummsg.domain.limits import parse_rates
from ummsg.runtime import Runtime

EMAIL = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--everyone")
HOUR = timedelta(hours=1.01)


def mail(program: Program) -> list[Path]:
    return list((program.folder / "mail").glob("new/*"))


def counts(program: Program, broadcast_id: int = 1) -> dict[str, int]:
    balance = json.loads(program("broadcast", "show", broadcast_id, "--format", "json").out)["counts"]
    return {name: number for name, number in balance.items() if number}


class TestALimitOfTheSettings:
    def test_ends_the_run_when_it_is_used_up_and_the_next_goes_on(self, network: Program) -> None:
        network.environ["UMMSG_RATE_LIMIT"] = "2/h"
        first = network(*EMAIL, "--yes")
        assert first.code == 3
        assert "2 sent." in first.err
        assert "The limit of 2/h is used up; there is room again at " in first.err
        assert "(2026-11-23T13:00:00Z)" in first.err
        assert "3 are still queued." in first.err
        assert "ummsg broadcast send 1" in first.err

        assert network("outbox", "run").code == 3
        assert len(mail(network)) == 2
        network.now += HOUR
        assert network("outbox", "run").code == 3
        assert len(mail(network)) == 4
        network.now += HOUR
        assert network("outbox", "run").code == 0
        assert counts(network) == {"targeted": 5, "sent": 5}

    def test_ends_nothing_when_all_fits(self, network: Program) -> None:
        network.environ["UMMSG_RATE_LIMIT"] = "5/h"
        result = network(*EMAIL, "--yes")
        assert result.code == 0, result.err
        assert "limit" not in result.err

    def test_lets_system_emails_go_before_broadcasts(self, network: Program) -> None:
        install(network)
        network.environ["UMMSG_RATE_LIMIT"] = "2/h"
        network(*EMAIL, "--queue", "--yes")
        fired = network("events", "fire", "payment_received", "--payload", "-", stdin=json.dumps(PAYMENT))
        assert fired.code == 0, fired.err
        assert network("outbox", "run").code == 3
        assert counts(network) == {"targeted": 5, "sent": 1, "queued": 4}

    def test_of_a_domain_holds_for_system_emails_too(self, network: Program) -> None:
        install(network)
        network.environ["UMMSG_DOMAIN_LIMITS"] = "example.com=1/h"
        for number in (1, 2):
            fired = PAYMENT | {"payment_id": number}
            network("events", "fire", "payment_received", "--payload", "-", stdin=json.dumps(fired))
        assert network("outbox", "run").code == 3
        assert len(mail(network)) == 1
        (row,) = json.loads(network("outbox", "status", "--format", "json").out)
        assert (row["system_email"], row["queued"], row["next_due"]) == ("receipt", 1, None)
        network.now += HOUR
        assert network("outbox", "run").code == 0
        assert len(mail(network)) == 2

    def test_of_a_domain_holds_up_that_domain_alone(self, network: Program) -> None:
        for number in (1, 2, 3):
            network("customers", "add", "--email", f"g{number}@gmail.com")
        network.environ["UMMSG_DOMAIN_LIMITS"] = "gmail.com=1/h"
        result = network(*EMAIL, "--yes")
        assert result.code == 3
        assert "6 sent." in result.err
        assert "The limit of gmail.com=1/h is used up" in result.err
        assert "2 are still queued." in result.err

        network.environ["UMMSG_DOMAIN_LIMITS"] = ""
        assert network("outbox", "run").code == 0
        assert counts(network) == {"targeted": 8, "sent": 8}

    def test_costs_no_statement_where_there_is_none(self, network: Program) -> None:
        said: list[str] = []

        def listen(runtime: Runtime) -> None:
            engine = runtime.store._engine
            event.listen(engine, "before_cursor_execute", lambda *about: said.append(about[2]))

        assert network(*EMAIL, "--yes", set_up=listen).code == 0
        assert any("UPDATE deliveries" in words for words in said)
        assert [words for words in said if "limit_uses" in words] == []
        assert sum("limits_kept" in words for words in said) == 1  # when the drain begins

    def test_counts_what_a_process_without_it_sends(self, network: Program) -> None:
        network.environ["UMMSG_RATE_LIMIT"] = "6/h"
        network(*EMAIL, "--queue", "--yes")
        network("outbox", "run", "--rate", "1/h")
        del network.environ["UMMSG_RATE_LIMIT"]
        assert network("outbox", "run").code == 0
        network.environ["UMMSG_RATE_LIMIT"] = "6/h"
        assert network(*EMAIL, "--yes").code == 3
        assert len(mail(network)) == 6


class TestARateThatIsTyped:
    def test_holds_for_what_the_command_sends(self, network: Program) -> None:
        result = network(*EMAIL, "--yes", "--rate", "3/h")
        assert result.code == 3
        assert "The limit of 3/h is used up" in result.err
        assert len(mail(network)) == 3
        assert network("broadcast", "send", 1, "--rate", "4/h").code == 3
        assert len(mail(network)) == 4
        assert network("outbox", "run", "--rate", "5/h").code == 0

    def test_loosens_nothing(self, network: Program) -> None:
        network.environ["UMMSG_RATE_LIMIT"] = "2/h"
        result = network(*EMAIL, "--yes", "--rate", "50/s,100/h")
        assert result.code == 3
        assert "The limit of 2/h is used up" in result.err
        assert len(mail(network)) == 2

    @pytest.mark.parametrize("rate", ["", "0/s", "-1/s", "many", "5/s,6/s", "5/fortnight"])
    @pytest.mark.parametrize("command", [(*EMAIL, "--yes"), ("broadcast", "send", "1"), ("outbox", "run")])
    def test_that_is_none_changes_nothing(self, network: Program, command: tuple[str, ...], rate: str) -> None:
        network(*EMAIL, "--queue", "--yes")
        before = network.dump()
        result = network(*command, "--rate", rate)
        assert result.code == 2
        assert "Error: --rate: " in result.err
        assert result.err.count("Error") == 1
        assert network.dump() == before

    @pytest.mark.parametrize("how", [["--queue"], ["--draft"], ["--at", "2027-01-01T08:00Z"]])
    def test_is_refused_where_nothing_is_sent(self, network: Program, how: list[str]) -> None:
        result = network(*EMAIL, "--yes", "--rate", "5/s", *how)
        assert result.code == 2
        assert "would send nothing now" in result.err
        assert network.rows("SELECT * FROM broadcasts") == []


def test_what_is_waited_for_is_told_to_whoever_watches(network: Program) -> None:
    network(*EMAIL, "--queue", "--yes")
    runtime = Runtime(environ=network.environ, directory=network.folder, clock=lambda: network.now)
    told: list[tuple[int, str]] = []
    run = runtime.outbox.drain(
        rate=parse_rates("1/m"),
        watch=lambda tally: told.append((tally.sent, tally.waits_for)),
        stopping=lambda: (1, "1/m") in told,
    )
    runtime.close()
    assert run.interrupted
    assert [waits_for for _, waits_for in told[: told.index((1, "1/m"))] if waits_for] == []


class TestATest:
    """`broadcast test` and `emails test`."""

    TO = ("--to", "me@example.com")

    def test_counts(self, network: Program) -> None:
        install(network)
        network.environ["UMMSG_RATE_LIMIT"] = "3/h"
        network(*EMAIL, "--queue", "--yes")
        assert network("broadcast", "test", 1, "--as", "1", *self.TO).code == 0
        assert network("emails", "test", "receipt", *self.TO).code == 0
        assert network("outbox", "run").code == 3
        assert counts(network)["sent"] == 1

    @pytest.mark.parametrize("setting", [{"UMMSG_RATE_LIMIT": "1/h"}, {"UMMSG_DOMAIN_LIMITS": "example.com=1/h"}])
    def test_waits_its_turn_like_any_other(self, network: Program, setting: dict[str, str]) -> None:
        install(network)
        network(*EMAIL, "--queue", "--yes")
        network.environ |= setting
        network("outbox", "run")
        assert len(mail(network)) == 1
        for command in (("broadcast", "test", 1, "--as", "1"), ("emails", "test", "receipt")):
            result = network(*command, *self.TO)
            assert result.code == 3
            assert "1/h is used up" in result.err
            assert "2026-11-23 13:00:00 UTC" in result.err
        assert len(mail(network)) == 1

    def test_that_died_counts_from_when_its_lease_is_over(self, network: Program) -> None:
        network.environ["UMMSG_RATE_LIMIT"] = "1/h"
        network(*EMAIL, "--queue", "--yes")

        def dying(runtime: Runtime) -> None:
            with runtime.store.begin() as tx:
                tx.limits.keep([("", 3600)])
                tx.limits.hold("me@example.com", network.now)

        network("outbox", "limits", set_up=dying)
        assert json.loads(network("outbox", "limits", "--format", "json").out)[0]["used"] == 1
        network.now += LEASE
        assert network("outbox", "run").code == 3
        assert mail(network) == []
        network.now += HOUR
        network("outbox", "run")
        assert len(mail(network)) == 1


class TestLookingAtThem:
    def test_what_is_used_and_when_there_is_room(self, network: Program) -> None:
        network("customers", "add", "--email", "g1@gmail.com")
        network("customers", "add", "--email", "g2@gmail.com")
        network.environ |= {"UMMSG_RATE_LIMIT": "50/s,100/d", "UMMSG_DOMAIN_LIMITS": "gmail.com=1/h"}
        network(*EMAIL, "--yes")
        network.now += timedelta(seconds=2)
        rows = json.loads(network("outbox", "limits", "--format", "json").out)
        second = {"limit": "50/s", "domain": None, "used": 0, "room": 50, "room_at": None}
        day = {"limit": "100/d", "domain": None, "used": 6, "room": 94, "room_at": None}
        hour = {"limit": "gmail.com=1/h", "domain": "gmail.com", "used": 1, "room": 0}
        assert rows == [
            second | {"waiting": None},
            day | {"waiting": None},
            hour | {"room_at": "2026-11-23T13:00:00Z", "waiting": 1},
        ]
        status = network("outbox", "status")
        assert "gmail.com=1/h" in status.out
        assert json.loads(network("outbox", "status", "--format", "json").out)[0]["queued"] == 1

    def test_without_any(self, network: Program) -> None:
        assert network("outbox", "limits", "--format", "json").out.strip() == "[]"
        assert "limit" not in network("outbox", "status").out

    def test_one_that_cannot_be_kept(self, network: Program) -> None:
        network.environ["UMMSG_RATE_LIMIT"] = "0/s"
        assert network("outbox", "limits").code == 4
        status = network("outbox", "status")
        assert status.code == 0
        assert "UMMSG_RATE_LIMIT: '0/s': a limit is from 1" in status.err
