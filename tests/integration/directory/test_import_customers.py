"""Customers from files: who is who, what is kept, what is refused, and that nothing is lost."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.directory.conftest import NOW, Database, Imports
from ummsg.domain.customer import Customer
from ummsg.errors import InvalidInput, UnknownReference
from ummsg.services.directory import Directory
from ummsg.services.imports import run
from ummsg.services.imports.outcome import ImportOptions, ImportRefused, ImportReport
from ummsg.store.engine import Store, open_store
from ummsg.store.migrations import upgrade
from ummsg.vocabulary import EmailVerification

FILE = """\
id,email,name,locale,timezone,registered_at,email_verification,Favourite colour
7,anna@example.com,Anna Björk,sv_SE,Europe/Stockholm,2026-01-02T03:04:05+01:00,verified,blue
cus_9,Bo@Example.com,"Ek, Bo",de-DE,,,,"light
green"
,cleo@example.com,Cléo,,,,,
"""


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.inserted, report.updated, report.unchanged, report.rejected


def reasons(report: ImportReport) -> dict[int, str]:
    return {bad.row.line: bad.reason for bad in report.examples}


class TestWhatIsKept:
    def test_every_column(self, imports: Imports, directory: Directory) -> None:
        report = imports.customers(FILE)

        assert counts(report) == (3, 0, 0, 0)
        assert report.rejects is None
        assert directory.customer("anna@example.com") == Customer(
            id=7,
            external_id="7",
            email="anna@example.com",
            name="Anna Björk",
            locale="sv_SE",
            timezone="Europe/Stockholm",
            registered_at=datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC),
            email_verification=EmailVerification.VERIFIED,
            attributes={"favourite_colour": "blue"},
        )
        bo = directory.customer("cus_9")
        assert (bo.email, bo.name, bo.locale) == ("Bo@example.com", "Ek, Bo", "de_DE")
        assert bo.attributes == {"favourite_colour": "light\ngreen"}
        assert directory.attribute_names() == ["favourite_colour"]

    def test_the_same_file_again_changes_nothing(self, imports: Imports, database: Database) -> None:
        imports.customers(FILE)
        before = database.dump()

        assert counts(imports.customers(FILE)) == (0, 0, 3, 0)
        assert database.dump() == before

    def test_an_absent_column_leaves_and_an_empty_cell_clears(self, imports: Imports, directory: Directory) -> None:
        imports.customers("id,email,name,locale,registered_at,city\n7,anna@example.com,Anna,sv_SE,2026-01-02,Lund\n")

        report = imports.customers("id,email,name,registered_at,plan,city\n7,anna@example.com,,,gold,\n")

        assert counts(report) == (0, 1, 0, 0)
        anna = directory.customer("7")
        assert (anna.name, anna.locale, anna.registered_at) == ("", "sv_SE", None)
        assert anna.attributes == {"city": "", "plan": "gold"}

    def test_json_lines(self, imports: Imports, directory: Directory) -> None:
        lines = [
            {"email": "anna@example.com", "id": 7, "name": "Anna", "score": 1.5, "vip": True},
            {"email": "bo@example.com", "city": "Lund"},
        ]
        report = imports.customers("".join(json.dumps(line) + "\n" for line in lines), "customers.jsonl")

        assert counts(report) == (2, 0, 0, 0)
        assert directory.customer("7").attributes == {"score": "1.5", "vip": "yes"}
        assert directory.customer("bo@example.com").attributes == {"city": "Lund"}
        assert directory.attribute_names() == ["city", "score", "vip"]

    def test_standard_input(self, directory: Directory) -> None:
        report = directory.import_customers(io.BytesIO(FILE.encode()), ImportOptions(), lambda progress: None)

        assert counts(report) == (3, 0, 0, 0)

    def test_what_is_kept_is_found(self, imports: Imports, directory: Directory, database: Database) -> None:
        imports.customers(FILE)
        imports.customers("id,email,name\n7,renamed@example.org,Änne\n")
        directory.delete_customer(directory.customer("cleo@example.com"))

        assert [c.id for c in directory.search_customers("anne").items] == [7]
        assert directory.search_customers("anna").items == []
        assert directory.search_customers("cleo").items == []
        database.check_index()


class TestIds:
    def test_a_number_of_the_network_becomes_our_id_where_it_is_free(
        self, imports: Imports, directory: Directory
    ) -> None:
        imports.customers("id,email\n,first@example.com\n5,five@example.com\n1,one@example.com\n")

        assert directory.customer("five@example.com").id == 5
        assert directory.customer("one@example.com").id == 1
        assert directory.customer("first@example.com").id == 6

    def test_one_that_is_taken_does_not(self, imports: Imports, directory: Directory) -> None:
        imports.customers("email\nfirst@example.com\n")
        imports.customers("id,email\n1,one@example.com\n2,two@example.com\n")

        assert directory.customer("first@example.com").id == 1
        assert directory.customer("two@example.com").id == 2
        assert directory.customer("one@example.com").id == 3

    def test_the_id_of_a_deleted_customer_is_not_given_again(self, imports: Imports, directory: Directory) -> None:
        imports.customers("email\na@example.com\nb@example.com\n")
        directory.delete_customer(directory.customer("b@example.com"))
        imports.customers("email\nc@example.com\n")

        assert directory.customer("c@example.com").id == 3


class TestWhoIsWho:
    def test_the_external_id_decides_and_brings_a_new_address(self, imports: Imports, directory: Directory) -> None:
        imports.customers("id,email\n7,old@example.com\n")

        assert counts(imports.customers("id,email\n7,new@example.com\n")) == (0, 1, 0, 0)
        assert directory.customer("7").email == "new@example.com"
        with pytest.raises(UnknownReference):
            directory.customer("old@example.com")

    def test_without_one_the_address_does_in_any_case(self, imports: Imports, directory: Directory) -> None:
        imports.customers("id,email,name\n7,anna@example.com,Anna\n")

        assert counts(imports.customers("email,name\nANNA@example.com,Änne\n")) == (0, 1, 0, 0)
        assert directory.customer("7").name == "Änne"

    def test_a_customer_without_an_external_id_is_adopted(self, imports: Imports, directory: Directory) -> None:
        imports.customers("email,name\nanna@example.com,Anna\n")

        assert counts(imports.customers("id,email\n700,anna@example.com\n")) == (0, 1, 0, 0)
        adopted = directory.customer("anna@example.com")
        assert (adopted.id, adopted.external_id, adopted.name) == (1, "700", "Anna")

    def test_an_address_of_somebody_else_is_refused(self, imports: Imports, directory: Directory) -> None:
        imports.customers("id,email\n7,anna@example.com\n8,bo@example.com\n")

        report = imports.customers("id,email\n9,anna@example.com\n8,Anna@Example.com\n")

        assert counts(report) == (0, 0, 0, 2)
        assert reasons(report) == {
            2: "the address anna@example.com belongs to the customer with the id 7, not to 9",
            3: "the address Anna@example.com belongs to the customer with the id 7",
        }
        assert directory.customer("8").email == "bo@example.com"

    def test_an_address_that_was_given_up_can_be_taken(self, imports: Imports, directory: Directory) -> None:
        imports.customers("id,email\n1,a@example.com\n2,b@example.com\n")

        report = imports.customers("id,email\n1,c@example.com\n2,a@example.com\n3,b@example.com\n")

        assert counts(report) == (1, 2, 0, 0)
        assert [c.email for c in directory.customers()] == ["c@example.com", "a@example.com", "b@example.com"]

    def test_addresses_that_change_hands_in_one_file(
        self, imports: Imports, directory: Directory, database: Database
    ) -> None:
        imports.customers("id,email,name\n1,a@example.com,Anna\n2,b@example.com,Bo\n3,c@example.com,Cleo\n")

        report = imports.customers(
            "id,email,name\n1,x@example.com,Anna\n2,a@example.com,Boris\n3,b@example.com,Cleo\n,c@example.com,Dan\n"
        )

        assert counts(report) == (1, 3, 0, 0)
        assert [(c.id, c.email, c.name) for c in directory.customers()] == [
            (1, "x@example.com", "Anna"),
            (2, "a@example.com", "Boris"),
            (3, "b@example.com", "Cleo"),
            (4, "c@example.com", "Dan"),
        ]
        assert [customer.id for customer in directory.search_customers("bo").items] == [2]
        database.check_index()


class TestDuplicates:
    def test_with_equal_data_nothing_changes(self, imports: Imports) -> None:
        report = imports.customers("email,name\na@example.com,Anna\nb@example.com,Bo\nA@example.com,Anna\n")

        assert counts(report) == (2, 0, 0, 1)
        assert reasons(report) == {4: "is the same as line 2, with other data"}

        assert counts(imports.customers("email\nc@example.com\nc@example.com\n")) == (1, 0, 1, 0)

    def test_with_other_data_the_later_is_refused(self, imports: Imports, directory: Directory) -> None:
        report = imports.customers("id,email,name\n7,a@example.com,Anna\n7,a@example.com,Anne\n8,b@example.com,Bo\n")

        assert counts(report) == (2, 0, 0, 1)
        assert reasons(report) == {3: "is the same as line 2, with other data"}
        assert directory.customer("7").name == "Anna"

    def test_across_batches_and_over_a_stored_customer(
        self, imports: Imports, directory: Directory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "BATCH", 1)
        imports.customers("email,name\na@example.com,Anna\n")

        report = imports.customers("email,name\na@example.com,Anne\nb@example.com,Bo\na@example.com,Anni\n")

        assert counts(report) == (1, 1, 0, 1)
        assert reasons(report) == {4: "is the same as line 2, with other data"}
        assert directory.customer("a@example.com").name == "Anne"


class TestProductsColumn:
    PRODUCTS = "slug\npro\nextra\n"

    def memberships(self, directory: Directory) -> list[tuple[str, str, str]]:
        return [(email, slug, membership.status.value) for membership, email, slug in directory.memberships()]

    def test_memberships_with_and_without_a_status(self, imports: Imports, directory: Directory) -> None:
        imports.products(self.PRODUCTS)

        report = imports.customers("email,products\na@example.com,pro; extra:trialing\nb@example.com,PRO:expired\n")

        assert counts(report) == (2, 0, 0, 0)
        assert self.memberships(directory) == [
            ("a@example.com", "pro", "active"),
            ("a@example.com", "extra", "trialing"),
            ("b@example.com", "pro", "expired"),
        ]

    def test_again_they_change_and_others_stay(self, imports: Imports, directory: Directory) -> None:
        imports.products(self.PRODUCTS)
        imports.customers("email,products\na@example.com,pro;extra\nb@example.com,\n")

        report = imports.customers(
            "email,products\na@example.com,pro:expired\nb@example.com,extra\na@example.com,pro:expired\n"
        )

        assert counts(report) == (0, 2, 1, 0)
        assert self.memberships(directory) == [
            ("a@example.com", "pro", "expired"),
            ("a@example.com", "extra", "active"),
            ("b@example.com", "extra", "active"),
        ]

    def test_rows_that_cannot_be(self, imports: Imports, directory: Directory) -> None:
        imports.products(self.PRODUCTS)
        imports.customers("email\nc@example.com\n")
        imports.memberships("customer,product,id\nc@example.com,pro,m1\nc@example.com,pro,m2\n")

        report = imports.customers(
            "email,products\na@example.com,gold\nb@example.com,pro:dead\nc@example.com,pro:expired\nd@example.com,pro;pro\n"
        )

        assert counts(report) == (0, 0, 0, 4)
        found = reasons(report)
        assert found[2] == "products: there is no product gold"
        assert "'dead' is none of pending" in found[3]
        assert found[4] == "products: there are 2 memberships of pro; import them with their ids"
        assert found[5] == "products: pro is there twice"
        assert [c.email for c in directory.customers()] == ["c@example.com"]


class TestBadRows:
    FILE = (
        b"id,email,name\n"
        b"1,good@example.com,Good\n"
        b"2,a@b\rc@example.com,Broken\n"
        b'3,"a@b.example\r\nBcc: x@y.example",Injected\n'
        b"4,d@example.com,Ren\xe9\n"
        b"5,e@example.com,NUL\0\n"
        b'6,f@example.com,"=1+1\nx"\n'
        b"7,g@example.com,Fine\n"
    )

    def test_they_are_listed_with_line_and_reason_and_the_others_kept(
        self, imports: Imports, directory: Directory
    ) -> None:
        report = imports.customers(self.FILE)

        assert [c.email for c in directory.customers()] == ["good@example.com", "g@example.com"]
        assert report.rejects == imports.folder / "customers.csv.rejects.csv"
        assert report.rejects.read_bytes().startswith(b"line,reason,id,email,name\n")
        content = report.rejects.read_bytes()
        assert b"has a line break in it" in content
        assert b"name: is not UTF-8 text (byte 0xE9),4,d@example.com,Ren\xe9\n" in content
        assert b"name: has a NUL byte" in content
        assert b'name: has a line break,6,f@example.com,"\'=1+1\nx"\n' in content

    def test_corrected_there_they_can_be_imported(self, imports: Imports, directory: Directory) -> None:
        report = imports.customers("id,email,phone\n1,a@@example.com,+49 1\n2,b@example.com,2\n")
        assert report.rejects is not None

        again = imports.customers(report.rejects.read_text().replace("@@", "@"), "again.csv")

        assert counts(again) == (1, 0, 0, 0)
        assert directory.customer("1").attributes == {"phone": "+49 1"}

    def test_another_place_for_them(self, imports: Imports, tmp_path: Path) -> None:
        elsewhere = tmp_path / "bad.csv"

        report = imports.customers("email\nbad\n", rejects=elsewhere)

        assert report.rejects == elsewhere
        assert elsewhere.read_text().splitlines()[0] == "line,reason,email"
        assert not (tmp_path / "customers.csv.rejects.csv").exists()

    def test_a_place_that_cannot_be_is_told_before_anything_is_kept(
        self, imports: Imports, directory: Directory, tmp_path: Path
    ) -> None:
        with pytest.raises(InvalidInput, match="cannot be written"):
            imports.customers("email\na@example.com\nbad\n", rejects=tmp_path / "no" / "bad.csv")

        assert list(directory.customers()) == []

    def test_of_json_lines_the_line_is_kept(self, imports: Imports) -> None:
        report = imports.customers('{"email": "bad"}\n{"email": \n', "c.jsonl")

        assert report.rejects is not None
        lines = report.rejects.read_text().splitlines()
        assert lines[0] == "line,reason,row"
        assert lines[1].endswith('"{""email"": ""bad""}"')
        assert len(lines) == 3

    def test_only_the_first_are_examples(self, imports: Imports) -> None:
        report = imports.customers("email\n" + "bad\n" * 50)

        assert report.rejected == 50
        assert [bad.row.line for bad in report.examples] == list(range(2, 12))


class TestAllOrNothing:
    def test_strict_keeps_nothing_if_there_is_a_bad_row(
        self, imports: Imports, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "BATCH", 1)
        monkeypatch.setattr(run, "BATCHES", 1)
        before = database.dump()

        with pytest.raises(ImportRefused, match="1 of 3 rows are bad") as raised:
            imports.customers("email,city\na@example.com,Lund\nbad,Lund\nc@example.com,Lund\n", strict=True)

        assert raised.value.exit_code == 2
        assert raised.value.details[0].startswith("line 3: ")
        assert str(imports.folder / "customers.csv.rejects.csv") in raised.value.details[1]
        assert database.dump() == before

    def test_strict_keeps_all_if_there_is_none(
        self, imports: Imports, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "BATCH", 1)
        monkeypatch.setattr(run, "BATCHES", 1)

        assert counts(imports.customers(FILE, strict=True)) == (3, 0, 0, 0)
        database.check_index()

    def test_a_rehearsal_says_what_would_change_and_changes_nothing(self, imports: Imports, database: Database) -> None:
        imports.customers("email,name\na@example.com,Anna\nb@example.com,Bo\n")
        before = database.dump()

        report = imports.customers(
            "email,name\na@example.com,Anne\nb@example.com,Bo\nc@example.com,C\nbad,D\n", dry_run=True
        )

        assert counts(report) == (1, 1, 1, 1)
        assert report.rejects is None
        assert list(imports.folder.glob("*rejects*")) == []
        assert database.dump() == before

    def test_a_run_that_breaks_off_keeps_what_was_finished_and_its_rejects(
        self, imports: Imports, directory: Directory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "BATCH", 1)
        monkeypatch.setattr(run, "BATCHES", 1)

        def broken(rows: int) -> None:
            if rows >= 2:
                raise KeyboardInterrupt

        monkeypatch.setattr(imports, "_watch", lambda progress: broken(progress.rows))
        with pytest.raises(KeyboardInterrupt):
            imports.customers("email\n" + "x\n" * 1 + "".join(f"{n}@example.com\n" for n in range(40_000)))

        assert (imports.folder / "customers.csv.rejects.csv").read_text().startswith("line,reason,email\n2,")
        assert len(list(directory.customers())) < 40_000

    def test_what_is_no_file_of_customers_changes_nothing(self, imports: Imports, database: Database) -> None:
        before = database.dump()
        for content in (
            b"",
            b"name\nAnna\n",
            b"\xff\xd8\xff\xe0JFIF",
            b"a," * 100_000 + b"email\n",
            b"email,\0\na,b\n",
        ):
            with pytest.raises(InvalidInput):
                imports.customers(content)
        assert database.dump() == before

    @pytest.mark.parametrize("path", ["missing.csv", "."])
    def test_a_file_that_cannot_be_read(self, directory: Directory, tmp_path: Path, path: str) -> None:
        with pytest.raises(InvalidInput):
            directory.import_customers(tmp_path / path, ImportOptions(), lambda progress: None)


def test_the_progress_goes_on(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 1000)

    imports.customers("email\n" + "".join(f"user{number}@example.com\n" for number in range(10_000)))

    assert imports.progress == sorted(imports.progress)
    assert imports.progress[-1] == 10_000
    assert len(imports.progress) > 3


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["", "1", "2", "3", "cus_1"]),
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(["Anna", "Bo", ""]),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=st.lists(PEOPLE, min_size=1, max_size=3), batch=st.sampled_from([1, 3, 100]))
def test_whatever_comes_rows_are_accounted_for_and_found(
    files: list[list[tuple[str, str, str]]], batch: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Ids and addresses stay unique, every row is counted, the search index is right, and repeating changes nothing."""
    folder = tmp_path_factory.mktemp("import")
    url = f"sqlite:///{folder / 'ummsg.db'}"
    upgrade(url)
    store: Store = open_store(url)
    imports = Imports(Directory(store, lambda: NOW), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "BATCH", batch)
        for people in files:
            rows = "".join(f"{number},{local}@example.com,{name}\n" for number, local, name in people)
            report = imports.customers(f"id,email,name\n{rows}")
            assert report.rows == len(people)
            Database(store.path).check_index()
            again = imports.customers(f"id,email,name\n{rows}")
            assert (again.inserted, again.updated) == (0, 0) or report.rejected
    store.close()
