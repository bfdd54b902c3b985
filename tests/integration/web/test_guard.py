"""What holds of every answer, whoever asks and whatever for."""

from collections.abc import Iterator
from functools import partial

import pytest
from starlette.testclient import TestClient

from tests.program import Program
from tests.web import bearer, publish, served, token
from ummsg.web.buckets import Buckets

EVERYWHERE = (
    *("/v1/notices", "/dashboard", "/u/x", "/ummsg-notices.js", "/u/page.css", "/openapi.json", "/healthz"),
    *("/nowhere", "/v1/events/x", "/v1/notices/x/dismiss", "/v1/notices/1/dismiss"),
)


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_has_its_security_headers(web: TestClient, path: str) -> None:
    headers = web.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; frame-ancestors 'none'")
    assert "unsafe" not in policy
    assert "server" not in headers


def test_the_element_may_be_loaded_by_any_page(web: TestClient) -> None:
    answer = web.get("/ummsg-notices.js")

    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["etag"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("PUT", "/v1/notices", "GET"), ("GET", "/v1/events/x", "POST")]
)
def test_another_method_is_told_which_there_are(web: TestClient, method: str, path: str, allowed: str) -> None:
    answer = web.request(method, path)

    assert answer.status_code == 405
    assert allowed in answer.headers["allow"]


def test_the_log_has_no_tokens_wherever_they_were_put_no_queries_and_no_lines_of_others(
    network: Program, web: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook, mine = token(network, "webhook"), token(network, "customer", "--customer", "1")
    capsys.readouterr()

    web.get("/dashboard", params={"token": mine})
    web.get("/v1/notices", headers=bearer(mine))
    web.post(f"/v1/events/payment_received/{webhook}", content=b"{}")
    web.get("/u/token-of-a-message")
    web.post("/v1/notices/12/dismiss", headers=bearer(mine))
    for path in (
        f"/mistyped/{webhook}",
        f"/v1/events/payment_received/{webhook}/",
        f"/v1/events/{webhook}",
        f"/v1/events/{webhook}/payment_received",
        f"/v1/event/payment_received/{webhook}",
        f"/v1//events/payment_received/{webhook}",
        f"/v1/notices/{mine}",
        f"/v1/notices/{mine}/dismiss",
        f"/v1/notices%3Ftoken={mine}",
        "/v1/events/a%C2%9Bb%1b/x",
    ):
        web.post(path)
        web.options(path, headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"})

    log = capsys.readouterr().err
    assert not any(secret in log for secret in (webhook, mine, "umw_", "umc_", "token-of-a-message"))
    paths = [line.split()[3] for line in log.splitlines()]
    assert paths[:5] == [
        *("/dashboard", "/v1/notices", "/v1/events/payment_received/***", "/u/***", "/v1/notices/12/dismiss"),
    ]
    assert all(line.isascii() and line.isprintable() for line in log.splitlines())


@pytest.fixture
def at_once(network: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """However long the test takes, for the server no time goes by between two questions."""
    monkeypatch.setattr("ummsg.web.access.Buckets", partial(Buckets, clock=lambda: 0.0))
    with served(network) as client:
        yield client


def test_a_customer_who_asks_without_end_is_slowed_down_alone(network: Program, at_once: TestClient) -> None:
    publish(network, "--everyone")
    eager, other = (token(network, "customer", "--customer", ref) for ref in ("1", "2"))

    answers = [at_once.get("/v1/notices", headers=bearer(eager)) for _ in range(51)]

    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert at_once.get("/v1/notices", headers=bearer(other)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("GET", "/v1/notices", 401),
        ("POST", "/v1/events/payment_received", 401),
        ("POST", "/v1/events/payment_received/umw_1_" + 24 * "ab", 401),
        ("GET", "/u/forged", 404),
        ("GET", "/dashboard?token=forged", 401),
    ],
)
def test_who_tries_tokens_is_slowed_down_and_keeps_nobody_out(
    network: Program, at_once: TestClient, method: str, path: str, refused: int
) -> None:
    good = token(network, "network")

    statuses = [at_once.request(method, path).status_code for _ in range(21)]

    assert statuses == [refused] * 20 + [429]
    assert at_once.get("/v1/notices", params={"customer": "1"}, headers=bearer(good)).status_code == 200


def test_a_network_token_opens_no_page(network: Program, web: TestClient) -> None:
    assert web.get("/dashboard", params={"token": token(network, "network")}).status_code == 401


def test_a_bucket_fills_again_and_who_asked_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    buckets = Buckets(2, 3, clock=lambda: now)

    assert [buckets.wait("a") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    now = 0.75
    assert [buckets.wait("a"), buckets.wait("a")] == [0, 0.25]
    monkeypatch.setattr("ummsg.web.buckets.MOST_KNOWN", 2)
    assert [buckets.wait("b"), buckets.wait("c"), buckets.wait("a")] == [0, 0, 0]


def test_health_is_that_of_the_database_too(network: Program, web: TestClient) -> None:
    assert web.get("/healthz").json() == {"status": "ok"}

    network.execute("ALTER TABLE tokens RENAME TO gone")

    assert web.get("/healthz").status_code == 503


def test_a_replaced_database_is_noticed_and_a_missing_one_is_said(network: Program, web: TestClient) -> None:
    text = token(network, "network")
    ask = partial(web.get, "/v1/notices", params={"customer": "1"}, headers=bearer(text))
    assert ask().json() == {"notices": []}
    database = network.folder / "ummsg.db"
    network.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = database.read_bytes()
    notice = publish(network, "--everyone")
    mine = token(network, "customer", "--customer", "1")

    database.rename(network.folder / "aside.db")
    assert (ask().status_code, web.get("/healthz").status_code) == (503, 503)
    assert web.post(f"/v1/notices/{notice}/dismiss", headers=bearer(mine)).status_code == 503
    assert not database.exists()

    for name in ("ummsg.db-wal", "ummsg.db-shm"):
        (network.folder / name).unlink(missing_ok=True)
    database.write_bytes(backup)
    assert ask().json() == {"notices": []}
    assert web.get("/v1/notices", headers=bearer(mine)).status_code == 401
    assert web.post("/v1/tokens", params={"customer": "1"}, headers=bearer(text)).status_code == 201
    assert network.rows("SELECT count(*) FROM tokens WHERE kind = 'customer'") == [(1,)]


def test_what_is_too_large_is_refused_with_them_too(web: TestClient) -> None:
    answer = web.post("/u/x", content=600_000 * b"x", headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_says_nothing_and_has_them_too(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ummsg.services.feed.Feed.check", lambda self: 1 / 0)

    answer = web.get("/healthz")

    assert (answer.status_code, answer.json()["detail"]) == (500, "Something went wrong on the server")
    assert answer.headers["x-content-type-options"] == "nosniff"
