"""ummsg's connector on a real WordPress multisite: what it tells, what it shows, and to whom."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.program import Program, Result
from tests.wordpress_network import CONNECTOR, WordPressNetwork, lacking

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking())

NOTICE = {
    "notice_type": "warning",
    "subject": "Maintenance <on> Sunday",
    "html": "<p>From <strong>nine</strong> on. <script>alert(1)</script></p>",
    "digest": "1",
    "revision": 1,
}


@pytest.fixture(scope="module")
def with_plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPressNetwork]:
    network = WordPressNetwork(tmp_path_factory.mktemp("plugin"), plugin=True)
    yield network
    network.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPressNetwork]:
    network = WordPressNetwork(tmp_path_factory.mktemp("plain"), plugin=False)
    yield network
    network.close()


@pytest.fixture
def wordpress(with_plugin: WordPressNetwork) -> Iterator[WordPressNetwork]:
    """The network with the plugin's tables, without anything of ours."""
    said(with_plugin, "DELETE", "/data")
    yield with_plugin
    ours = [line for line in with_plugin.log.splitlines() if "ummsg" in line]
    assert ours == []


def connect(program: Program, network: WordPressNetwork, password: str = "", user: str = "admin") -> Result:
    password = password or network.passwords["admin"]
    return program("network", "connect", network.url, "--user", user, stdin=f"{password}\n")


def said(network: WordPressNetwork, method: str, route: str, user: str = "admin", **body: Any) -> httpx2.Response:
    """What the connector answers."""
    return httpx2.request(
        method,
        f"{network.url}/",
        params={"rest_route": f"/ummsg/v1{route}"},
        auth=(user, network.passwords[user]) if user else None,
        json=body or None,
        timeout=30,
    )


def put(network: WordPressNetwork, number: int = 1, **changes: Any) -> None:
    answer = said(network, "PUT", f"/notices/{number}", **{**NOTICE, **changes})
    assert answer.status_code == 200, answer.text


class Dashboard:
    """Somebody who is logged in on a site."""

    def __init__(self, network: WordPressNetwork, user: str, site: str = "") -> None:
        self.address = f"{network.url}/{site or user}/wp-admin/"
        self._client = httpx2.Client(timeout=30, follow_redirects=True)
        login = f"{network.url}/{site or user}/wp-login.php"
        self._client.get(login)
        self._client.post(login, data={"log": user, "pwd": f"{user} password", "testcookie": "1"})

    def page(self, name: str = "") -> str:
        answer = self._client.get(self.address + name)
        assert answer.status_code == 200, answer.status_code
        return answer.text

    def notices(self) -> list[int]:
        return [int(number) for number in re.findall(r'data-ummsg-notice="(\d+)"', self.page())]

    def dismiss(self, number: int, nonce: str = "") -> int:
        nonce = nonce or str(re.findall(r'_ajax_nonce: "(\w+)"', self.page())[0])
        body = {"action": "ummsg_dismiss", "notice": str(number), "_ajax_nonce": nonce}
        return self._client.post(f"{self.address}admin-ajax.php", data=body).status_code


