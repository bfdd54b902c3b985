"""ummsg broadcast new by flags: what it sends, what it stores, what it refuses."""

import json
import mailbox
import sqlite3
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest

from tests.program import Program

EMAIL = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")
NOTICE = ("broadcast", "new", "--type", "notice", "--subject", "Hello", "--content", "Good morning.", "--yes")


def arrived(program: Program) -> list[EmailMessage]:
    """What is in the maildir, by recipient."""
    folder = program.folder / "mail"
    if not folder.exists():
        return []
    files = [message.as_bytes() for message in mailbox.Maildir(folder, create=False)]
    parsed = [BytesParser(policy=policy.default).parsebytes(content) for content in files]
    return sorted(parsed, key=lambda message: str(message["To"]))


def recipients(program: Program) -> list[str]:
    return [message["To"].addresses[0].addr_spec for message in arrived(program)]


def show(program: Program, broadcast_id: int) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(program("broadcast", "show", broadcast_id, "--format", "json").out)
    return shown


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["--product", "pro"], ["anna", "bo"]),
        (["--product", "pro", "--product", "extra", "--customer", "anna@example.com"], ["anna", "bo"]),
        (["--customer", "4", "--customer", "EVE@example.com"], ["dan", "eve"]),
        (["--everyone"], ["anna", "bo", "cleo", "dan", "eve"]),
        (["--product", "pro", "--membership-status", "expired"], ["cleo"]),
    ],
)
def test_exactly_the_chosen_customers_get_it(network: Program, targets: list[str], expected: list[str]) -> None:
    result = network(*EMAIL, *targets)

    assert result.code == 0, result.err
    assert recipients(network) == [f"{name}@example.com" for name in expected]
    assert show(network, 1)["counts"]["sent"] == len(expected)


def test_each_gets_their_own_name_and_nobody_elses_address(network: Program) -> None:
    network(
        *EMAIL, "--product", "pro", "--subject", "For {{ customer_name }}", "--content", "Hello {{ customer_name }}"
    )

    anna, bo = arrived(network)
    assert (anna["Subject"], bo["Subject"]) == ("For Anna Björk", "For Bo Ek")
    assert "Anna Björk" in anna.get_body(("plain",)).get_content()
    assert "bo@" not in anna.as_string()
    assert "anna@" not in bo.as_string()


def test_porcelain_prints_the_id_alone(network: Program) -> None:
    assert network(*EMAIL, "--everyone", "--porcelain").out == "1\n"


def test_all_that_is_missing_is_listed_off_a_terminal(network: Program) -> None:
    before = network.dump()
    result = network("broadcast", "new")

    assert result.code == 2
    for flag in ("--type", "--customer", "--product", "--everyone", "--subject", "--content"):
        assert flag in result.err
    assert network.dump() == before


def test_sending_needs_a_yes_off_a_terminal(network: Program) -> None:
    before = network.dump()
    result = network(*EMAIL[:-1], "--everyone")

    assert result.code == 2
    assert "--yes" in result.err
    assert network.dump() == before
    assert arrived(network) == []


def test_a_dry_run_shows_the_review_and_stores_nothing(network: Program) -> None:
    network("suppressions", "add", "bo@example.com", "--reason", "complained")
    before = network.dump()
    result = network(*EMAIL, "--product", "pro", "--product", "extra", "--dry-run")

    assert result.code == 0
    for words in ("Pro", "Extra storage", "complained", "Good morning."):
        assert words in result.err + result.out
    assert network.dump() == before
    assert arrived(network) == []


def test_a_suppressed_address_is_left_out_and_counted(network: Program) -> None:
    network("suppressions", "add", "BO@example.com")
    network(*EMAIL, "--product", "pro")

    assert recipients(network) == ["anna@example.com"]
    counts = show(network, 1)["counts"]
    assert (counts["targeted"], counts["sent"], counts["suppressed"]) == (2, 1, 1)


