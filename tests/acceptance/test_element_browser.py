"""<ummsg-notices> in Chromium: on our own page, and on a page of somebody else with a strict policy."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.acceptance.processes import wait_for
from tests.program import Program
from tests.serving import Serving, serving
from tests.web import publish, token
from ummsg.vocabulary import NoticeType

COLOURS = {
    "success": "rgb(0, 163, 42)",
    "info": "rgb(114, 174, 230)",
    "warning": "rgb(219, 166, 23)",
    "error": "rgb(214, 54, 56)",
}
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2


@pytest.fixture
def server(network: Program) -> Iterator[Serving]:
    with serving(network) as running:
        yield running


@pytest.fixture
def look(network: Program, server: Serving, browser: Any) -> Iterator[Callable[..., Any]]:
    """The page that shows what a customer sees; everything that Chromium complains of fails the test."""
    contexts, complaints = [], []

    def look(customer: str = "anna@example.com", **how: Any) -> Any:
        text = token(network, "customer", "--customer", customer)
        contexts.append(browser.new_context(**how))
        page = contexts[-1].new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        with page.expect_response("**/v1/notices"):
            page.goto(f"{server.url}/dashboard?token={text}")
        return page

    yield look
    for context in contexts:
        context.close()
    assert complaints == []


def seen(page: Any) -> list[int]:
    found: list[int] = page.locator("ummsg-notices .notice").evaluate_all("items => items.map((it) => +it.dataset.id)")
    return found


def four(network: Program) -> list[int]:
    return [publish(network, "--customer", "anna@example.com", "--notice-type", kind) for kind in COLOURS]


def test_a_customer_sees_exactly_theirs_in_their_colours(network: Program, look: Callable[..., Any]) -> None:
    four(network)
    page = look()
    wait_for(lambda: len(seen(page)) == 4)

    shown = {
        (one.locator(".subject").inner_text(), one.evaluate("it => getComputedStyle(it).borderInlineStartColor"))
        for one in page.locator("ummsg-notices .notice").all()
    }

    words = {"success": "Success", "info": "Information", "warning": "Warning", "error": "Error"}
    assert shown == {(f"{words[kind]}: Hello", colour) for kind, colour in COLOURS.items()}
    assert page.locator("ummsg-notices .notice strong").first.inner_text() == "morning"
    look("bo@example.com").get_by_text("There are none now.").wait_for()


def test_closed_it_stays_closed_and_the_command_line_agrees(network: Program, look: Callable[..., Any]) -> None:
    first, second = publish(network, "--product", "pro"), publish(network, "--product", "pro")
    page = look()
    with page.expect_response("**/dismiss"):
        page.get_by_role("button", name="Close: Hello").first.click()
    wait_for(lambda: len(seen(page)) == 1)

    page.reload()

    wait_for(lambda: seen(page) == [first])
    others = look("bo@example.com")
    wait_for(lambda: seen(others) == [second, first])
    assert network("notices", "list", "--customer", "anna@example.com", "--format", "ids").out.split() == [str(first)]
    network("notices", "withdraw", first, "--yes")
    page.reload()
    page.get_by_text("There are none now.").wait_for()


def test_with_the_keyboard_alone(network: Program, look: Callable[..., Any]) -> None:
    four(network)
    page = look()
    wait_for(lambda: len(seen(page)) == 4)
    focused = "document.querySelector('ummsg-notices').shadowRoot.activeElement"
    page.keyboard.press("Tab")
    while page.evaluate(f"{focused}?.tagName") != "BUTTON":
        page.keyboard.press("Tab")

    for left, wanted in ((3, "BUTTON"), (2, "BUTTON"), (1, "BUTTON"), (0, "UL")):
        with page.expect_response("**/dismiss"):
            page.keyboard.press("Enter")
        wait_for(lambda left=left: len(seen(page)) == left)  # type: ignore[misc]
        wait_for(lambda wanted=wanted: page.evaluate(f"{focused}?.tagName") == wanted)  # type: ignore[misc]

    assert page.locator("ummsg-notices [role=status]").inner_text() == "Closed: Hello"
    assert network.rows("SELECT count(*) FROM dismissals") == [(4,)]


@pytest.mark.parametrize("colour", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_keeps_anybody_from_reading_it(
    network: Program, look: Callable[..., Any], colour: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for kind in NoticeType:
        publish(
            network,
            *("--everyone", "--notice-type", kind.value),
            subject=LONG,
            content=f"# {LONG}\n\nSee [the terms](https://example.com), and:\n\n- `{LONG}`\n",
        )
    page = look(color_scheme=colour, viewport={"width": width, "height": 700})
    wait_for(lambda: len(seen(page)) == 4)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(Axe().run(page)) == []


def test_an_answer_that_comes_late_brings_nothing_back(network: Program, look: Callable[..., Any]) -> None:
    first, second = (publish(network, "--customer", "anna@example.com") for _ in range(2))
    page = look()
    wait_for(lambda: seen(page) == [second, first])
    held: list[Any] = []
    page.route("**/v1/notices", lambda route: held.append(route), times=1)
    page.evaluate("void document.querySelector('ummsg-notices').refresh()")
    wait_for(lambda: bool(held) or page.wait_for_timeout(1))

    page.get_by_role("button", name="Close: Hello").first.click()
    with suppress(Exception):  # it was given up meanwhile
        held[0].continue_()

    wait_for(lambda: seen(page) == [first])
    with page.expect_response("**/v1/notices"):
        page.evaluate("void document.querySelector('ummsg-notices').refresh()")
    assert seen(page) == [first]


def test_another_customers_token_takes_the_notices_of_the_one_before_away(
    network: Program, look: Callable[..., Any]
) -> None:
    publish(network, "--customer", "anna@example.com")
    page = look()
    wait_for(lambda: len(seen(page)) == 1)
    page.route("**/v1/notices", lambda route: None)  # no answer comes
    others = token(network, "customer", "--customer", "bo@example.com")

    page.evaluate(f"document.querySelector('ummsg-notices').setAttribute('token', '{others}')")

    assert seen(page) == []


def test_a_subject_is_read_as_it_is(network: Program, look: Callable[..., Any]) -> None:
    publish(network, "--everyone", subject="Save $$ now: $& $' <b>")
    page = look()

    page.get_by_role("button", name="Close: Save $$ now: $& $' <b>", exact=True).wait_for()


def test_who_wants_no_motion_has_none(network: Program, look: Callable[..., Any]) -> None:
    publish(network, "--everyone")

    for wish, seconds in (("reduce", "0s"), ("no-preference", "0.15s")):
        item = look(reduced_motion=wish).locator("ummsg-notices .notice").first
        assert item.evaluate("it => getComputedStyle(it).transitionDuration") == seconds


def violations(found: Any) -> list[str]:
    return [f"{each['id']}: {each['help']}" for each in found.response["violations"]]


# On somebody else's page


@contextmanager
def embedding(page: str, policy: str) -> Iterator[str]:
    """Another origin, which serves this page with this policy."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Page, page.encode(), policy))
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}/"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


