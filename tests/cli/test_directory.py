"""ummsg customers, products, memberships: what is printed where, and the exit codes."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.program import Program

BAD = """\
id,email,name,locale,products
1,anna@example.com,Anna Björk,sv_SE,pro
2,bad@@example.com,Bo,,
3,"Cleo@Example.com","O'Brien, Cléo",de-DE,
4,dan@example.com,Dan,,gold
"""


@pytest.fixture(autouse=True)
def _in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad rows of standard input are written to where the operator stands."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def products(ummsg: Program) -> Program:
    assert ummsg("products", "add", "--slug", "pro", "--name", "Pro").code == 0
    return ummsg


class TestImport:
    def test_good_rows_are_kept_bad_ones_listed_and_the_code_is_3(self, products: Program) -> None:
        result = products("customers", "import", products.write("c.csv", BAD))

        assert result.code == 3
        assert result.out == ""
        assert "2 inserted, 0 updated, 0 unchanged, 2 rejected" in result.err
        assert "line 3: 'bad@@example.com' is not an address" in result.err
        assert "line 5: products: there is no product gold" in result.err
        assert "c.csv.rejects.csv" in result.err
        rejects = list(csv.reader(io.StringIO((products.folder / "c.csv.rejects.csv").read_text("utf-8"))))
        assert rejects[0] == ["line", "reason", "id", "email", "name", "locale", "products"]
        assert [row[0] for row in rejects[1:]] == ["3", "5"]

    def test_strict_keeps_none_and_the_code_is_2(self, products: Program) -> None:
        before = products.dump()

        result = products("customers", "import", products.write("c.csv", BAD), "--strict")

        assert result.code == 2
        assert "2 of 4 rows are bad" in result.err
        assert "line 5:" in result.err
        assert products.dump() == before

    def test_the_rejects_file_cannot_be_the_file_that_is_imported(self, products: Program) -> None:
        file = products.write("c.csv", BAD)
        (products.folder / "link.csv").symlink_to(file)
        before = products.dump()

        for name in ("c.csv", f"../{products.folder.name}/c.csv", "link.csv"):
            result = products("customers", "import", file, "--rejects", name)

            assert result.code == 2
            assert "would be overwritten" in result.err
        assert file.read_text("utf-8") == BAD
        assert products.dump() == before

    def test_nor_the_one_that_is_standard_input(self, products: Program) -> None:
        file = products.write("c.csv", BAD)
        with file.open() as stdin:
            done = products.alone("customers", "import", "-", "--rejects", "c.csv", stdin=stdin)

        assert done.returncode == 2, done.stderr
        assert file.read_text("utf-8") == BAD

    def test_a_dry_run_changes_nothing(self, products: Program) -> None:
        before = products.dump()

        result = products("customers", "import", products.write("c.csv", BAD), "--dry-run")

        assert result.code == 3
        assert "2 inserted" in result.err
        assert "Nothing was stored" in result.err
        assert products.dump() == before
        assert not (products.folder / "c.csv.rejects.csv").exists()

    def test_from_standard_input(self, ummsg: Program) -> None:
        assert ummsg("customers", "import", "-", stdin='{"email": "anna@example.com"}\n').code == 0
        assert ummsg("products", "import", "-", stdin="slug\tname\nplan\tPlan\n").code == 0
        assert ummsg("memberships", "import", "-", stdin="customer;product\nanna@example.com;plan\n").code == 0

        listed = ummsg("memberships", "list", "--format", "json")

        assert json.loads(listed.out)[0]["customer"] == "anna@example.com"

    def test_columns_that_are_left_out_are_told(self, ummsg: Program) -> None:
        result = ummsg("products", "import", "-", stdin="slug,price\npro,9\n")

        assert "left out: price" in result.err

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty"),
            (b"name,city\nAnna,Lund\n", "there is no column email"),
            (b"email,\0name\na@example.com,x\n", "NUL"),
            (b"c," * 99_999 + b"email\n", "100,000 columns"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", "JPEG"),
            (b"email,email\na@example.com,b@example.com\n", "two columns are called email"),
        ],
    )
    def test_what_is_no_file_of_customers(self, ummsg: Program, content: bytes, said: str) -> None:
        before = ummsg.dump()

        result = ummsg("customers", "import", ummsg.write("c.csv", content))

        assert result.code == 2
        assert said in result.err
        assert result.err.count("Error: ") == 1
        assert len(result.err) < 2000
        assert ummsg.dump() == before
        assert list(ummsg.folder.glob("*rejects*")) == []

    def test_a_nul_in_a_row_costs_the_row(self, ummsg: Program) -> None:
        result = ummsg("customers", "import", "-", stdin=b"email,name\na@example.com,A\0\nb@example.com,B\n")

        assert result.code == 3
        assert "1 inserted" in result.err
        assert "NUL" in result.err
        assert (ummsg.folder / "rejects.csv").read_text().startswith("line,reason,email,name\n2,name: has a NUL byte,")

    def test_a_reason_cannot_draw_on_the_screen(self, ummsg: Program) -> None:
        result = ummsg("customers", "import", "-", stdin="email,locale\na@example.com,\x1b[2Jx\n")

        assert result.code == 3
        assert "\x1b" not in result.err


class TestCustomers:
    def test_a_list_in_every_format(self, network: Program) -> None:
        assert json.loads(network("customers", "list", "--format", "json").out)[0] == {
            "id": 1,
            "external_id": "1",
            "email": "anna@example.com",
            "name": "Anna Björk",
            "locale": "",
            "timezone": "",
            "registered_at": None,
            "email_verification": "none",
            "attributes": {"city": "Lund"},
        }
        assert network("customers", "list", "--format", "ids").out == "1\n2\n3\n4\n5\n"
        assert network("customers", "list", "--format", "count").out == "5\n"
        rows = list(csv.DictReader(io.StringIO(network("customers", "list", "--format", "csv").out)))
        assert rows[2]["name"] == "Cléo Dubois"
        assert "Anna Björk" in network("customers", "list").out

    def test_searched_and_limited(self, network: Program) -> None:
        assert network("customers", "list", "--search", "bjork", "--format", "ids").out == "1\n"
        assert network("customers", "list", "--search", "example", "--limit", "2", "--format", "ids").out == "1\n2\n"
        assert network("customers", "list", "--search", '"*', "--format", "json").out == "[]\n"

    def test_one_with_memberships(self, network: Program) -> None:
        shown = json.loads(network("customers", "show", "bo@example.com", "--format", "json").out)

        assert [(m["product"], m["status"]) for m in shown["memberships"]] == [("pro", "trialing"), ("extra", "active")]

    def test_added_once(self, ummsg: Program) -> None:
        assert ummsg("customers", "add", "--email", "anna@example.com", "--name", "Anna").code == 0

        again = ummsg("customers", "add", "--email", "ANNA@example.com")

        assert again.code == 2
        assert "ummsg customers show anna@example.com" in again.err

    def test_deleted_when_agreed(self, network: Program) -> None:
        refused = network("customers", "delete", "anna@example.com")
        deleted = network("customers", "delete", "anna@example.com", "--yes")

        assert refused.code == 2
        assert "--yes" in refused.err
        assert deleted.code == 0
        assert network("customers", "show", "anna@example.com").code == 2

    def test_how_many_messages_that_cancels(self, network: Program) -> None:
        for customers in (("1", "2"), ("2",)):
            which = [word for customer in customers for word in ("--customer", customer)]
            words = ("--subject", "Hello", "--content", "Good morning.", "--queue", "--yes")
            assert network("broadcast", "new", "--type", "email", *which, *words).code == 0

        said = [network("customers", "delete", customer, "--yes").err for customer in ("1", "2", "3")]

        assert "1 message to them is cancelled." in said[0]
        assert "2 messages to them are cancelled." in said[1]
        assert said[2].strip().endswith("is deleted.")


class TestProductsAndMemberships:
    def test_products(self, network: Program) -> None:
        listed = json.loads(network("products", "list", "--format", "json").out)
        shown = json.loads(network("products", "show", "pro", "--format", "json").out)

        assert [product["slug"] for product in listed] == ["empty", "extra", "pro", "starter"]
        assert network("products", "list", "--search", "stor", "--format", "ids").out == "3\n"
        assert shown["members"] == {"active": 1, "expired": 1, "trialing": 1}
        assert network("products", "show", "prro").code == 2

    def test_memberships(self, network: Program) -> None:
        def emails(*options: str) -> list[str]:
            listed = network("memberships", "list", "--format", "json", *options).out
            return [row["customer"] for row in json.loads(listed)]

        assert len(emails()) == 6
        assert emails("--customer", "bo@example.com") == ["bo@example.com"] * 2
        assert emails("--product", "pro", "--status", "expired") == ["cleo@example.com"]
        assert emails("--limit", "1") == ["anna@example.com"]
