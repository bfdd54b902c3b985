"""`/u/{token}`: by one click (RFC 8058) or by a reader; never by looking."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.program import Program
from tests.unit.mail.settings import settings
from tests.web import served
from ummsg.mail.unsubscribe import Unsubscribing

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
AGAIN = {"resubscribe": "yes"}
SETTINGS = {"SECRET_KEY": "a secret of the tests", "UNSUBSCRIBE_URL": "https://example.com/u"}


@pytest.fixture
def web(network: Program) -> Iterator[TestClient]:
    with served(network, **SETTINGS) as client:
        yield client


def link(address: str = "anna@example.com", customer_id: int = 1, **changes: str) -> str:
    """Where List-Unsubscribe of a message leads, on this server."""
    url = Unsubscribing.from_settings(settings(**SETTINGS | changes)).addresses(7, customer_id, address)[0]
    return url.removeprefix("https://example.com")


def suppressed(network: Program) -> list[tuple[str, str]]:
    return network.rows("SELECT email, reason FROM suppressions")


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
def test_a_mailbox_provider_unsubscribes_by_one_click(network: Program, web: TestClient, form: str) -> None:
    body = {"data": ONE_CLICK} if form == "urlencoded" else {"files": {"List-Unsubscribe": (None, "One-Click")}}
    for _ in range(2):
        answer = web.post(link(), **body, follow_redirects=False)  # type: ignore[arg-type]
        assert answer.status_code == 200

    assert suppressed(network) == [("anna@example.com", "unsubscribed from broadcast 7")]
    new = ("broadcast", "new", "--type", "email", "--product", "pro", "--subject", "Hi", "--content", "Hello", "--yes")
    assert network(*new).code == 0
    assert network.rows("SELECT email, status FROM deliveries ORDER BY email") == [
        ("anna@example.com", "suppressed"),
        ("bo@example.com", "sent"),
    ]


def test_looking_at_the_page_unsubscribes_nobody(network: Program, web: TestClient) -> None:
    for method in ("GET", "HEAD"):
        assert web.request(method, link()).status_code == 200
    for body in ({}, {"List-Unsubscribe": "one-click"}, {"List-Unsubscribe": ""}, {"resubscribe": "no"}):
        assert web.post(link(), data=body).status_code == 422

    assert suppressed(network) == []


def test_who_unsubscribed_may_come_back(network: Program, web: TestClient) -> None:
    web.post(link(), data=ONE_CLICK)
    assert "Subscribe again" in web.get(link()).text

    back = web.post(link(), data=AGAIN).text

    assert "You are subscribed again." in back
    assert suppressed(network) == []
    assert 'value="One-Click"' in back


def test_whom_a_bounce_or_an_admin_suppressed_stays_so(network: Program, web: TestClient) -> None:
    network("suppressions", "add", "anna@example.com", "--reason", "5.1.1 no such user")

    page = web.get(link()).text
    again = web.post(link(), data=AGAIN).text
    web.post(link(), data=ONE_CLICK)

    assert "We do not mail this address." in page
    assert "Subscribe again" not in page + again
    assert suppressed(network) == [("anna@example.com", "5.1.1 no such user")]


@pytest.mark.parametrize(
    ("locale", "network_locale", "language"),
    [("sv", "en", "sv"), ("sv_SE", "en", "sv"), ("de_DE", "sv", "en"), ("", "sv", "sv"), ("", "en", "en")],
)
def test_the_page_speaks_the_customers_language(
    network: Program, locale: str, network_locale: str, language: str
) -> None:
    network.execute(f"UPDATE customers SET locale = '{locale}' WHERE id = 1")
    with served(network, **SETTINGS, LOCALE=network_locale) as web:
        page = web.get(link()).text

    assert f'<html lang="{language}">' in page
    assert ("Avsluta" if language == "sv" else "Unsubscribe") in page


def test_the_page_hints_at_the_address_and_needs_no_script(network: Program, web: TestClient) -> None:
    page = web.get(link()).text

    assert "a…@example.com" in page
    assert "Example Network" in page
    assert "anna" not in page
    assert "<script" not in page


def test_who_is_not_a_customer_any_more_may_still_unsubscribe(network: Program, web: TestClient) -> None:
    network("customers", "delete", "eve@example.com", "--yes")

    assert web.post(link("eve@example.com", 5), data=ONE_CLICK).status_code == 200
    assert [email for email, _ in suppressed(network)] == ["eve@example.com"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path", ["/u/nonsense", link(SECRET_KEY="another"), link()[:-1], link() + "x", "/u/%00", "/u/…"]
)
def test_a_forged_link_does_nothing(network: Program, web: TestClient, method: str, path: str) -> None:
    answer = web.request(method, path, data=ONE_CLICK if method == "POST" else None)

    assert answer.status_code == 404
    assert "This link does not work" in answer.text
    assert suppressed(network) == []


def test_a_forged_link_is_answered_in_the_browsers_language(network: Program, web: TestClient) -> None:
    assert "Länken fungerar inte" in web.get("/u/x", headers={"Accept-Language": "sv-SE,sv;q=0.9,en;q=0.8"}).text


def test_a_form_in_an_encoding_that_is_none_is_refused(network: Program, web: TestClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    for charset in ("undefined", "no-such-thing"):
        answer = web.post(
            link(), content=body, headers={"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
        )
        assert answer.status_code in (400, 422), charset
    assert suppressed(network) == []