class TestIdempotencyKey:
    def test_the_same_again_does_nothing_and_prints_the_same_id(self, network: Program) -> None:
        first = network(*EMAIL, "--everyone", "--idempotency-key", "k", "--porcelain")
        before = network.dump()
        second = network(*EMAIL, "--everyone", "--idempotency-key", "k", "--porcelain")

        assert (second.code, second.out) == (0, first.out)
        assert network.dump() == before
        assert len(arrived(network)) == 5

    def test_also_when_its_time_has_passed_meanwhile(self, network: Program) -> None:
        call = (*EMAIL, "--everyone", "--idempotency-key", "k", "--porcelain", "--at", "2026-11-23T13:00+00:00")
        first = network(*call)
        network.now = network.now.replace(hour=14)

        assert (network(*call).code, network(*call).out) == (0, first.out)

    def test_what_waits_for_the_outbox_is_enough_if_no_more_was_asked_for(self, network: Program) -> None:
        call = (*EMAIL, "--everyone", "--idempotency-key", "k")
        network(*call, "--queue")
        assert network(*call, "--queue").code == 0
        result = network(*call)
        assert (result.code, recipients(network)) == (3, [])
        assert "It is not through yet: 5 of 5 recipients wait for it" in result.err

    @pytest.mark.parametrize("other", [["--subject", "Other"], ["--product", "pro"]])
    def test_other_content_or_targets_are_refused(self, network: Program, other: list[str]) -> None:
        network(*EMAIL, "--customer", "1", "--idempotency-key", "k")
        before = network.dump()
        result = network(*EMAIL, "--customer", "1", *other, "--idempotency-key", "k")

        assert result.code == 2
        assert "broadcast 1" in result.err
        assert network.dump() == before
        assert recipients(network) == ["anna@example.com"]


class TestLater:
    def test_a_draft_is_sent_by_its_id(self, network: Program) -> None:
        network(*EMAIL, "--everyone", "--draft")
        assert show(network, 1)["status"] == "draft"
        assert arrived(network) == []

        assert network("broadcast", "send", 1, "--yes").code == 0
        assert len(arrived(network)) == 5
        assert show(network, 1)["status"] == "finished"

    def test_what_is_queued_goes_out_with_the_outbox(self, network: Program) -> None:
        network(*EMAIL, "--everyone", "--queue")
        assert show(network, 1)["counts"]["queued"] == 5
        assert arrived(network) == []

        assert network("outbox", "run").code == 0
        assert len(arrived(network)) == 5

    def test_what_is_scheduled_resolves_its_audience_when_its_time_comes(self, network: Program) -> None:
        network(*EMAIL, "--product", "pro", "--at", "2026-11-23T13:00+00:00")
        network("outbox", "run")
        assert (show(network, 1)["status"], arrived(network)) == ("scheduled", [])

        network("customers", "import", network.write("more.csv", "email,products\nfinn@example.com,pro\n"))
        network.now = network.now.replace(hour=13)
        assert network("outbox", "run").code == 0
        assert recipients(network) == ["anna@example.com", "bo@example.com", "finn@example.com"]

    def test_what_is_too_late_is_cancelled(self, network: Program) -> None:
        times = ("--at", "2026-11-23T13:00+00:00", "--not-after", "2026-11-23T14:00+00:00")
        network(*EMAIL, "--everyone", *times)
        network.now = network.now.replace(hour=15)

        network("outbox", "run")

        assert arrived(network) == []
        assert show(network, 1)["status"] == "cancelled"

    def test_a_preflight_that_refuses_when_the_time_comes_pauses_it(self, network: Program) -> None:
        network(*EMAIL, "--customer", "1", "--content", "Hi {{ customer_name }}", "--at", "2026-11-23T13:00+00:00")
        network("customers", "import", network.write("more.csv", "email,name\nanna@example.com,\n"))
        network.now = network.now.replace(hour=13)
        result = network("outbox", "run")

        assert result.code == 2
        assert "customer_name" in result.err
        assert show(network, 1)["status"] == "paused"
        assert arrived(network) == []