class TestDirectory:
    def test_customers_products_and_memberships_with_their_add_ons(
        self, ummsg: Program, wordpress: WordPressNetwork
    ) -> None:
        assert connect(ummsg, wordpress).code == 0
        assert ummsg("network", "sync").code == 0
        customers = json.loads(ummsg("customers", "list", "--format", "json").out)
        assert [(row["external_id"], row["email"], row["name"], row["locale"]) for row in customers] == [
            ("11", "anna@example.com", "Anna Björk", "sv_SE"),
            ("12", "bo@example.com", "Bo Ek", ""),
        ]
        memberships = json.loads(ummsg("memberships", "list", "--format", "json").out)
        assert sorted((row["customer"], row["product"], row["status"]) for row in memberships) == [
            ("anna@example.com", "extra", "active"),
            ("anna@example.com", "pro", "active"),
            ("bo@example.com", "pro", "trialing"),
        ]

    def test_without_the_plugin_the_owners_of_sites_are_the_customers(
        self, ummsg: Program, plain: WordPressNetwork
    ) -> None:
        assert connect(ummsg, plain).code == 0
        assert ummsg("network", "sync").code == 0
        customers = json.loads(ummsg("customers", "list", "--format", "json").out)
        assert [row["email"] for row in customers] == ["anna@example.com", "bo@example.com"]

    def test_no_password_key_or_payment_leaves_the_network(self, wordpress: WordPressNetwork) -> None:
        for route in ("customers", "products", "memberships"):
            text = said(wordpress, "GET", f"/{route}").text
            assert not re.search(r"pass|hash|key|token|amount|payment", text), text

    @pytest.mark.parametrize(
        "stored", ['O:8:"stdClass":0:{}', 'a:1:{i:7;O:8:"stdClass":0:{}}', "a:1:{i:7", "rubbish", 'a:1:{s:1:"x";i:1;}']
    )
    def test_add_ons_that_are_broken_or_hostile_are_left_out_and_said(
        self, wordpress: WordPressNetwork, stored: str
    ) -> None:
        wordpress.sql(f"UPDATE wp_wu_memberships SET addon_products = '{stored}' WHERE id = 21")
        try:
            (first, _) = said(wordpress, "GET", "/memberships").json()["items"]
        finally:
            wordpress.sql("UPDATE wp_wu_memberships SET addon_products = 'a:1:{i:7;i:2;}' WHERE id = 21")
        assert first["plan_id"] == 4
        assert (first["addons"], first["readable"]) in (([], False), ([7], True))

    def test_it_is_read_page_by_page(self, wordpress: WordPressNetwork) -> None:
        first = httpx2.get(
            f"{wordpress.url}/",
            params={"rest_route": "/ummsg/v1/customers", "limit": "1"},
            auth=("admin", wordpress.passwords["admin"]),
        ).json()
        assert ([item["id"] for item in first["items"]], first["next"]) == ([11], 11)

    def test_who_knows_a_page_is_not_told_it_again(self, ummsg: Program, wordpress: WordPressNetwork) -> None:
        connect(ummsg, wordpress)
        for expected in (["2", "0", "0"], ["0", "0", "2"]):
            synced = ummsg("network", "sync").out
            assert re.search(r"^customers +(\d+) +(\d+) +(\d+)", synced, re.M).groups() == tuple(expected)  # type: ignore[union-attr]


class TestRights:
    def test_a_wrong_password(self, ummsg: Program, wordpress: WordPressNetwork) -> None:
        result = connect(ummsg, wordpress, "wrong wrong wrong")
        assert result.code == 4
        assert "does not know the user admin with this password" in result.err

    def test_a_user_who_does_not_manage_the_network(self, ummsg: Program, wordpress: WordPressNetwork) -> None:
        result = connect(ummsg, wordpress, wordpress.passwords["anna"], user="anna")
        assert result.code == 4
        assert "may not manage the network" in result.err

    @pytest.mark.parametrize("route", ["status", "customers", "products", "memberships", "notices", "dismissals"])
    def test_nobody_else_is_told_anything(self, wordpress: WordPressNetwork, route: str) -> None:
        assert said(wordpress, "GET", f"/{route}", user="").status_code == 401
        assert said(wordpress, "GET", f"/{route}", user="anna").status_code == 403

    def test_nobody_else_may_change_anything(self, wordpress: WordPressNetwork) -> None:
        assert said(wordpress, "PUT", "/notices/1", user="anna", **NOTICE).status_code == 403
        assert said(wordpress, "DELETE", "/notices/1", user="anna", revision=1).status_code == 403
        assert said(wordpress, "DELETE", "/data", user="").status_code == 401

    def test_a_wordpress_without_the_connector(self, ummsg: Program, wordpress: WordPressNetwork) -> None:
        installed: Path = wordpress.must_use / CONNECTOR.name
        text = installed.read_text()
        installed.unlink()
        try:
            result = connect(ummsg, wordpress)
        finally:
            installed.write_text(text)
        assert result.code == 2
        assert "without ummsg's connector" in result.err
        assert "mu-plugins" in result.err


