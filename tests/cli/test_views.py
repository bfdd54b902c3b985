"""What scripts read: formats, fields, and cells that no spreadsheet takes for a formula."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from tests.program import Program
from ummsg.cli.views import csv_cell, printable
from ummsg.moments import rfc3339
from ummsg.vocabulary import ListFormat


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@cmd", "\t=1", "\r=1"])
def test_a_cell_cannot_start_a_formula(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize(("value", "cell"), [(-1, "-1"), (None, ""), (True, "True"), ("a=b", "a=b")])
def test_other_cells_are_left_alone(value: object, cell: str) -> None:
    assert csv_cell(value) == cell


def test_times_are_in_utc() -> None:
    assert rfc3339(datetime(2026, 11, 23, 12, 0, tzinfo=UTC)) == "2026-11-23T12:00:00Z"


def test_text_from_outside_cannot_move_the_cursor() -> None:
    assert "\x1b" not in printable("Anna\x1b[2J\x07")


def test_where_columns_do_not_fit_empty_ones_give_way_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ummsg.cli import views

    monkeypatch.setenv("COLUMNS", "60")
    views._console.cache_clear()
    row = {"id": 1, "system_email": None, "subject": "x" * 30, "targeted": 5, "note": "y" * 10}
    views.listing([row], ListFormat.TABLE, columns=list(row), optional=["system_email", "targeted"])
    shown = capsys.readouterr()
    assert ("targeted" in shown.out, "system" in shown.out, shown.err) == (True, False, "")


class TestFormats:
    def test_json_has_the_keys_that_scripts_count_on(self, network: Program) -> None:
        rows = json.loads(network("customers", "list", "--format", "json").out)
        assert [row["email"] for row in rows][:2] == ["anna@example.com", "bo@example.com"]
        assert {"id", "external_id", "email", "name", "locale"} <= set(rows[0])

    def test_json_of_nothing_is_an_empty_list(self, ummsg: Program) -> None:
        assert json.loads(ummsg("customers", "list", "--format", "json").out) == []

    def test_csv_can_be_read_back(self, network: Program) -> None:
        network("customers", "add", "--email", "gus@example.com", "--name", "=SUM(A1)")
        rows = list(csv.DictReader(io.StringIO(network("customers", "list", "--format", "csv").out)))
        assert rows[0]["name"] == "Anna Björk"
        assert rows[-1]["name"] == "'=SUM(A1)"

    def test_ids_and_count(self, network: Program) -> None:
        assert network("customers", "list", "--format", "ids").out.split() == ["1", "2", "3", "4", "5"]
        assert network("customers", "list", "--format", "count").out == "5\n"
        assert network("products", "list", "--format", "count").out == "4\n"

    def test_fields_are_picked_and_ordered(self, network: Program) -> None:
        out = network("customers", "list", "--format", "csv", "--fields", "name,id").out
        assert out.splitlines()[:2] == ["name,id", "Anna Björk,1"]

    def test_talk_never_mixes_with_data(self, network: Program) -> None:
        for arguments in (
            ("broadcast", "list"),
            ("notices", "list"),
            ("suppressions", "list"),
            ("outbox", "status"),
            ("outbox", "list"),
        ):
            assert json.loads(network(*arguments, "--format", "json").out) == []


class TestOutboxAndSuppressions:
    def test_what_waits_is_shown(self, network: Program) -> None:
        new = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")
        network(*new, "--everyone", "--queue")
        network(*new, "--everyone", "--at", "2026-12-01T08:00+01:00")

        queued, scheduled = json.loads(network("outbox", "status", "--format", "json").out)
        assert (queued["status"], queued["queued"], queued["targeted"]) == ("queued", 5, 5)
        assert (scheduled["status"], scheduled["next_due"]) == ("scheduled", "2026-12-01T07:00:00Z")
        assert len(json.loads(network("outbox", "list", "--format", "json").out)) == 5
        network("broadcast", "cancel", 1, "--yes")
        network("broadcast", "cancel", 2, "--yes")
        assert json.loads(network("outbox", "status", "--format", "json").out) == []
        assert json.loads(network("broadcast", "show", 1, "--format", "json").out)["counts"]["cancelled"] == 5

    def test_an_address_is_suppressed_once_however_it_is_spelt(self, network: Program) -> None:
        network("suppressions", "add", "Anna@Example.com", "--reason", "complained")
        network("suppressions", "add", "anna@example.com", "--reason", "again")
        (row,) = json.loads(network("suppressions", "list", "--format", "json").out)
        assert (row["email"], row["reason"]) == ("Anna@example.com", "complained")
        network("suppressions", "remove", "ANNA@example.com")
        assert json.loads(network("suppressions", "list", "--format", "json").out) == []

    def test_a_domain_is_suppressed_in_either_of_its_spellings(self, network: Program) -> None:
        network("customers", "add", "--email", "info@bücher.example")
        network("suppressions", "add", "info@xn--bcher-kva.example")
        new = ("broadcast", "new", "--type", "email", "--subject", "Hello", "--content", "Good morning.", "--yes")
        assert network(*new, "--customer", "info@bücher.example").code == 2
        assert network("suppressions", "add", "nonsense").code == 2
