"""When an email goes out: at a moment, or when each customer's own clock shows a time."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli.test_broadcast_new import EMAIL, recipients, show
from tests.program import Program

CUSTOMERS = """\
email,timezone
anna@example.com,Europe/Stockholm
bo@example.com,America/New_York
cleo@example.com,Pacific/Auckland
dan@example.com,
"""
ALL = (*EMAIL, "--everyone")


@pytest.fixture
def world(network: Program) -> Program:
    """Everybody but Dan and Eve has a time zone; the clock shows Monday 2026-11-23 12:00 UTC."""
    assert network("customers", "import", network.write("zones.csv", CUSTOMERS)).code == 0
    return network


def at(hour: int, minute: int = 0, day: int = 24) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def due(program: Program) -> dict[str, Any]:
    rows = json.loads(program("outbox", "list", "--format", "json").out)
    return {row["email"].partition("@")[0]: row["due_at"] for row in rows}


class TestAt:
    def test_the_moment_is_shown_back_with_its_zone(self, network: Program) -> None:
        result = network(*ALL, "--at", "tomorrow 9:00 Europe/Stockholm", "--dry-run")
        assert "At: Tue 2026-11-24 09:00 CET (Europe/Stockholm) = 2026-11-24 08:00 UTC" in result.err

    def test_it_is_part_of_what_is_confirmed(self, network: Program) -> None:
        result = network(*ALL[:-2], "--everyone", "--at", "tomorrow 9:00 Europe/Stockholm")
        assert "5 customers (Tue 2026-11-24 09:00 CET (Europe/Stockholm) = 2026-11-24 08:00 UTC)?" in result.err

    def test_a_draft_and_a_change_tell_it_too(self, network: Program) -> None:
        told = "2026-11-24 09:00"
        assert told in network(*ALL, "--at", "2026-11-24T09:00Z", "--draft").err
        assert told in network("broadcast", "edit", 1, "--at-local", "tomorrow 9:00").err

    def test_without_a_zone_it_is_the_networks(self, network: Program) -> None:
        network.environ["UMMSG_TIMEZONE"] = "Asia/Tokyo"
        network(*ALL, "--at", "tomorrow 9:00", "--not-after", "tomorrow 12:00")
        shown = show(network, 1)
        assert (shown["at"], shown["not_after"]) == ("2026-11-24T00:00:00Z", "2026-11-24T03:00:00Z")

    @pytest.mark.parametrize(
        ("words", "said", "instead"),
        [
            ("soonish", "'soonish' is not a time", '--at "tomorrow 9:00"'),
            ("today 9:00 UTC", "is in the past", ""),
            ("monday 17:00 UTC", "it may be today, or in a week", '"today 17:00 UTC" or --at "next monday 17:00 UTC"'),
            ("friday 17:00 Europe/Stokholm", "no time zone", '--at "friday 17:00 Europe/Stockholm"'),
            ("friday 17:00 PST", "no time zone", "--at 2027-01-31T08:00+01:00"),
            ("2027-03-28 02:30 Europe/Stockholm", "does not exist", "--at 2027-03-28T03:00+02:00"),
            (
                "2027-10-31 02:30 Europe/Stockholm",
                "comes twice",
                "--at 2027-10-31T02:30+02:00 or --at 2027",
            ),
        ],
    )
    def test_what_is_not_one_moment_to_come_is_refused(
        self, network: Program, words: str, said: str, instead: str
    ) -> None:
        before = network.dump()
        result = network(*ALL, "--at", words)

        assert result.code == 2
        assert said in result.err
        assert instead in result.err
        assert network.dump() == before

    def test_a_network_in_a_zone_that_does_not_exist_is_not_configured(self, network: Program) -> None:
        network.environ["UMMSG_TIMEZONE"] = "Stockholm"
        result = network(*ALL, "--at", "tomorrow 9:00")
        assert result.code == 4
        assert "UMMSG_TIMEZONE=Europe/Stockholm" in result.err


class TestAtLocal:
    def test_each_gets_it_when_their_own_clock_shows_it(self, world: Program) -> None:
        world(*ALL, "--at-local", "2026-11-24T09:00")
        got = {}
        for moment in (at(19, 30, day=23), at(20, day=23), at(8), at(9), at(14)):
            world.now = moment
            assert world("outbox", "run").code == 0
            got[moment.hour] = [address.partition("@")[0] for address in recipients(world)]

        assert got == {
            19: [],
            20: ["cleo"],
            8: ["anna", "cleo"],
            9: ["anna", "cleo", "dan", "eve"],
            14: ["anna", "bo", "cleo", "dan", "eve"],
        }
        assert show(world, 1)["status"] == "finished"

    def test_its_audience_is_written_down_before_the_first_of_them_is_due(self, world: Program) -> None:
        world(*ALL, "--at-local", "2026-11-24T09:00")
        world.now = at(18, 59, day=23)
        world("outbox", "run")
        assert show(world, 1)["status"] == "scheduled"
        world.now = at(19, day=23)  # nine o'clock where the day begins, on Kiritimati
        world("outbox", "run")

        assert show(world, 1)["status"] == "queued"
        assert due(world) == {
            "anna": "2026-11-24T08:00:00Z",
            "bo": "2026-11-24T14:00:00Z",
            "cleo": "2026-11-23T20:00:00Z",
            "dan": "2026-11-24T09:00:00Z",
            "eve": "2026-11-24T09:00:00Z",
        }

    def test_the_networks_zone_is_that_of_those_without(self, world: Program) -> None:
        world.environ["UMMSG_TIMEZONE"] = "Asia/Tokyo"
        world(*EMAIL, "--customer", "4", "--at-local", "today 23:00")
        assert due(world) == {"dan": "2026-11-23T14:00:00Z"}

    def test_that_zone_stays_whatever_the_settings_of_those_who_send_it_later(self, world: Program) -> None:
        world.environ["UMMSG_TIMEZONE"] = "Asia/Tokyo"
        world(*EMAIL, "--customer", "4", "--at-local", "2026-11-26T09:00")
        world.environ["UMMSG_TIMEZONE"] = "America/New_York"
        world.now = at(19, day=25)
        world("outbox", "run")

        assert due(world) == {"dan": "2026-11-26T00:00:00Z"}
        shown = show(world, 1)
        assert (shown["default_zone"], shown["last_at"]) == ("Asia/Tokyo", "2026-11-26T00:00:00Z")

    def test_a_draft_keeps_it_and_another_time_brings_another(self, world: Program) -> None:
        world.environ["UMMSG_TIMEZONE"] = "Asia/Tokyo"
        world(*ALL, "--at-local", "2026-11-26T09:00", "--draft")
        world.environ["UMMSG_TIMEZONE"] = "America/New_York"
        world("broadcast", "edit", 1, "--subject", "Hello again")
        assert show(world, 1)["default_zone"] == "Asia/Tokyo"
        world("broadcast", "edit", 1, "--at-local", "2026-11-26T10:00")
        assert show(world, 1)["default_zone"] == "America/New_York"

    def test_the_review_shows_the_rule_and_what_it_comes_to(self, world: Program) -> None:
        result = world(*ALL, "--at-local", "tomorrow 0:30", "--dry-run")
        for words in (
            "At: Tue 2026-11-24 00:30 in each customer's own time zone",
            "for the first at 2026-11-23 11:30 UTC, for the last at 2026-11-24 05:30 UTC",
            "2 customers without a time zone: as in UTC",
            "1 customer whose clocks have passed it get it at once",
        ):
            assert words in result.err

    def test_those_whose_time_has_passed_get_it_at_once(self, world: Program) -> None:
        assert "is queued for 5 customers" in world(*ALL, "--at-local", "tomorrow 0:30").err
        world("outbox", "run")
        assert recipients(world) == ["cleo@example.com"]

    def test_showing_it_tells_the_rule_and_the_span(self, world: Program) -> None:
        world(*ALL, "--at-local", "2026-11-24T09:00")
        for moment in (world.now, at(20, day=23)):
            world.now = moment
            world("outbox", "run")
            shown = show(world, 1)
            assert (shown["at"], shown["at_local"]) == (None, "2026-11-24T09:00")
            assert (shown["first_at"], shown["last_at"]) == ("2026-11-23T20:00:00Z", "2026-11-24T14:00:00Z")

    def test_it_is_listed_with_its_time(self, world: Program) -> None:
        world(*ALL, "--at-local", "2026-11-24T09:00")
        (row,) = json.loads(world("broadcast", "list", "--format", "json").out)
        assert (row["at"], row["at_local"]) == (None, "2026-11-24T09:00")
        assert "2026-11-24T09:00 local" in world("broadcast", "list").out

    def test_it_is_paused_resumed_and_sent_now(self, world: Program) -> None:
        world(*ALL, "--at-local", "2026-11-24T09:00")
        world("broadcast", "pause", 1)
        assert "scheduled for Tue 2026-11-24 09:00 in each" in world("broadcast", "resume", 1).err
        assert world("broadcast", "send", 1, "--yes").code == 0
        assert len(recipients(world)) == 5

    def test_another_time_takes_its_place(self, world: Program) -> None:
        world(*ALL, "--at-local", "2026-11-24T09:00")
        assert world("broadcast", "edit", 1, "--at", "2026-11-25T09:00Z").code == 0
        assert (show(world, 1)["at"], show(world, 1)["at_local"]) == ("2026-11-25T09:00:00Z", None)
        assert world("broadcast", "edit", 1, "--at-local", "2026-11-26T09:00").code == 0
        assert (show(world, 1)["at"], show(world, 1)["at_local"]) == (None, "2026-11-26T09:00")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--at-local", "2026-11-24T09:00+01:00"), "each customer has their own"),
            (("--at-local", "tomorrow 9:00 UTC"), "each customer has their own"),
            (("--at-local", "in 2 hours"), "not a time"),
            (("--at-local", "2026-11-22T23:00"), "in the past everywhere"),
            (("--at-local", "2026-11-23T06:00"), "in the past for every recipient"),
            (("--at-local", "tomorrow 9:00", "--at", "tomorrow 9:00"), "does not go with --at"),
            (("--at-local", "tomorrow 9:00", "--not-after", "2026-11-24T14:00Z"), "the last recipient"),
            (("--at-local", "tomorrow 9:00", "--type", "notice"), "does not go with --type notice"),
        ],
    )
    def test_what_would_reach_nobody_in_time_is_refused(
        self, world: Program, options: tuple[str, ...], said: str
    ) -> None:
        before = world.dump()
        result = world(*ALL, *options)

        assert result.code == 2
        assert said in result.err
        assert world.dump() == before

    def test_what_is_not_sent_by_the_limit_is_cancelled(self, world: Program) -> None:
        world(*ALL, "--at-local", "2026-11-24T09:00", "--not-after", "2026-11-24T15:00Z")
        world.now = at(16)
        world("outbox", "run")
        assert (show(world, 1)["status"], recipients(world)) == ("cancelled", [])

    def test_a_gap_and_an_hour_that_comes_twice(self, world: Program) -> None:
        world.now = datetime(2027, 3, 27, 23, 0, tzinfo=UTC)
        world(*EMAIL, "--customer", "1", "--at-local", "2027-03-28T02:30")
        assert due(world) == {"anna": "2027-03-28T01:00:00Z"}
        world("broadcast", "cancel", 1, "--yes")
        world.now = datetime(2027, 10, 30, 23, 0, tzinfo=UTC)
        world(*EMAIL, "--customer", "1", "--at-local", "2027-10-31T02:30")
        assert due(world) == {"anna": "2027-10-31T00:30:00Z"}

    def test_sending_it_before_it_is_time_says_so(self, world: Program) -> None:
        world(*ALL, "--at-local", "tomorrow 0:30")
        result = world("broadcast", "send", 1)
        assert (result.code, recipients(world)) == (0, ["cleo@example.com"])
        assert "For 4 it is not time yet" in result.err