class TestDashboard:
    def test_everyone_sees_what_is_for_everyone(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True)
        assert Dashboard(wordpress, "anna").notices() == [1]
        assert Dashboard(wordpress, "bo").notices() == [1]

    def test_one_customer_sees_theirs(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, customers=[11])
        assert Dashboard(wordpress, "anna").notices() == [1]
        assert Dashboard(wordpress, "bo").notices() == []

    def test_who_is_on_a_product_with_a_membership_that_counts(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, 1, products=[4], statuses=["active"])
        put(wordpress, 2, products=[7], statuses=["active", "trialing"])
        put(wordpress, 3, products=[4], statuses=["active", "trialing"])
        anna, bo = Dashboard(wordpress, "anna"), Dashboard(wordpress, "bo")
        assert (anna.notices(), bo.notices()) == ([3, 2, 1], [3])
        wordpress.sql("UPDATE wp_wu_memberships SET status = 'expired' WHERE id = 21")
        try:
            assert anna.notices() == []
        finally:
            wordpress.sql("UPDATE wp_wu_memberships SET status = 'active' WHERE id = 21")

    def test_only_inside_its_window(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, 1, everyone=True, starts_at="2999-01-01T00:00:00Z")
        put(wordpress, 2, everyone=True, ends_at="2020-01-01T00:00:00Z")
        put(wordpress, 3, everyone=True, starts_at="2020-01-01T00:00:00Z", ends_at="2999-01-01T00:00:00Z")
        assert Dashboard(wordpress, "anna").notices() == [3]

    def test_its_colour_its_words_and_nothing_that_runs(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True)
        page = Dashboard(wordpress, "anna").page()
        assert 'class="notice notice-warning is-dismissible ummsg-notice"' in page
        assert "<strong>Maintenance &lt;on&gt; Sunday</strong>" in page
        assert "<strong>nine</strong>" in page
        assert "<script>alert" not in page

    def test_what_was_put_into_the_database_behind_our_back_does_not_run_either(
        self, wordpress: WordPressNetwork
    ) -> None:
        put(wordpress, everyone=True)
        wordpress.sql(
            "UPDATE wp_ummsg_notices SET subject = '<img src=x onerror=alert(1)>', notice_type = '\">x',"
            ' html = \'<img src=x onerror=alert(2)><a href="javascript:alert(3)" onclick="alert(4)">x</a>\''
        )
        page = Dashboard(wordpress, "anna").page()
        (notice,) = re.findall(r'<div class="notice[^>]*data-ummsg-notice="1">.*?</div>', page, re.S)
        assert not re.search(r"<img|javascript:|onclick|<script", notice), notice

    def test_put_again_it_is_what_was_put_last(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True)
        put(wordpress, customers=[12], subject="Another", digest="2", revision=2)
        assert Dashboard(wordpress, "anna").notices() == []
        assert "Another" in Dashboard(wordpress, "bo").page()
        assert said(wordpress, "GET", "/notices").json()["items"] == [{"id": 1, "digest": "2", "revision": 2}]

    def test_what_comes_late_undoes_nothing(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True, revision=5)
        answer = said(wordpress, "PUT", "/notices/1", **{**NOTICE, "everyone": True, "subject": "Old", "revision": 4})
        assert answer.json()["revision"] == 5
        assert "Old" not in Dashboard(wordpress, "anna").page()
        said(wordpress, "DELETE", "/notices/1", revision=6)
        said(wordpress, "PUT", "/notices/1", **{**NOTICE, "everyone": True, "revision": 5})
        assert Dashboard(wordpress, "anna").notices() == []

    def test_deleted_it_is_gone_and_deleting_it_again_changes_nothing(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True)
        for _ in range(2):
            assert said(wordpress, "DELETE", "/notices/1", revision=2).status_code == 200
        assert Dashboard(wordpress, "anna").notices() == []
        assert said(wordpress, "GET", "/notices").json()["items"] == []

    def test_closed_it_stays_closed_for_this_user_and_is_told(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True)
        anna = Dashboard(wordpress, "anna")
        assert anna.dismiss(1) == 200
        assert anna.notices() == []
        assert Dashboard(wordpress, "bo").notices() == [1]
        (told,) = said(wordpress, "GET", "/dismissals").json()["items"]
        assert (told["notice_id"], told["customer_id"]) == (1, 11)

    def test_shown_again_in_a_new_edition(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True)
        anna = Dashboard(wordpress, "anna")
        anna.dismiss(1)
        put(wordpress, everyone=True, edition=2, revision=2)
        assert anna.notices() == [1]

    def test_without_the_right_nonce_nothing_is_closed(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True)
        anna = Dashboard(wordpress, "anna")
        assert anna.dismiss(1, nonce="forged") == 403
        assert anna.notices() == [1]

    def test_nobody_closes_what_is_not_on_their_dashboard(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, 1, customers=[12])
        put(wordpress, 2, everyone=True)
        anna = Dashboard(wordpress, "anna")
        assert anna.dismiss(1) == 200
        assert said(wordpress, "GET", "/dismissals").json()["items"] == []

    def test_who_is_no_customer_sees_none(self, wordpress: WordPressNetwork) -> None:
        put(wordpress, everyone=True)
        assert Dashboard(wordpress, "admin", site="anna").notices() == []

    def test_on_a_plain_multisite_the_owner_of_the_site_sees_it(self, plain: WordPressNetwork) -> None:
        (anna,) = plain.sql("SELECT ID FROM wp_users WHERE user_login = 'anna'")[0]
        put(plain, 1, customers=[int(anna)])
        put(plain, 2, everyone=True)
        assert Dashboard(plain, "anna").notices() == [2, 1]
        assert Dashboard(plain, "bo").notices() == [2]
        assert Dashboard(plain, "admin", site="anna").notices() == []

    def test_before_the_first_notice_nothing_is_logged(self, wordpress: WordPressNetwork) -> None:
        assert Dashboard(wordpress, "anna").notices() == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"notice_type": "purple"},
            {"subject": ["a"]},
            {"customers": ["x"]},
            {"customers": [0]},
            {"starts_at": "soon"},
            {"digest": "x" * 65},
        ],
    )
    def test_what_is_no_notice_is_not_stored(self, wordpress: WordPressNetwork, changes: dict[str, Any]) -> None:
        assert said(wordpress, "PUT", "/notices/1", **{**NOTICE, **changes}).status_code == 400
        assert said(wordpress, "GET", "/notices").json()["items"] == []


