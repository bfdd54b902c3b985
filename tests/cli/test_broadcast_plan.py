"""ummsg broadcast plan, and send --plan: exactly what was planned, once, or nothing."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.cli.test_broadcast_new import recipients, show
from tests.program import Program, Result, with_network
from ummsg.errors import DiskFull
from ummsg.runtime import Runtime

PLAN = ("broadcast", "plan", "--type", "email", "--subject", "Hello", "--content", "Good morning.")
PRO = (*PLAN, "--product", "pro")


def planned(program: Program, *command: object, name: str = "plan.json") -> Path:
    result = program(*(command or PRO))
    assert result.code == 0, result.err
    return program.write(name, result.out)


def send(program: Program, plan: object) -> Result:
    return program("broadcast", "send", "--plan", plan, "--yes")


def refused(program: Program, plan: object) -> str:
    """What is said; nothing was stored, and nobody got anything that they had not before."""
    before, got = program.dump(), recipients(program)
    result = send(program, plan)
    assert (result.code, result.out) == (2, "")
    assert (program.dump(), recipients(program)) == (before, got)
    assert result.err.count("Error: ") == 1
    return result.err


class TestPlan:
    def test_it_says_what_would_be_done_and_stores_nothing(self, network: Program) -> None:
        network("suppressions", "add", "bo@example.com", "--reason", "550 5.1.1 <bo@example.com> unknown")
        before = network.dump()
        plan = json.loads(network(*PLAN, "--product", "pro", "--product", "extra").out)

        assert plan["counts"] == {"matched": 3, "duplicates": 1, "left_out": 1, "recipients": 1}
        assert plan["left_out"] == {"550 5.1.1 <…> unknown": 1}
        assert plan["targets"] == [
            {"target": "Pro (pro)", "customers": 2},
            {"target": "Extra storage (extra)", "customers": 1},
        ]
        assert (plan["estimated_seconds"], plan["estimated_by"]) == (None, None)
        assert network.dump() == before

    def test_its_counts_are_those_of_the_review(self, network: Program) -> None:
        network("suppressions", "add", "bo@example.com", "--reason", "complained")
        review = network("broadcast", "new", *PRO[2:], "--customer", "1", "--dry-run").err
        counts = json.loads(network(*PRO, "--customer", "1").out)["counts"]

        lines = [" ".join(line.split()) for line in review.splitlines()]
        assert f"Recipients {counts['recipients']}" in lines
        assert f"Matched more than once -{counts['duplicates']}" in lines
        assert f"Left out: complained -{counts['left_out']}" in lines

    def test_it_holds_no_address_and_no_secret(self, network: Program) -> None:
        network.environ |= {"UMMSG_REPLY_TO": "answers@example.com", "UMMSG_SECRET_KEY": "very secret"}
        out = network(*PLAN, "--customer", "anna@example.com", "--everyone").out
        assert "@" not in out
        assert "very secret" not in out

    def test_it_names_what_is_missing(self, network: Program) -> None:
        result = network("broadcast", "plan", "--type", "email", "--everyone")
        assert result.code == 2
        assert "--subject" in result.err
        assert "--content" in result.err

    @pytest.mark.parametrize("command", [(*PLAN, "--product", "empty"), (*PLAN, "--everyone", "--content", "{{ x }}")])
    def test_what_may_not_be_sent_is_not_planned(self, network: Program, command: tuple[str, ...]) -> None:
        result = network(*command)
        assert (result.code, result.out) == (2, "")

    def test_without_a_secret_key_there_is_nothing_to_seal_it_with(self, network: Program) -> None:
        (network.folder / "ummsg.key").unlink()
        assert network(*PRO).code == 4

    def test_how_long_it_takes_is_judged_by_the_last_broadcast(self, network: Program) -> None:
        more = "email\n" + "".join(f"c{number}@example.com\n" for number in range(120))
        network("customers", "import", network.write("more.csv", more))
        network("broadcast", "new", *PLAN[2:], "--everyone", "--yes")
        network.execute("UPDATE deliveries SET updated_at = '2026-11-23 12:00:25.000000' WHERE id % 2")

        plan = json.loads(network(*PRO).out)
        assert plan["estimated_by"] == "the pace of broadcast 1"
        assert plan["estimated_seconds"] == round(2 / (125 / 25))


class TestSend:
    def test_it_does_what_was_planned(self, network: Program) -> None:
        result = send(network, planned(network))
        assert result.code == 0, result.err
        assert recipients(network) == ["anna@example.com", "bo@example.com"]

    def test_twice_it_sends_once(self, network: Program) -> None:
        plan = planned(network)
        send(network, plan)
        network("suppressions", "add", "bo@example.com")  # what changed since is no matter any more
        before = network.dump()
        result = send(network, plan)

        assert result.code == 0
        assert "This plan is broadcast 1 already; nothing was done" in result.err
        assert network.dump() == before
        assert len(recipients(network)) == 2

    @pytest.mark.parametrize(
        ("then", "said", "command"),
        [
            ((), "It is not through yet: 2 of 2 recipients wait for it", "Go on with: ummsg broadcast send 1"),
            (("broadcast", "pause", 1), "It is paused (paused by an admin): 2 of 2", "ummsg broadcast resume 1"),
            (("broadcast", "cancel", 1, "--yes"), "It is cancelled (cancelled by an", "Look at it: ummsg broadcast"),
        ],
    )
    def test_what_was_stopped_on_the_way_was_not_carried_out(
        self, network: Program, then: tuple[object, ...], said: str, command: str
    ) -> None:
        plan = planned(network)

        def stop_before_the_first_message(runtime: Runtime) -> None:
            runtime.outbox.drain = Mock(side_effect=DiskFull("The disk is full"))  # type: ignore[method-assign]

        network("broadcast", "send", "--plan", plan, "--yes", set_up=stop_before_the_first_message)
        if then:
            network(*then)
        before = network.dump()
        result = send(network, plan)

        assert (result.code, network.dump()) == (3, before)
        assert said in result.err
        assert command in result.err
        assert recipients(network) == []

    def test_a_plan_of_the_same_is_the_same(self, network: Program) -> None:
        send(network, planned(network))
        network.now = network.now.replace(hour=13)
        assert "This plan is broadcast 1 already" in send(network, planned(network)).err

    def test_with_another_key_the_same_goes_out_again(self, network: Program) -> None:
        send(network, planned(network, *PRO, "--idempotency-key", "week-48"))
        send(network, planned(network, *PRO, "--idempotency-key", "week-49"))
        assert len(recipients(network)) == 4

    def test_it_may_come_through_a_pipe(self, network: Program) -> None:
        assert network("broadcast", "send", "--plan", "-", "--yes", stdin=network(*PRO).out).code == 0
        assert len(recipients(network)) == 2

    def test_it_needs_a_yes_off_a_terminal(self, network: Program) -> None:
        plan = planned(network)
        before = network.dump()
        assert network("broadcast", "send", "--plan", plan).code == 2
        assert network.dump() == before

    def test_a_notice(self, network: Program) -> None:
        plan = planned(network, *PRO, "--type", "notice", "--notice-type", "warning", "--ends", "tomorrow 9:00 UTC")
        assert send(network, plan).code == 0
        (notice,) = json.loads(network("notices", "list", "--customer", "1", "--format", "json").out)
        assert (notice["notice_type"], notice["ends"]) == ("warning", "2026-11-24T09:00:00Z")

    def test_a_time(self, network: Program) -> None:
        plan = planned(network, *PRO, "--at", "tomorrow 9:00 Europe/Stockholm")
        assert send(network, plan).code == 0
        assert (show(network, 1)["status"], show(network, 1)["at"]) == ("scheduled", "2026-11-24T08:00:00Z")

    def test_a_local_time_keeps_the_zone_it_was_planned_with(self, network: Program) -> None:
        network.environ["UMMSG_TIMEZONE"] = "Asia/Tokyo"
        plan = planned(network, *PRO, "--at-local", "2026-11-26T09:00")
        network.environ["UMMSG_TIMEZONE"] = "America/New_York"
        assert send(network, plan).code == 0
        assert show(network, 1)["default_zone"] == "Asia/Tokyo"

    def test_a_time_that_has_passed_is_refused(self, network: Program) -> None:
        plan = planned(network, *PRO, "--at", "today 13:00 UTC")
        network.now = network.now.replace(hour=14)
        assert "in the past" in refused(network, plan)

    @pytest.mark.parametrize("arguments", [("send",), ("send", 1, "--plan", "plan.json")])
    def test_an_id_or_a_plan(self, network: Program, arguments: tuple[Any, ...]) -> None:
        result = network("broadcast", *arguments)
        assert result.code == 2
        assert "either an ID or --plan" in result.err


class TestWhatHasChanged:
    def test_more_customers(self, network: Program) -> None:
        plan = planned(network)
        more = "email,products\n" + "".join(f"{name}@example.com,pro\n" for name in ("finn", "gry", "hal"))
        network("customers", "import", network.write("more.csv", more))
        assert "3 customers more than planned" in refused(network, plan)

    def test_fewer_customers(self, network: Program) -> None:
        plan = planned(network)
        network("customers", "delete", "2", "--yes")
        assert "1 customer fewer than planned" in refused(network, plan)

    def test_as_many_but_others(self, network: Program) -> None:
        plan = planned(network)
        network("customers", "delete", "2", "--yes")
        network("customers", "import", network.write("more.csv", "email,products\nfinn@example.com,pro\n"))
        assert "as many customers as planned, but others" in refused(network, plan)

    def test_another_address(self, network: Program) -> None:
        plan = planned(network)
        network("customers", "import", network.write("more.csv", "id,email\n2,bosse@example.com\n"))
        assert "but others" in refused(network, plan)

    def test_somebody_who_may_not_be_mailed_any_more(self, network: Program) -> None:
        plan = planned(network)
        network("suppressions", "add", "bo@example.com", "--reason", "complained")
        said = refused(network, plan)
        assert "1 customer fewer than planned" in said
        assert "left out (complained): 1, planned 0" in said

    @pytest.mark.parametrize(
        ("variable", "part"),
        [
            ("UMMSG_FROM", "sender"),
            ("UMMSG_REPLY_TO", "sender"),
            ("UMMSG_LAYOUT_FOOTER_TEXT", "layout"),
            ("UMMSG_BOUNCE_ADDRESS", "bounce and unsubscribe addresses"),
        ],
    )
    def test_what_messages_are_made_of(self, network: Program, variable: str, part: str) -> None:
        plan = planned(network)
        network.environ[variable] = "other@example.org"
        assert f"content differs: {part}" in refused(network, plan)


class TestWhatChangesWhileItIsWrittenDown:
    """Between the look at the audience and the end of freezing somebody may sign up, or the process may be killed."""

    def half_done(self, network: Program) -> Path:
        """A plan whose broadcast is stored and not frozen yet."""
        plan = planned(network)
        runtime = Runtime(environ=network.environ, directory=network.folder, clock=lambda: network.now)
        read = runtime.plans.read(json.loads(plan.read_text()))
        review = runtime.broadcasts.review(read.draft)
        runtime.broadcasts.release(review, key=read.idempotency_key, planned_audience=read.standing.audience)
        runtime.close()
        return plan

    def test_it_is_cancelled_and_nobody_mailed(self, network: Program) -> None:
        self.half_done(network)
        network("customers", "import", network.write("more.csv", "email,products\nfinn@example.com,pro\n"))
        result = network("outbox", "run")

        assert result.code == 2
        assert "The audience of broadcast 1 changed while it was written down" in result.err
        assert (show(network, 1)["status"], recipients(network)) == ("cancelled", [])
        assert show(network, 1)["counts"]["cancelled"] == 3

    def test_the_key_is_free_for_a_plan_made_again(self, network: Program) -> None:
        plan = self.half_done(network)
        network("suppressions", "add", "bo@example.com")
        network("outbox", "run")
        assert network("suppressions", "remove", "bo@example.com").code == 0

        assert send(network, plan).code == 0
        assert len(recipients(network)) == 2

    def test_what_has_not_changed_goes_out(self, network: Program) -> None:
        network("suppressions", "add", "bo@example.com")
        self.half_done(network)
        assert network("outbox", "run").code == 0
        assert recipients(network) == ["anna@example.com"]


class TestWhatIsNoPlan:
    def test_a_plan_of_another_database(
        self, network: Program, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plan = planned(network)
        (tmp_path / "other").mkdir()
        other = Program(tmp_path / "other", capsys, monkeypatch)
        assert other("init").code == 0
        with_network(other)
        assert "made for another database" in refused(other, plan)

    def test_one_that_was_edited(self, network: Program) -> None:
        plan = planned(network)
        plan.write_text(plan.read_text().replace("Good morning.", "Good evening."))
        assert "changed after it was made" in refused(network, plan)

    def test_one_that_was_only_laid_out_anew_is_the_same(self, network: Program) -> None:
        plan = planned(network)
        plan.write_text(json.dumps(json.loads(plan.read_text()), sort_keys=True))
        assert send(network, plan).code == 0

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", "is not JSON"),
            ("subject: Hello", "is not JSON"),
            ("[]", "is not a plan"),
            ("null", "is not a plan"),
            ('{"format": "ummsg plan", "format": "ummsg plan"}', "there twice"),
            ('{"format": "ummsg plan", "version": 99}', "newer ummsg"),
            ('{"format": "ummsg plan", "version": 1e999}', "newer ummsg"),
            (b'{"format": "\xff"}', "not UTF-8"),
            ("[" * 200_000, "nests too deeply"),
            (b" " * (33 * 1024 * 1024), "that is not a plan"),
        ],
    )
    def test_anything_else(self, network: Program, content: str | bytes, said: str) -> None:
        assert said in refused(network, network.write("plan.json", content))

    @pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
    def test_half_of_one(self, network: Program, part: float) -> None:
        plan = planned(network)
        whole = plan.read_bytes()
        plan.write_bytes(whole[: int(len(whole) * part)])
        assert "is not JSON" in refused(network, plan)

    def test_a_file_that_is_not_there(self, network: Program) -> None:
        assert "cannot be read" in refused(network, "nowhere.json")
