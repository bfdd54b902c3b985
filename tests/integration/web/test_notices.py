"""`/v1/notices`: exactly what that customer's dashboard shows, to whoever may see it and nobody else."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from tests.program import Program
from tests.web import bearer, publish, served, token

FORGED = "umc_1_" + 24 * "ab"


def shown(web: TestClient, text: str, **query: str) -> list[int]:
    answer = web.get("/v1/notices", params=query, headers=bearer(text))
    assert answer.status_code == 200, answer.text
    return [notice["id"] for notice in answer.json()["notices"]]


def test_a_customer_sees_what_the_command_line_says_they_see(network: Program, web: TestClient) -> None:
    publish(network, "--product", "pro")
    publish(network, "--product", "starter")
    publish(network, "--everyone", "--notice-type", "warning", "--ends", "2026-12-01T00:00+00:00")
    publish(network, "--customer", "anna@example.com")
    publish(network, "--everyone", "--starts", "2026-12-01T00:00+00:00")
    for customer in ("anna@example.com", "bo@example.com", "cleo@example.com", "dan@example.com"):
        listed = network("notices", "list", "--customer", customer, "--format", "json").out
        mine = token(network, "customer", "--customer", customer)

        answer = web.get("/v1/notices", headers=bearer(mine)).json()["notices"]

        keys = ("id", "notice_type", "subject", "html", "starts", "ends")
        assert answer == [{key: notice[key] for key in keys} for notice in json.loads(listed)]


@pytest.mark.parametrize("ref", ["anna@example.com", "ANNA@example.com ", "1"])
def test_a_network_token_asks_for_any_customer(network: Program, web: TestClient, ref: str) -> None:
    notice = publish(network, "--customer", "anna@example.com")

    assert shown(web, token(network, "network"), customer=ref) == [notice]
    assert shown(web, token(network, "network"), customer="bo@example.com") == []


def test_who_joins_a_product_sees_its_notice_and_who_leaves_does_not(network: Program, web: TestClient) -> None:
    notice = publish(network, "--product", "pro")
    mine = token(network, "customer", "--customer", "cleo@example.com")
    assert shown(web, mine) == []

    network.execute("UPDATE memberships SET status = 'active' WHERE customer_id = 3")
    assert shown(web, mine) == [notice]

    network.execute("UPDATE memberships SET status = 'cancelled' WHERE customer_id = 3")
    assert shown(web, mine) == []


def test_editing_and_withdrawing_take_effect_at_once(network: Program, web: TestClient) -> None:
    notice = publish(network, "--everyone")
    mine = token(network, "customer", "--customer", "1")

    edited = network("broadcast", "edit", notice, "--ends", "2026-11-24T00:00+00:00")
    assert edited.code == 0, edited.err
    assert shown(web, mine) == [notice]
    network.now += timedelta(days=1)
    assert shown(web, token(network, "customer", "--customer", "1")) == []

    lasting = publish(network, "--everyone")
    mine = token(network, "customer", "--customer", "1")
    assert shown(web, mine) == [lasting]
    assert network("notices", "withdraw", lasting, "--yes").code == 0
    assert shown(web, mine) == []


def test_an_etag_spares_the_answer_until_something_changes(network: Program, web: TestClient) -> None:
    publish(network, "--everyone")
    mine = token(network, "customer", "--customer", "1")
    tag = web.get("/v1/notices", headers=bearer(mine)).headers["etag"]

    for wanted in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = web.get("/v1/notices", headers=bearer(mine, **{"If-None-Match": wanted}))
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    publish(network, "--everyone")
    changed = web.get("/v1/notices", headers=bearer(mine, **{"If-None-Match": tag}))
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_answers_are_kept_for_nobody_else(network: Program, web: TestClient) -> None:
    answer = web.get("/v1/notices", headers=bearer(token(network, "customer", "--customer", "1")))

    assert answer.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in answer.headers["vary"]


def test_a_script_in_the_database_reaches_no_dashboard(network: Program, web: TestClient) -> None:
    notice = publish(network, "--everyone")
    network.execute(
        "UPDATE broadcasts SET html = '<p onclick=\"a()\">Hi<script>alert(1)</script><img src=x onerror=b()></p>'"
        f" WHERE id = {notice}"
    )

    answer = web.get("/v1/notices", headers=bearer(token(network, "customer", "--customer", "1"))).json()

    html = answer["notices"][0]["html"]
    assert "Hi" in html
    assert not any(word in html for word in ("script", "alert", "onclick", "onerror"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {FORGED}"},
        {"Authorization": "Bearer umc_999999999999999999_" + 24 * "ab"},
        {"Authorization": "Bearer umc_1_" + 24 * "ab" + "\u00e9"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
    ],
)
def test_what_is_no_token_opens_nothing(network: Program, web: TestClient, headers: dict[str, str]) -> None:
    token(network, "customer", "--customer", "1")

    answer = web.get("/v1/notices", headers={name: value.encode() for name, value in headers.items()})  # type: ignore[misc]

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["detail"] == "The token opens nothing here"


def test_a_token_is_of_one_kind_and_counts_whole(network: Program, web: TestClient) -> None:
    mine = token(network, "customer", "--customer", "1")
    kind, number, secret = mine.split("_")

    for text in (
        token(network, "webhook"),
        token(network, "signature"),
        f"umn_{number}_{secret}",
        f"{kind}_{number}_{secret[::-1]}",
        f"{kind}_{number}_{secret.upper()}",
        f"{kind}_0{number}_{secret}",
        mine[:-1],
    ):
        assert web.get("/v1/notices", headers=bearer(text)).status_code == 401, text


def test_a_token_in_the_query_opens_nothing(network: Program, web: TestClient) -> None:
    assert web.get("/v1/notices", params={"token": token(network, "network"), "customer": "1"}).status_code == 401


def test_a_customers_token_is_for_them_alone(network: Program, web: TestClient) -> None:
    publish(network, "--customer", "bo@example.com")
    mine = token(network, "customer", "--customer", "anna@example.com")

    assert shown(web, mine, customer="anna@example.com") == []
    for other in ("bo@example.com", "2", "nobody@example.com", ""):
        answer = web.get("/v1/notices", params={"customer": other}, headers=bearer(mine))
        assert answer.status_code == 403, other


def test_expired_revoked_and_of_a_deleted_customer_it_opens_nothing(network: Program, web: TestClient) -> None:
    expiring = token(network, "customer", "--customer", "1", "--expires", "1h")
    revoked = token(network, "network")
    deleted = token(network, "customer", "--customer", "5", "--expires", "30d")
    assert shown(web, expiring) == shown(web, revoked, customer="1") == shown(web, deleted) == []

    network.now += timedelta(hours=1)
    assert network("tokens", "revoke", revoked.split("_")[1], "--yes").code == 0
    assert network("customers", "delete", "eve@example.com", "--yes").code == 0

    for text in (expiring, revoked, deleted):
        assert web.get("/v1/notices", params={"customer": "1"}, headers=bearer(text)).status_code == 401


def test_a_customer_who_is_nobody_or_may_be_two_is_said(network: Program, web: TestClient) -> None:
    network.execute("UPDATE customers SET external_id = '77' WHERE id = 2")
    network.execute("UPDATE customers SET external_id = '2' WHERE id = 4")
    all_of_them = bearer(token(network, "network"))

    nobody = web.get("/v1/notices", params={"customer": "nobody@example.com"}, headers=all_of_them)
    two = web.get("/v1/notices", params={"customer": "2"}, headers=all_of_them)
    none = web.get("/v1/notices", headers=all_of_them)

    assert (nobody.status_code, two.status_code, none.status_code) == (404, 409, 422)
    assert two.json()["detail"] == "2 may mean more than one customer"


def test_dismissing_closes_it_for_one_customer_and_again_changes_nothing(network: Program, web: TestClient) -> None:
    notice = publish(network, "--everyone")
    mine, others = (token(network, "customer", "--customer", ref) for ref in ("1", "2"))

    for _ in range(2):
        assert web.post(f"/v1/notices/{notice}/dismiss", headers=bearer(mine)).status_code == 204

    assert (shown(web, mine), shown(web, others)) == ([], [notice])
    assert json.loads(network("notices", "show", notice, "--format", "json").out)["dismissed"] == 1


def test_what_is_not_on_a_dashboard_cannot_be_closed_there(network: Program, web: TestClient) -> None:
    others = publish(network, "--customer", "bo@example.com", subject="For Bo alone")
    mine = token(network, "customer", "--customer", "1")

    for number in (others, 999, 0, 2**63, "9" * 4400, "one", "²"):
        answer = web.post(f"/v1/notices/{number}/dismiss", headers=bearer(mine))
        assert (answer.status_code, "Bo" in answer.text) == (404, False)
    assert network.rows("SELECT * FROM dismissals") == []


def test_pages_of_other_origins_may_ask(network: Program, web: TestClient) -> None:
    asked = {
        "Origin": "https://dashboard.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    before = web.options("/v1/notices", headers=asked)
    answer = web.get(
        "/v1/notices", headers=bearer(token(network, "customer", "--customer", "1"), Origin="https://dashboard.example")
    )

    assert before.status_code == 200
    assert "Authorization" in before.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_server_gets_a_customers_token_for_their_browser(network: Program, web: TestClient) -> None:
    notice = publish(network, "--customer", "anna@example.com")
    servers = bearer(token(network, "network"))

    made = web.post("/v1/tokens", params={"customer": "anna@example.com"}, headers=servers)

    assert (made.status_code, made.json()["expires_at"]) == (201, "2026-11-24T12:00:00Z")
    assert shown(web, made.json()["token"]) == [notice]
    assert [row[0] for row in network.rows("SELECT note FROM tokens ORDER BY id")] == ["", "asked for with token 1"]


def test_only_a_server_gets_tokens_and_only_for_customers(network: Program, web: TestClient) -> None:
    mine = bearer(token(network, "customer", "--customer", "1"))
    servers = bearer(token(network, "network"))

    assert web.post("/v1/tokens", params={"customer": "1"}, headers=mine).status_code == 401
    assert web.post("/v1/tokens", params={"customer": "1"}).status_code == 401
    assert web.post("/v1/tokens", params={"customer": "nobody@example.com"}, headers=servers).status_code == 404
    assert web.post("/v1/tokens", headers=servers).status_code == 422
    assert len(network.rows("SELECT * FROM tokens")) == 2


def test_many_at_once_close_their_notices_and_none_is_lost(network: Program, web: TestClient) -> None:
    network.environ["UMMSG_DATABASE_URL"] = network.environ["UMMSG_DATABASE_URL"].replace("0.2", "15")
    notice = publish(network, "--everyone")
    tokens = [token(network, "customer", "--customer", str(number)) for number in (1, 2, 3, 4, 5)] * 8

    with served(network) as patient, ThreadPoolExecutor(40) as people:
        closing = [people.submit(patient.post, f"/v1/notices/{notice}/dismiss", headers=bearer(t)) for t in tokens]
        statuses = {answer.result().status_code for answer in closing}

    assert statuses == {204}
    assert len(network.rows("SELECT * FROM dismissals")) == 5
