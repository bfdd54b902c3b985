"""ummsg network: what is connected, and what of it gets into the directory."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.cli.test_broadcast_new import recipients
from tests.cli.test_drain import another
from tests.fake_network import FakeNetwork, customer, membership, product
from tests.program import Program, Result
from tests.smtp_server import SmtpServer
from ummsg.domain.network import DirectoryKind
from ummsg.errors import InvalidInput, NetworkUnreachable

URL = "https://example.com"
CONNECT = ("network", "connect", URL, "--user", "admin")
EMAIL = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")


@pytest.fixture
def there() -> FakeNetwork:
    return FakeNetwork()


@pytest.fixture
def connected(ummsg: Program, there: FakeNetwork) -> Callable[..., Result]:
    """The program, connected to `there`."""

    def call(*arguments: object, **options: Any) -> Result:
        return ummsg(*arguments, set_up=there.set_up, **options)

    assert call(*CONNECT, stdin="the password\n").code == 0
    return call


def rows(program: Callable[..., Result], noun: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(program(noun, "list", "--format", "json").out)
    return found


def memberships(program: Callable[..., Result]) -> list[tuple[str, str, str]]:
    return sorted((row["customer"], row["product"], row["status"]) for row in rows(program, "memberships"))


def line(result: Result, listing: str) -> list[str]:
    """The numbers of a listing in the summary: new, changed, unchanged, gone, back, rejected."""
    return next(row.split()[1:] for row in result.out.splitlines() if row.startswith(listing))


class TestConnect:
    def test_it_says_what_is_there_and_what_comes_next(self, ummsg: Program, there: FakeNetwork) -> None:
        result = ummsg(*CONNECT, stdin="the password\n", set_up=there.set_up)
        assert result.code == 0
        assert "Connected to Example Network: WordPress 6.1, connector 1.0.0" in result.err
        assert "ummsg network sync" in result.err
        assert there.asked_with == [(URL, "admin", "the password")]

    def test_the_password_is_kept_beside_the_database_for_nobody_else_and_shown_nowhere(
        self, ummsg: Program, connected: Callable[..., Result]
    ) -> None:
        kept = ummsg.folder / "ummsg.network-password"
        assert kept.read_text() == "the password\n"
        assert kept.stat().st_mode & 0o077 == 0
        assert "the password" not in ummsg.dump()
        shown = connected("network", "status")
        assert "the password" not in shown.out + shown.err

    def test_one_from_the_settings_is_not_kept(self, ummsg: Program, there: FakeNetwork) -> None:
        ummsg.environ["UMMSG_NETWORK_PASSWORD_COMMAND"] = "printf 'from a command'"
        assert ummsg(*CONNECT, set_up=there.set_up).code == 0
        assert there.asked_with == [(URL, "admin", "from a command")]
        assert not (ummsg.folder / "ummsg.network-password").exists()

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://example.com", "Without HTTPS"),
            ("https://admin:secret@example.com", "would be shown wherever it is"),
            ("https://example.com/?page=1", "ends before ? and #"),
            ("example.com", "is no address of a network"),
            ("ftp://example.com", "is no address of a network"),
            ("https://", "is no address of a network"),
            ("https://[::1", "is no address of a network"),
        ],
    )
    def test_an_address_that_is_none_is_refused(self, ummsg: Program, there: FakeNetwork, url: str, said: str) -> None:
        before = ummsg.dump()
        result = ummsg("network", "connect", url, "--user", "admin", stdin="x\n", set_up=there.set_up)
        assert result.code == 2
        assert said in result.err
        assert "secret" not in result.err
        assert (ummsg.dump(), there.asked_with) == (before, [])

    @pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]/network/"])
    def test_on_this_machine_it_need_not_be_https(self, ummsg: Program, there: FakeNetwork, url: str) -> None:
        assert ummsg("network", "connect", url, "--user", "admin", stdin="x\n", set_up=there.set_up).code == 0

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"multisite": False}, "one WordPress site and not a network"),
            ({"wordpress": "5.5.3"}, "runs WordPress 5.5.3"),
            ({"version": "0.9.1"}, "The connector there is 0.9.1"),
            ({"version": "2.0.0"}, "newer than this ummsg knows"),
            ({"version": "rubbish"}, "The connector there is rubbish"),
        ],
    )
    def test_what_it_cannot_work_with_is_refused(
        self, ummsg: Program, there: FakeNetwork, change: dict[str, Any], said: str
    ) -> None:
        vars(there).update(change)
        result = ummsg(*CONNECT, stdin="x\n", set_up=there.set_up)
        assert result.code == 2
        assert said in result.err
        assert not (ummsg.folder / "ummsg.network-password").exists()

    def test_without_a_password_it_says_where_one_may_come_from(self, ummsg: Program, there: FakeNetwork) -> None:
        result = ummsg(*CONNECT, set_up=there.set_up)
        assert result.code == 2
        assert "UMMSG_NETWORK_PASSWORD_COMMAND" in result.err

    def test_disconnecting_forgets_it_and_keeps_who_was_read(
        self, ummsg: Program, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        assert connected("network", "disconnect", "--yes").code == 0
        assert not (ummsg.folder / "ummsg.network-password").exists()
        assert connected("network", "status").code == 4
        assert len(rows(connected, "customers")) == 3


@pytest.mark.parametrize("command", ["status", "sync", "disconnect"])
def test_without_a_network_it_says_how_one_is_connected(ummsg: Program, command: str) -> None:
    result = ummsg("network", command)
    assert result.code == 4
    assert "ummsg network connect" in result.err


class TestSync:
    def test_everything_gets_into_the_directory(self, connected: Callable[..., Result]) -> None:
        result = connected("network", "sync")
        assert result.code == 0
        assert line(result, "customers") == ["3", "0", "0", "0", "0", "0"]
        assert [(row["external_id"], row["email"], row["name"]) for row in rows(connected, "customers")] == [
            ("11", "anna@example.com", "Anna"),
            ("12", "bo@example.com", "Bo"),
            ("13", "cleo@example.com", "Cleo"),
        ]
        assert memberships(connected) == [
            ("anna@example.com", "extra", "active"),
            ("anna@example.com", "pro", "active"),
            ("bo@example.com", "pro", "trialing"),
        ]

    def test_again_it_changes_nothing(self, ummsg: Program, connected: Callable[..., Result]) -> None:
        connected("network", "sync")
        before = ummsg.dump()
        result = connected("network", "sync")
        assert [line(result, listing)[:4] for listing in ("products", "customers", "memberships")] == [
            ["0", "0", "2", "0"],
            ["0", "0", "3", "0"],
            ["0", "0", "3", "0"],
        ]
        assert ummsg.dump() == before

    def test_a_name_over_two_lines_is_put_on_one(self, there: FakeNetwork, connected: Callable[..., Result]) -> None:
        there.customers[0]["name"] = "Anna\r\nBjörk"
        assert connected("network", "sync").code == 0
        assert rows(connected, "customers")[0]["name"] == "Anna Björk"

    def test_pages_that_have_not_changed_are_not_told_again(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        there.told = []
        there.customers[2]["name"] = "Cleopatra"
        assert line(connected("network", "sync"), "customers") == ["0", "1", "2", "0", "0", "0"]
        assert there.told == [("customers", 12)]
        assert rows(connected, "customers")[2]["name"] == "Cleopatra"

    def test_what_was_rejected_is_said_each_time(self, there: FakeNetwork, connected: Callable[..., Result]) -> None:
        there.customers[2]["email"] = ""
        for _ in range(2):
            assert line(connected("network", "sync"), "customers")[5] == "1"

    def test_what_has_changed_there_changes_here(self, there: FakeNetwork, connected: Callable[..., Result]) -> None:
        connected("network", "sync")
        there.customers[1] = customer(12, "Bosse", email="bo@example.com")
        there.memberships[1]["status"] = "expired"
        there.memberships[0]["addons"] = []
        connected("network", "sync", "--allow-shrink")
        assert [row["name"] for row in rows(connected, "customers")] == ["Anna", "Bosse", "Cleo"]
        assert memberships(connected) == [
            ("anna@example.com", "pro", "active"),
            ("bo@example.com", "pro", "expired"),
        ]

    def test_customers_from_a_file_are_the_same_customers(
        self, ummsg: Program, connected: Callable[..., Result]
    ) -> None:
        ummsg("customers", "import", ummsg.write("c.csv", "email,city\nanna@example.com,Lund\ndan@example.com,Cork\n"))
        connected("network", "sync")
        assert len(rows(connected, "customers")) == 4
        assert "Lund" in connected("customers", "show", "anna@example.com").out

    def test_who_is_gone_is_kept_and_not_mailed(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        connected(*EMAIL, "--everyone", "--queue")
        del there.customers[2]
        result = connected("network", "sync", "--allow-shrink")
        assert line(result, "customers") == ["0", "0", "2", "1", "0", "0"]
        connected("outbox", "run")
        connected(*EMAIL, "--everyone", "--subject", "Again")
        assert sorted(recipients(ummsg)) == 2 * ["anna@example.com"] + 2 * ["bo@example.com"]
        assert "cleo@example.com" in connected("customers", "list").out
        shown = json.loads(connected("customers", "show", "cleo@example.com", "--format", "json").out)
        assert shown["gone_at"] == "2026-11-23T12:00:00Z"
        why = connected("broadcast", "why", 2, "--customer", "cleo@example.com")
        assert "not in the audience: the customer is gone from the network" in why.out

    def test_nor_sent_what_failed_once_more_nor_what_an_event_causes(
        self, ummsg: Program, smtp_server: SmtpServer, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        ummsg.environ["UMMSG_MAIL_URL"] = smtp_server.url
        connected("network", "sync")
        smtp_server.script("RCPT", "550 5.7.1 no", recipient="cleo@example.com", times=1)
        connected(*EMAIL, "--everyone")
        del there.customers[2]
        connected("network", "sync", "--allow-shrink")
        assert "not there any more" in connected("broadcast", "retry", 1, "--yes").err
        connected("emails", "import", "payment_received_customer")
        connected("events", "fire", "payment_received", "--payload", "customer_id=13")
        connected("outbox", "run")
        assert smtp_server.received_by("cleo@example.com") == []

    def test_who_comes_back_is_mailed_again(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        cleo = there.customers.pop()
        connected("network", "sync", "--allow-shrink")
        there.customers.append(cleo)
        assert line(connected("network", "sync"), "customers")[4] == "1"
        connected(*EMAIL, "--everyone")
        assert "cleo@example.com" in recipients(ummsg)

    def test_customers_of_ours_that_the_network_never_had_are_not_gone(
        self, ummsg: Program, connected: Callable[..., Result]
    ) -> None:
        ummsg("customers", "import", ummsg.write("c.csv", "id,email\n12345,dan@example.com\n"))
        assert line(connected("network", "sync"), "customers")[3] == "0"
        connected(*EMAIL, "--everyone")
        assert "dan@example.com" in recipients(ummsg)

    def test_if_much_would_be_gone_it_stops_and_says_how_to_go_on(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        there.customers.clear()
        result = connected("network", "sync")
        assert result.code == 2
        assert "3 of 3 customers would be gone" in result.err
        assert "ummsg network sync --allow-shrink" in result.err
        assert line(result, "customers")[:3] == ["0", "0", "0"]
        connected(*EMAIL, "--everyone")
        assert len(recipients(ummsg)) == 3

    def test_a_tenth_may_be_gone(self, there: FakeNetwork, connected: Callable[..., Result]) -> None:
        there.customers = [customer(number, f"c{number}") for number in range(1, 21)]
        there.memberships = []
        connected("network", "sync")
        del there.customers[5:7]
        assert line(connected("network", "sync"), "customers")[3] == "2"
        del there.customers[5:7]
        assert connected("network", "sync").code == 2

    def test_what_cannot_be_read_is_said_with_the_reason_and_the_rest_is_kept(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        there.customers += [
            customer(14, "Dan", email=""),
            customer(15, "Eve", email="anna@example.com"),
            customer(16, "Finn", email="finn@example.com\nbcc: x@y.z"),
        ]
        there.memberships += [membership(23, 99, 4), membership(24, 12, 99), membership(25, 12, 7, status="odd")]
        result = connected("network", "sync")
        assert result.code == 3
        assert line(result, "customers") == ["3", "0", "0", "0", "0", "3"]
        assert line(result, "memberships") == ["3", "0", "0", "0", "0", "3"]
        for words in ("customer 14: ", "customer 15: the address anna@example.com", "membership 23: customer"):
            assert words in result.err
        assert len(rows(connected, "customers")) == 3

    def test_add_ons_that_cannot_be_read_are_said_and_the_plan_is_kept(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        there.memberships[0] |= {"addons": [], "readable": False}
        result = connected("network", "sync")
        assert result.code == 3
        assert "membership 21: its add-on products cannot be read" in result.err
        assert ("anna@example.com", "pro", "active") in memberships(connected)

    def test_one_that_was_stopped_goes_on_where_it_was(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        def stop(name: str, after: int) -> None:
            if (name, after) == ("customers", 12):
                raise NetworkUnreachable("The network went away")

        there.on_page = stop
        assert connected("network", "sync").code == 1
        assert [row["name"] for row in rows(connected, "customers")] == ["Anna", "Bo"]
        assert "Go on reading" in connected("network", "status").err
        there.on_page, there.pages = lambda name, after: None, []
        result = connected("network", "sync")
        assert "went on where the last one was stopped" in result.err
        assert there.pages[0] == ("customers", 12)
        assert len(rows(connected, "customers")) == 3

    def test_a_stopped_one_does_not_take_the_rest_for_gone(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")

        def stop(name: str, after: int) -> None:
            if name == "customers":
                raise NetworkUnreachable("The network went away")

        there.on_page = stop
        connected("network", "sync")
        connected(*EMAIL, "--everyone")
        assert len(recipients(ummsg)) == 3

    def test_a_rehearsal_says_the_same_and_changes_nothing(
        self, ummsg: Program, connected: Callable[..., Result]
    ) -> None:
        before = ummsg.dump()
        result = connected("network", "sync", "--dry-run")
        assert line(result, "customers") == ["3", "0", "0", "0", "0", "0"]
        assert "Nothing was stored" in result.err
        assert ummsg.dump() == before

    def test_another_kind_of_directory_is_not_read_into_this_one(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        before = ummsg.dump()
        there.directory = DirectoryKind.SITE_OWNERS
        result = connected("network", "sync")
        assert result.code == 2
        assert "their numbers mean other people" in result.err
        assert ummsg.dump() == before

    def test_connected_anew_it_is_known_by_addresses(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        there.directory = DirectoryKind.SITE_OWNERS
        there.customers = [customer(12, "Anna"), customer(11, "Bo"), customer(14, "Cleo")]
        there.memberships, there.products = [], []
        connected(*CONNECT, stdin="x\n")
        result = connected("network", "sync")
        assert result.code == 0
        found = {row["email"]: (row["id"], row["external_id"]) for row in rows(connected, "customers")}
        assert {email: number for email, (_, number) in found.items()} == {
            "anna@example.com": "12",
            "bo@example.com": "11",
            "cleo@example.com": "14",
        }

    def test_who_left_while_it_was_disconnected_is_gone(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        connected("network", "disconnect", "--yes")
        del there.customers[2]
        connected(*CONNECT, stdin="x\n")
        assert line(connected("network", "sync", "--allow-shrink"), "customers")[3] == "1"

    def test_a_part_of_a_network_is_not_the_network(self, ummsg: Program, there: FakeNetwork) -> None:
        there.main_site = "https://example.com/"
        result = ummsg("network", "connect", f"{URL}/anna", "--user", "admin", stdin="x\n", set_up=there.set_up)
        assert result.code == 2
        assert "not its main site" in result.err

    def test_who_comes_back_under_another_number_is_the_same_customer(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        there.customers[2] = customer(99, "Cleo")
        there.memberships.append(membership(30, 99, 4))
        assert connected("network", "sync", "--allow-shrink").code == 3
        result = connected("network", "sync")
        assert (result.code, line(result, "customers")[4]) == (0, "1")
        assert len(rows(connected, "customers")) == 3
        connected(*EMAIL, "--customer", "cleo@example.com")
        assert recipients(ummsg) == ["cleo@example.com"]
        assert ("cleo@example.com", "pro", "active") in memberships(connected)

    def test_addresses_and_slugs_that_change_hands(self, connected: Callable[..., Result], there: FakeNetwork) -> None:
        there.__init__(page_size=10)  # type: ignore[misc]
        connected("network", "sync")
        anna, bo, cleo = there.customers
        anna["email"], bo["email"], cleo["email"] = bo["email"], cleo["email"], anna["email"]
        pro, extra = there.products
        pro["slug"], extra["slug"] = extra["slug"], pro["slug"]
        result = connected("network", "sync")
        assert result.code == 0, result.err
        assert [(row["name"], row["email"]) for row in rows(connected, "customers")] == [
            ("Anna", "bo@example.com"),
            ("Bo", "cleo@example.com"),
            ("Cleo", "anna@example.com"),
        ]
        assert {row["name"]: row["slug"] for row in rows(connected, "products")} == {"Pro": "extra", "Extra": "pro"}

    def test_the_networks_numbers_are_never_taken_for_ours(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        ummsg("customers", "import", ummsg.write("c.csv", "email\nzoe@example.com\n"))
        there.products.append(product(9, "4"))
        there.memberships.append(membership(30, 1, 4))
        there.memberships.append(membership(31, 13, 1))
        result = connected("network", "sync")
        assert line(result, "memberships")[5] == "2"
        assert memberships(connected) == [
            ("anna@example.com", "extra", "active"),
            ("anna@example.com", "pro", "active"),
            ("bo@example.com", "pro", "trialing"),
        ]

    def test_who_was_deleted_here_and_is_there_comes_back_whole(self, connected: Callable[..., Result]) -> None:
        connected("network", "sync")
        connected("customers", "delete", "anna@example.com", "--yes")
        connected("network", "sync")
        assert ("anna@example.com", "pro", "active") in memberships(connected)

    def test_products_that_are_gone_are_not_sold_any_more(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        there.products.append(product(9, "old"))
        connected("network", "sync")
        there.products.pop()
        assert line(connected("network", "sync"), "products")[3] == "1"
        assert {row["slug"]: row["active"] for row in rows(connected, "products")}["old"] is False

    def test_who_closed_a_notice_there_has_closed_it_here(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected("network", "sync")
        connected("broadcast", "new", "--type", "notice", "--everyone", *EMAIL[4:])
        edition = there.shown[1]["edition"]
        there.closed = [
            {"id": 1, "notice_id": 1, "edition": edition, "customer_id": 11, "dismissed_at": "2026-11-23T11:00:00Z"},
            {"id": 2, "notice_id": 99, "edition": edition, "customer_id": 11, "dismissed_at": "2026-11-23T11:00:00Z"},
            {"id": 3, "notice_id": 1, "edition": edition, "customer_id": 99, "dismissed_at": "2026-11-23T11:00:00Z"},
            {"id": 4, "notice_id": 1, "edition": 7, "customer_id": 12, "dismissed_at": "2026-11-23T11:00:00Z"},
        ]
        connected("network", "sync")
        seen = {
            name: json.loads(connected("notices", "list", "--customer", f"{name}@example.com", "--format", "json").out)
            for name in ("anna", "bo")
        }
        assert (seen["anna"], len(seen["bo"])) == ([], 1)
        # the network has lost who closed what, and counts from one again
        there.closed = [{**there.closed[0], "id": 1, "customer_id": 12}]
        connected("network", "sync")
        assert connected("notices", "list", "--customer", "bo@example.com", "--format", "count").out == "0\n"


NOTICE = ("broadcast", "new", "--type", "notice", "--subject", "Maintenance", "--content", "On Sunday.", "--yes")


def arrivals(program: Callable[..., Result]) -> list[str]:
    return [row["network"] for row in json.loads(program("notices", "list", "--format", "json").out)]


def on_dashboards(network: FakeNetwork) -> list[int]:
    return sorted(number for number, said in network.shown.items() if said["digest"])


class TestNotices:
    @pytest.fixture
    def connected(self, connected: Callable[..., Result]) -> Callable[..., Result]:
        connected("network", "sync")
        return connected

    def test_a_new_one_is_on_the_networks_dashboards(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        result = connected(*NOTICE, "--product", "pro", "--customer", "cleo@example.com", "--notice-type", "warning")
        assert result.code == 0
        assert "Notice 1 is on the network's dashboards" in result.err
        said = there.shown[1]
        assert (said["notice_type"], said["subject"], said["html"].strip()) == (
            "warning",
            "Maintenance",
            "<p>On Sunday.</p>",
        )
        assert (said["everyone"], said["customers"], said["products"]) == (False, [13], [4])
        assert said["statuses"] == ["active", "trialing"]
        assert arrivals(connected) == ["there"]

    def test_editing_and_withdrawing_reach_it_too(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        connected(*NOTICE, "--everyone")
        first = there.shown[1]
        connected("broadcast", "edit", 1, "--subject", "Another day")
        assert there.shown[1]["subject"] == "Another day"
        assert there.shown[1]["revision"] > first["revision"]
        assert there.shown[1]["edition"] == first["edition"]
        ummsg.now += timedelta(minutes=1)
        connected("broadcast", "edit", 1, "--reshow", "--subject", "Again")
        assert there.shown[1]["edition"] > first["edition"]
        connected("notices", "withdraw", 1, "--yes")
        assert on_dashboards(there) == []
        assert arrivals(connected) == ["not there"]

    def test_while_the_network_is_away_it_waits_and_is_tried_again(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        def away(name: str, after: int) -> None:
            raise NetworkUnreachable("The network is away")

        there.on_page = away
        result = connected(*NOTICE, "--everyone")
        assert result.code == 3
        assert "The network is away" in result.err
        assert "Notice 1 is waiting" in result.err
        assert arrivals(connected) == ["waiting"]
        there.on_page = lambda name, after: None
        connected("outbox", "run")
        assert on_dashboards(there) == []  # it is not time yet
        ummsg.now += timedelta(minutes=10)
        assert connected("outbox", "run").code == 0
        assert on_dashboards(there) == [1]

    def test_without_the_password_it_is_said_once_and_waits(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        (ummsg.folder / "ummsg.network-password").unlink()
        result = connected(*NOTICE, "--everyone")
        assert result.code == 3
        assert "There is no password for admin" in result.err
        assert connected("outbox", "run").err == ""
        with another(ummsg).store.read() as tx:
            assert tx.agenda.next_moment() > ummsg.now
        connected(*CONNECT, stdin="the password\n")
        ummsg.now += timedelta(minutes=10)
        connected("outbox", "run")
        assert on_dashboards(there) == [1]

    def test_before_it_has_been_read_it_is_told_nothing_and_nothing_waits_for_that(
        self, ummsg: Program, there: FakeNetwork
    ) -> None:
        ummsg(*CONNECT, stdin="x\n", set_up=there.set_up)
        ummsg("customers", "add", "--email", "dan@example.com")
        ummsg(*NOTICE, "--everyone", set_up=there.set_up)
        assert on_dashboards(there) == []
        with another(ummsg).store.read() as tx:
            assert tx.agenda.next_moment() is None

    def test_what_the_network_refuses_is_said_and_not_tried_again(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        def refuse(name: str, after: int) -> None:
            raise InvalidInput("It does not take it: too long")

        there.on_page = refuse
        assert connected(*NOTICE, "--everyone").code == 3
        assert arrivals(connected) == ["refused"]
        assert "too long" in connected("notices", "show", 1).out
        there.on_page = lambda name, after: None
        assert connected("outbox", "run").code == 0
        assert on_dashboards(there) == []

    def test_a_queued_one_is_told_by_the_outbox(self, there: FakeNetwork, connected: Callable[..., Result]) -> None:
        connected(*NOTICE, "--everyone", "--queue")
        assert on_dashboards(there) == []
        assert "Notice 1 is on the network's dashboards" in connected("outbox", "run").err

    def test_one_for_nobody_there_is_not_shown(
        self, ummsg: Program, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        ummsg("customers", "add", "--email", "dan@example.com")
        connected(*NOTICE, "--customer", "dan@example.com")
        assert on_dashboards(there) == []
        assert arrivals(connected) == ["not there"]

    def test_drift_is_mended_both_ways(self, there: FakeNetwork, connected: Callable[..., Result]) -> None:
        for _ in range(3):
            connected(*NOTICE, "--everyone")
        del there.shown[1]
        there.shown[2]["digest"] = "something else"
        there.shown[9] = {**there.shown[3]}
        result = connected("network", "sync")
        assert "did not hold what it should of notices 1, 2, 9" in result.err
        assert on_dashboards(there) == [1, 2, 3]
        assert there.shown[2]["digest"] == there.shown[3]["digest"]
        assert "did not hold" not in connected("network", "sync").err

    def test_of_a_later_revision_there_it_is_told_again_as_one_that_is_later_still(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        there.shown[1] = {"digest": "of another database", "revision": 70}
        connected(*NOTICE, "--everyone")
        assert there.shown[1]["subject"] == "Maintenance"

    def test_those_from_before_reach_a_network_when_it_is_connected(self, ummsg: Program, there: FakeNetwork) -> None:
        ummsg("customers", "add", "--email", "dan@example.com")
        for options in ((), ("--ends", "2026-11-23T13:00Z")):
            ummsg(*NOTICE, "--everyone", *options)
        ummsg("notices", "withdraw", 1, "--yes")
        ummsg(*NOTICE, "--everyone")
        ummsg.now += timedelta(hours=2)
        ummsg(*CONNECT, stdin="x\n", set_up=there.set_up)
        ummsg("outbox", "run", set_up=there.set_up)
        assert on_dashboards(there) == []  # who is who is not known yet
        ummsg("network", "sync", set_up=there.set_up)
        assert on_dashboards(there) == [3]

    def test_disconnecting_takes_them_off(self, there: FakeNetwork, connected: Callable[..., Result]) -> None:
        connected(*NOTICE, "--everyone")
        connected("network", "disconnect", "--yes")
        assert on_dashboards(there) == []
        assert connected("outbox", "run").code == 0

    def test_disconnecting_a_network_that_is_away_says_what_stays(
        self, there: FakeNetwork, connected: Callable[..., Result]
    ) -> None:
        def away(name: str, after: int) -> None:
            raise NetworkUnreachable("The network is away")

        there.on_page = away
        result = connected("network", "disconnect", "--yes")
        assert result.code == 0
        assert "until the connector is removed" in result.err
        assert connected("network", "status").code == 4