class TestFromTheTerminalToTheDashboard:
    @pytest.fixture
    def connected(self, ummsg: Program, wordpress: WordPressNetwork) -> Program:
        assert connect(ummsg, wordpress).code == 0
        assert ummsg("network", "sync").code == 0
        return ummsg

    @staticmethod
    def publish(program: Program, *options: object) -> Result:
        text = ("--subject", "Maintenance", "--content", "On **Sunday**.", "--yes")
        result = program("broadcast", "new", "--type", "notice", *text, *options)
        assert result.code == 0, result.err
        return result

    @pytest.mark.parametrize("colour", ["success", "info", "warning", "error"])
    def test_a_notice_is_seen_by_those_it_is_for(
        self, connected: Program, wordpress: WordPressNetwork, colour: str
    ) -> None:
        result = self.publish(connected, "--customer", "anna@example.com", "--notice-type", colour)
        assert "is on the network's dashboards" in result.err
        page = Dashboard(wordpress, "anna").page()
        assert f'class="notice notice-{colour} is-dismissible ummsg-notice"' in page
        assert "<p>On <strong>Sunday</strong>.</p>" in page
        assert Dashboard(wordpress, "bo").notices() == []

    def test_who_closes_it_there_has_closed_it_here_after_a_sync(
        self, connected: Program, wordpress: WordPressNetwork
    ) -> None:
        self.publish(connected, "--product", "pro")
        anna = Dashboard(wordpress, "anna")
        assert anna.notices() == [1]
        anna.dismiss(1)
        connected("network", "sync")
        seen = {
            name: connected("notices", "list", "--customer", f"{name}@example.com", "--format", "ids").out.split()
            for name in ("anna", "bo")
        }
        assert seen == {"anna": [], "bo": ["1"]}
        connected("broadcast", "edit", 1, "--subject", "Maintenance again", "--reshow")
        assert anna.notices() == [1]
        connected("network", "sync")
        assert connected("notices", "list", "--customer", "anna@example.com", "--format", "ids").out.split() == ["1"]

    def test_withdrawn_or_ended_it_is_gone(self, connected: Program, wordpress: WordPressNetwork) -> None:
        self.publish(connected, "--everyone")
        bo = Dashboard(wordpress, "bo")
        assert bo.notices() == [1]
        assert connected("notices", "withdraw", 1, "--yes").code == 0
        assert bo.notices() == []
        said(wordpress, "DELETE", "/data")
        connected("network", "sync")
        assert bo.notices() == []

    def test_what_dashboards_have_lost_is_brought_back_by_a_sync(
        self, connected: Program, wordpress: WordPressNetwork
    ) -> None:
        self.publish(connected, "--everyone")
        said(wordpress, "DELETE", "/data")
        assert Dashboard(wordpress, "bo").notices() == []
        assert "did not hold what it should of notices 1" in connected("network", "sync").err
        assert Dashboard(wordpress, "bo").notices() == [1]

    def test_a_query_that_fails_there_is_no_end_of_the_customers(
        self, connected: Program, wordpress: WordPressNetwork
    ) -> None:
        breaking = wordpress.must_use / "breaking.php"
        breaking.write_text(
            "<?php add_filter('query', function ($query) {"
            " return strpos($query, 'wu_customers c WHERE') ? 'SELECT nonsense FROM nowhere' : $query; });"
        )
        try:
            result = connected("network", "sync")
        finally:
            breaking.unlink()
        assert result.code == 1
        assert "answered 500" in result.err
        assert re.search(r"^customers +0 +0 +2 +0 ", connected("network", "sync").out, re.M)

    def test_disconnecting_leaves_nothing_there(self, connected: Program, wordpress: WordPressNetwork) -> None:
        self.publish(connected, "--everyone")
        assert connected("network", "disconnect", "--yes").code == 0
        assert Dashboard(wordpress, "bo").notices() == []
        assert wordpress.sql("SHOW TABLES LIKE 'wp_ummsg%'") == []
