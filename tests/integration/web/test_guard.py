"""What holds of every answer, whoever asks and whatever for."""

import pytest
from starlette.testclient import TestClient

from tests.program import Program
from tests.web import bearer, publish, token
from ummsg.web.rates import Rates

EVERYWHERE = (
    *("/v1/notices", "/dashboard", "/u/x", "/ummsg-notices.js", "/page.css", "/openapi.json", "/healthz"),
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


def test_the_log_has_no_tokens_no_queries_and_no_lines_of_others(
    network: Program, web: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook, mine = token(network, "webhook"), token(network, "customer", "--customer", "1")
    capsys.readouterr()

    web.get("/dashboard", params={"token": mine})
    web.get("/v1/notices", headers=bearer(mine))
    web.post(f"/v1/events/payment_received/{webhook}", content=b"{}")
    web.get("/u/token-of-a-message")
    web.get(f"/mistyped/{webhook}")
    web.post("/v1/events/a%C2%9Bb%1b/x")

    log = capsys.readouterr().err
    assert not any(secret in log for secret in (webhook, mine, "umw_", "umc_", "token-of-a-message"))
    assert [line.split()[3:5] for line in log.splitlines()] == [
        ["/dashboard", "200"],
        ["/v1/notices", "200"],
        ["/v1/events/payment_received/***", "422"],
        ["/u/***", "404"],
        ["(no", "such"],
        ["/v1/events/a\\x9bb\\x1b/***", "401"],
    ]


def test_a_customer_who_asks_without_end_is_slowed_down_alone(network: Program, web: TestClient) -> None:
    publish(network, "--everyone")
    eager, other = (token(network, "customer", "--customer", ref) for ref in ("1", "2"))

    answers = [web.get("/v1/notices", headers=bearer(eager)) for _ in range(80)]

    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert web.get("/v1/notices", headers=bearer(other)).status_code == 200


def test_who_tries_tokens_is_slowed_down_and_keeps_nobody_out(network: Program, web: TestClient) -> None:
    forged = "umn_1_" + 24 * "ab"
    good = token(network, "network")

    statuses = [web.get("/v1/notices", headers=bearer(forged)).status_code for _ in range(40)]

    assert (statuses[0], statuses[-1]) == (401, 429)
    assert web.get("/v1/notices", params={"customer": "1"}, headers=bearer(good)).status_code == 200


def test_a_bucket_fills_again_and_who_asked_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    rates = Rates(2, 3, clock=lambda: now)

    assert [rates.wait("a") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    now = 0.75
    assert [rates.wait("a"), rates.wait("a")] == [0, 0.25]
    monkeypatch.setattr("ummsg.web.rates.MOST_KNOWN", 2)
    assert [rates.wait("b"), rates.wait("c"), rates.wait("a")] == [0, 0, 0]


def test_health_is_that_of_the_database_too(network: Program, web: TestClient) -> None:
    assert web.get("/healthz").json() == {"status": "ok"}

    network.execute("ALTER TABLE tokens RENAME TO gone")

    assert web.get("/healthz").status_code == 503


def test_the_feed_cannot_write(network: Program) -> None:
    import sqlite3

    from ummsg.store.feed import Feed

    feed = Feed(network.folder / "ummsg.db")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        feed._connection.execute("DELETE FROM customers")
    feed.close()


def test_what_is_too_large_is_refused_with_them_too(web: TestClient) -> None:
    answer = web.post("/u/x", content=600_000 * b"x", headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_says_nothing_and_has_them_too(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ummsg.services.feed.Feed.check", lambda self: 1 / 0)

    answer = web.get("/healthz")

    assert (answer.status_code, answer.json()["detail"]) == (500, "Something went wrong on the server")
    assert answer.headers["x-content-type-options"] == "nosniff"