class _Page(BaseHTTPRequestHandler):
    def __init__(self, content: bytes, policy: str, *others: Any) -> None:
        self._content, self._policy = content, policy
        super().__init__(*others)

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 204)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", self._policy)
        self.end_headers()
        if self.path == "/":
            self.wfile.write(self._content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def strict(server: Serving) -> str:
    return f"default-src 'none'; script-src {server.url}; connect-src {server.url}"


def embedded(server: Serving, text: str, attributes: str = 'lang="en"') -> str:
    return (
        f"<!doctype html><html {attributes}><title>Their dashboard</title><main><h1>Theirs</h1>"
        f'<script src="{server.url}/ummsg-notices.js"></script>'
        f'<ummsg-notices token="{text}"></ummsg-notices></main>'
    )


def test_on_another_page_with_a_strict_policy(network: Program, server: Serving, browser: Any) -> None:
    four(network)
    text = token(network, "customer", "--customer", "anna@example.com")
    complaints: list[str] = []
    with embedding(embedded(server, text), strict(server)) as url:
        page = browser.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        with page.expect_response("**/v1/notices"):
            page.goto(url)
        page.locator("ummsg-notices .notice").first.wait_for()
        border = page.locator("ummsg-notices .notice").first.evaluate(
            "it => getComputedStyle(it).borderInlineStartColor"
        )
        with page.expect_response("**/dismiss"):
            page.get_by_role("button", name="Close: Hello").first.click()
        wait_for(lambda: len(seen(page)) == 3)
        page.close()

    assert complaints == []
    assert border == COLOURS["error"]


def test_from_right_to_left_and_in_swedish(network: Program, server: Serving, browser: Any) -> None:
    publish(network, "--everyone", subject="مرحبا", content="صباح الخير")
    text = token(network, "customer", "--customer", "1")
    with embedding(embedded(server, text, 'lang="sv" dir="rtl"'), strict(server)) as url:
        page = browser.new_page(viewport={"width": 600, "height": 400})
        page.goto(url)
        item = page.locator("ummsg-notices .notice")
        item.wait_for()
        button = page.get_by_role("button", name="Stäng: مرحبا").bounding_box()
        border = item.evaluate("it => getComputedStyle(it).borderRightColor")
        page.close()

    assert button["x"] < 60
    assert border == COLOURS["success"]


def test_an_expired_token_shows_nothing_and_says_so_and_a_new_one_works(
    network: Program, server: Serving, browser: Any
) -> None:
    publish(network, "--everyone")
    old, new = (token(network, "customer", "--customer", "1") for _ in range(2))
    with embedding(embedded(server, old), strict(server)) as url:
        page = browser.new_page()
        page.goto(url)
        page.locator("ummsg-notices .notice").wait_for()
        network("tokens", "revoke", "1", "--yes")
        status = page.evaluate(
            """() => new Promise((done) => {
                 const element = document.querySelector("ummsg-notices");
                 element.addEventListener("ummsg-error", (event) => done(event.detail.status), { once: true });
                 element.refresh();
               })"""
        )
        assert (status, seen(page)) == (401, [])
        page.evaluate(f"document.querySelector('ummsg-notices').setAttribute('token', '{new}')")
        page.locator("ummsg-notices .notice").wait_for()
        page.close()
