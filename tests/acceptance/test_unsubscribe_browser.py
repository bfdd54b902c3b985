"""The page behind List-Unsubscribe in Chromium, without JavaScript."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.acceptance.test_element_browser import violations
from tests.integration.web.test_unsubscribing import SETTINGS, link, suppressed
from tests.program import Program
from tests.serving import serving


@pytest.fixture
def page_of(network: Program, browser: Any) -> Iterator[Callable[..., Any]]:
    network.environ |= {f"UMMSG_{name}": value for name, value in SETTINGS.items()}
    with serving(network) as server:
        contexts = []

        def opened(locale: str = "", javascript: bool = False, **how: Any) -> Any:
            network.execute(f"UPDATE customers SET locale = '{locale}' WHERE id = 1")
            contexts.append(browser.new_context(java_script_enabled=javascript, **how))
            page = contexts[-1].new_page()
            page.goto(server.url + link())
            return page

        yield opened
        for context in contexts:
            context.close()


@pytest.mark.parametrize(
    ("locale", "unsubscribe", "done", "again", "back"),
    [
        ("en_GB", "Unsubscribe", "You are unsubscribed.", "Subscribe again", "You are subscribed again."),
        ("sv_SE", "Avsluta prenumerationen", "är avslutad", "Prenumerera igen", "Du prenumererar igen."),
    ],
)
def test_away_and_back_by_the_keyboard(
    network: Program,
    page_of: Callable[..., Any],
    locale: str,
    unsubscribe: str,
    done: str,
    again: str,
    back: str,
) -> None:
    page = page_of(locale)
    assert suppressed(network) == []
    for button, said, number in ((unsubscribe, done, 1), (again, back, 0)):
        page.keyboard.press("Tab")
        page.get_by_role("button", name=button).press("Enter")
        page.get_by_text(said).wait_for()
        assert len(suppressed(network)) == number


@pytest.mark.parametrize("colour", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_keeps_anybody_from_reading_it(page_of: Callable[..., Any], colour: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = page_of("sv", javascript=True, color_scheme=colour, viewport={"width": width, "height": 700})
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(Axe().run(page)) == []
        page.get_by_role("button").click()
        page.get_by_role("button").wait_for()
