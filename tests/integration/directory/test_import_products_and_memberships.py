"""Products and memberships from files."""

from datetime import UTC, datetime

import pytest

from tests.integration.directory.conftest import Imports
from tests.integration.directory.test_import_customers import counts, reasons
from ummsg.errors import InvalidInput
from ummsg.services.directory import Directory
from ummsg.vocabulary import MembershipStatus, ProductType


class TestProducts:
    def test_every_column(self, imports: Imports, directory: Directory) -> None:
        report = imports.products("id;Slug;name;type;active;amount\n7;PRO;Pro;Service;no;9.90\n;extra;;;;\n")

        assert counts(report) == (2, 0, 0, 0)
        assert report.ignored_columns == ("amount",)
        pro, extra = directory.product("pro"), directory.product("extra")
        assert (pro.id, pro.external_id, pro.name, pro.type, pro.active) == (7, "7", "Pro", ProductType.SERVICE, False)
        assert (extra.external_id, extra.type, extra.active) == (None, ProductType.PLAN, True)

    def test_again(self, imports: Imports, directory: Directory) -> None:
        imports.products("id,slug,name,active\n7,pro,Pro,no\n,extra,Extra,yes\n")

        assert counts(imports.products("id,slug,name\n7,pro,Pro\n,extra,Extra\n")) == (0, 0, 2, 0)
        assert counts(imports.products("id,slug\n7,gold\n9,extra\n")) == (0, 2, 0, 0)
        assert (directory.product("gold").name, directory.product("gold").active) == ("Pro", False)
        assert directory.product("extra").external_id == "9"

    def test_bad_rows(self, imports: Imports, directory: Directory) -> None:
        imports.products("id,slug\n1,one\n2,two\n")

        report = imports.products(
            "id,slug,type\n3,one,plan\n1,two,plan\n,three,thing\n,,plan\n4,four,plan\n4,four,service\n5,a b,plan\n"
        )

        assert counts(report) == (1, 0, 0, 6)
        found = reasons(report)
        assert found[2] == "the slug one belongs to the product with the id 1"
        assert found[3] == "the slug two belongs to another product"
        assert "none of plan, package, service" in found[4]
        assert found[5] == "slug: is empty"
        assert found[7] == "is the same as line 6, with other data"
        assert "not a slug" in found[8]

    def test_without_a_slug_there_are_none(self, imports: Imports) -> None:
        with pytest.raises(InvalidInput, match="no column slug"):
            imports.products("id,name\n1,Pro\n")


class TestMemberships:
    @pytest.fixture(autouse=True)
    def network(self, imports: Imports) -> None:
        imports.products("id,slug\n70,pro\n,extra\n")
        imports.customers("email\nanna@example.com\nbo@example.com\n")
        imports.customers("id,email\n2,cleo@example.com\n")

    def listed(self, directory: Directory) -> list[tuple[str, str, str | None, str]]:
        return [(email, slug, m.external_id, m.status.value) for m, email, slug in directory.memberships()]

    def test_every_column(self, imports: Imports, directory: Directory) -> None:
        report = imports.memberships(
            "id,customer,product,status,starts,expires,plan_name\n"
            "m1,Anna@example.com,pro,on-hold,2026-01-01,2027-01-01T00:00:00+01:00,x\n"
            ",bo@example.com,70,,,,\n"
        )

        assert counts(report) == (2, 0, 0, 0)
        assert report.ignored_columns == ("plan_name",)
        ((first, _, _), (second, _, _)) = directory.memberships()
        assert (first.external_id, first.status) == ("m1", MembershipStatus.ON_HOLD)
        assert first.starts_at == datetime(2026, 1, 1, tzinfo=UTC)
        assert first.expires_at == datetime(2026, 12, 31, 23, tzinfo=UTC)
        assert (second.status, second.starts_at) == (MembershipStatus.ACTIVE, None)

    def test_a_number_is_the_networks_first(self, imports: Imports, directory: Directory) -> None:
        """2 is Bo's id here and Cleo's in the network; 1 is nobody's in the network."""
        imports.memberships("customer,product\n2,pro\n1,pro\n")

        assert [email for email, *_ in self.listed(directory)] == ["cleo@example.com", "anna@example.com"]

    def test_again_by_id_and_by_pair(self, imports: Imports, directory: Directory) -> None:
        file = (
            "id,customer,product,status,expires\n"
            "m1,anna@example.com,pro,active,2027-01-01\n"
            ",bo@example.com,pro,active,\n"
        )
        imports.memberships(file)

        assert counts(imports.memberships(file)) == (0, 0, 2, 0)
        assert counts(
            imports.memberships(
                "id,customer,product,status\nm1,anna@example.com,extra,expired\n,bo@example.com,pro,expired\n"
            )
        ) == (0, 2, 0, 0)
        assert self.listed(directory) == [
            ("anna@example.com", "extra", "m1", "expired"),
            ("bo@example.com", "pro", None, "expired"),
        ]
        assert next(iter(directory.memberships()))[0].expires_at is not None

    def test_one_without_an_id_is_adopted(self, imports: Imports, directory: Directory) -> None:
        imports.memberships("customer,product\nanna@example.com,pro\n")

        report = imports.memberships("id,customer,product\nm1,anna@example.com,pro\nm2,anna@example.com,pro\n")

        assert counts(report) == (1, 1, 0, 0)
        assert [external_id for _, _, external_id, _ in self.listed(directory)] == ["m1", "m2"]

    def test_bad_rows(self, imports: Imports, directory: Directory) -> None:
        imports.memberships("id,customer,product\nm1,anna@example.com,pro\nm2,anna@example.com,pro\n")

        report = imports.memberships(
            "customer,product,status,starts,expires\n"
            "nobody@example.com,pro,,,\n"
            "bo@example.com,gold,,,\n"
            "bo@example.com,pro,actve,,\n"
            "bo@example.com,pro,,2026-02-01,2026-01-01\n"
            "anna@example.com,pro,expired,,\n"
            ",pro,,,\n"
            "bo@example.com,extra,active,,\n"
            "bo@example.com,extra,expired,,\n"
        )

        assert counts(report) == (1, 0, 0, 7)
        found = reasons(report)
        assert found[2] == "customer: there is no customer 'nobody@example.com'"
        assert found[3] == "product: there is no product 'gold'"
        assert "status: 'actve' is none of" in found[4]
        assert found[5] == "expires: is before starts"
        assert found[6] == "there are 2 memberships of this customer and product; give their ids"
        assert found[7] == "customer: is empty"
        assert found[9] == "is the same as line 8, with other data"

    def test_listing_some(self, imports: Imports, directory: Directory) -> None:
        imports.memberships(
            "customer,product,status\nanna@example.com,pro,active\nanna@example.com,extra,expired\n2,pro,\n"
        )
        anna, pro = directory.customer("anna@example.com"), directory.product("pro")

        assert len(list(directory.memberships(customer=anna))) == 2
        assert len(list(directory.memberships(product=pro))) == 2
        assert [slug for _, _, slug in directory.memberships(status=MembershipStatus.EXPIRED)] == ["extra"]
        assert len(list(directory.memberships(limit=1))) == 1
