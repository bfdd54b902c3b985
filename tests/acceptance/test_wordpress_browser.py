"""What a customer sees and does on the dashboard of a real network, in Chromium."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.program import Program
from tests.wordpress_network import WordPressNetwork, lacking

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking())

COLOURS = {
    "success": "rgb(0, 163, 42)",
    "info": "rgb(114, 174, 230)",
    "warning": "rgb(219, 166, 23)",
    "error": "rgb(214, 54, 56)",
}


@pytest.fixture(scope="module")
def wordpress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPressNetwork]:
    network = WordPressNetwork(tmp_path_factory.mktemp("browser"), plugin=True)
    yield network
    network.close()


@pytest.fixture
def dashboard(browser: Any, wordpress: WordPressNetwork) -> Iterator[Callable[[str], Any]]:
    """The dashboard of somebody who logs in on their own site."""
    contexts = []

    def logged_in(name: str) -> Any:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.goto(f"{wordpress.url}/{name}/wp-login.php")
        page.fill("#user_login", name)
        page.fill("#user_pass", f"{name} password")
        page.click("#wp-submit")
        page.wait_for_url("**/wp-admin/**")
        page.goto(f"{wordpress.url}/{name}/wp-admin/")
        return page

    yield logged_in
    for context in contexts:
        context.close()


@pytest.fixture
def connected(ummsg: Program, wordpress: WordPressNetwork) -> Iterator[Program]:
    password = f"{wordpress.passwords['admin']}\n"
    assert ummsg("network", "connect", wordpress.url, "--user", "admin", stdin=password).code == 0
    assert ummsg("network", "sync").code == 0
    yield ummsg
    assert ummsg("network", "disconnect", "--yes").code == 0


def publish(program: Program, *options: object) -> None:
    text = ("--subject", "Maintenance", "--content", "On **Sunday**.", "--yes")
    assert program("broadcast", "new", "--type", "notice", *text, *options).code == 0


def seen(page: Any) -> list[int]:
    page.reload()
    return [int(one.get_attribute("data-ummsg-notice")) for one in page.locator(".ummsg-notice:visible").all()]


def test_the_customer_sees_exactly_theirs_in_the_right_colours(
    connected: Program, dashboard: Callable[[str], Any]
) -> None:
    for colour in COLOURS:
        publish(connected, "--customer", "anna@example.com", "--notice-type", colour)
    anna = dashboard("anna")
    shown = {
        (one.locator("strong").first.inner_text(), one.evaluate("it => getComputedStyle(it).borderLeftColor"))
        for one in anna.locator(".ummsg-notice:visible").all()
    }
    assert shown == {("Maintenance", colour) for colour in COLOURS.values()}
    assert seen(dashboard("bo")) == []


def test_closed_with_the_mouse_or_the_keyboard_it_stays_closed(
    connected: Program, dashboard: Callable[[str], Any]
) -> None:
    publish(connected, "--product", "pro")
    publish(connected, "--product", "pro")
    anna = dashboard("anna")
    with anna.expect_response("**/admin-ajax.php"):
        anna.locator("[data-ummsg-notice='1'] .notice-dismiss").click()
    with anna.expect_response("**/admin-ajax.php"):
        anna.locator("[data-ummsg-notice='2'] .notice-dismiss").press("Enter")
    assert seen(anna) == []
    assert seen(dashboard("bo")) == [2, 1]
    connected("network", "sync")
    listed = ("notices", "list", "--format", "ids", "--customer")
    assert connected(*listed, "anna@example.com").out.split() == []
    assert connected(*listed, "bo@example.com").out.split() == ["2", "1"]


def test_withdrawn_it_is_gone(connected: Program, dashboard: Callable[[str], Any]) -> None:
    publish(connected, "--everyone")
    anna = dashboard("anna")
    assert seen(anna) == [1]
    connected("notices", "withdraw", 1, "--yes")
    assert seen(anna) == []


def test_a_membership_that_expires_takes_its_notices_away_at_once(
    connected: Program, wordpress: WordPressNetwork, dashboard: Callable[[str], Any]
) -> None:
    publish(connected, "--product", "pro")
    bo = dashboard("bo")
    assert seen(bo) == [1]
    wordpress.sql("UPDATE wp_wu_memberships SET status = 'expired' WHERE id = 22")
    assert seen(bo) == []
    wordpress.sql("UPDATE wp_wu_memberships SET status = 'trialing' WHERE id = 22")
    assert seen(bo) == [1]