class TestPlaceholders:
    def test_an_unknown_one_is_refused_with_the_closest(self, network: Program) -> None:
        before = network.dump()
        result = network(*EMAIL, "--everyone", "--content", "Hello {{ customer_nmae }}")

        assert result.code == 2
        assert "customer_nmae" in result.err
        assert "customer_name" in result.err
        assert network.dump() == before

    def test_one_that_is_empty_for_some_is_refused_with_those(self, network: Program) -> None:
        before = network.dump()
        result = network(*EMAIL, "--everyone", "--content", "Hello {{ customer_name }}")

        assert result.code == 2
        assert "eve@example.com" in result.err
        assert "anna@example.com" not in result.err
        assert network.dump() == before

    @pytest.mark.parametrize(
        "content",
        [
            "Dear {{ customer_name.split()[1] }}",
            "[your site](https://{{ customer_city }}.example.com) {{ 9 // (customer_id | int - 3) }}",
        ],
    )
    def test_one_that_fails_on_somebodys_value_is_refused_before_the_first_message(
        self, network: Program, content: str
    ) -> None:
        network("customers", "import", network.write("one.csv", "id,email,name,city\n3,cleo@example.com,Cleo,Lyon\n"))
        before = network.dump()
        result = network(*EMAIL, "--customer", "1", "--customer", "3", "--content", content)

        assert result.code == 2
        assert "cleo@example.com" in result.err
        assert "anna@example.com" not in result.err
        assert network.dump() == before
        assert arrived(network) == []

    def test_a_default_is_enough(self, network: Program) -> None:
        result = network(
            *EMAIL,
            "--everyone",
            "--content",
            'Hello {{ customer_name or "friend" }} in {{ customer_city | default("?") }}',
        )

        assert result.code == 0, result.err
        texts = [message.get_body(("plain",)).get_content() for message in arrived(network)]
        assert any("Hello friend in Oslo" in text for text in texts)
        assert any("Hello Bo Ek in ?" in text for text in texts)


class TestNotices:
    def test_only_those_it_is_for_see_it(self, network: Program) -> None:
        network(*NOTICE, "--product", "pro", "--notice-type", "warning")

        def shown(ref: str) -> Any:
            return json.loads(network("notices", "list", "--customer", ref, "--format", "json").out)

        assert [notice["notice_type"] for notice in shown("anna@example.com")] == ["warning"]
        assert shown("cleo@example.com") == []
        network("notices", "dismiss", 1, "--customer", "anna@example.com")
        assert shown("anna@example.com") == []
        assert shown("bo@example.com") != []
        network("broadcast", "edit", 1, "--content", "Good *evening*.", "--reshow")
        assert "<em>evening</em>" in shown("anna@example.com")[0]["html"]
        network("notices", "withdraw", 1, "--yes")
        assert shown("bo@example.com") == []

    def test_the_list_has_the_keys_that_scripts_count_on(self, network: Program) -> None:
        network(*NOTICE, "--everyone", "--ends", "2026-12-01T00:00:00+01:00")

        (notice,) = json.loads(network("notices", "list", "--format", "json").out)
        assert notice["id"] == 1
        assert notice["notice_type"] == "success"
        assert notice["subject"] == "Hello"
        assert notice["html"] == "<p>Good morning.</p>"
        assert notice["starts"] is None
        assert notice["ends"] == "2026-11-30T23:00:00Z"
        assert notice["state"] == "live"


class TestTests:
    def test_a_test_send_is_marked_and_never_counted(self, network: Program) -> None:
        network(*EMAIL, "--product", "pro", "--content", "Hello {{ customer_name }}", "--draft")
        before = network.dump()
        result = network("broadcast", "test", 1, "--as", "anna@example.com", "--to", "boss@example.org")

        assert result.code == 0, result.err
        (message,) = arrived(network)
        assert message["To"].addresses[0].addr_spec == "boss@example.org"
        assert "Test" in message["Subject"]
        assert "Hello Anna Björk" in message.get_body(("plain",)).get_content()
        assert "anna@example.com" not in message.as_string()
        assert network.dump() == before

    def test_a_preview_shows_one_customers_message(self, network: Program) -> None:
        network(*EMAIL, "--product", "pro", "--content", "Hello {{ customer_name }}", "--draft")
        target = network.folder / "look.html"

        assert "Hello Bo Ek" in network("broadcast", "preview", 1, "--customer", "bo@example.com").out
        assert network("broadcast", "preview", 1, "--customer", "2", "--html", target).code == 0
        assert "Hello Bo Ek" in target.read_text(encoding="utf-8")


def test_a_script_put_into_the_database_is_not_shown(network: Program) -> None:

    network(*NOTICE, "--everyone")
    connection = sqlite3.connect(network.folder / "ummsg.db")
    connection.execute("UPDATE broadcasts SET html = '<p>Hi<script>alert(1)</script></p>'")
    connection.commit()
    connection.close()

    (notice,) = json.loads(network("notices", "list", "--customer", "1", "--format", "json").out)
    assert notice["html"] == "<p>Hi</p>"
