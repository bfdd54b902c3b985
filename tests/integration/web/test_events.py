"""`/v1/events`: what the network says has happened, once, by whoever may say it."""

import json
import sqlite3
from base64 import b64decode, b64encode
from datetime import timedelta
from hmac import digest
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.program import Program
from tests.system_emails import PAYMENT, install
from tests.web import token
from ummsg.domain.webhook import signing_key, signing_secret
from ummsg.store.engine import open_store

BODY = json.dumps(PAYMENT | {"wu_version": "2.4.13"}).encode()


def send(web: TestClient, secret: str, body: bytes = BODY, slug: str = "payment_received") -> Any:
    return web.post(f"/v1/events/{slug}/{secret}", content=body)


def signed(secret: str, program: Program, body: bytes = BODY, **changes: str) -> dict[str, str]:
    """The headers of Standard Webhooks, made from their specification."""
    said = {"id": "msg_1", "timestamp": str(int(program.now.timestamp()))} | changes
    key = b64decode(secret.removeprefix("whsec_"))
    made = b64encode(digest(key, f"{said['id']}.{said['timestamp']}.".encode() + body, "sha256")).decode()
    return {f"webhook-{name}": value for name, value in ({"signature": f"v1,{made}"} | said).items()}


def send_signed(web: TestClient, headers: dict[str, str], body: bytes = BODY, slug: str = "payment_received") -> Any:
    return web.post(f"/v1/events/{slug}", content=body, headers=headers)


def events(program: Program) -> int:
    return int(program.rows("SELECT count(*) FROM events")[0][0])


def test_a_webhook_of_ultimate_multisite_is_fired_as_by_hand(network: Program, web: TestClient) -> None:
    install(network)

    answer = send(web, token(network, "webhook"))

    assert (answer.status_code, answer.json()) == (202, {"event": "payment_received", "id": 1, "repeated": False})
    assert network.rows("SELECT email, status FROM deliveries") == [("anna@example.com", "queued")]
    assert network("outbox", "run").code == 0
    assert network.rows("SELECT status FROM deliveries") == [("sent",)]


def test_a_webhook_twice_is_one_event_and_later_it_is_another(network: Program, web: TestClient) -> None:
    secret = token(network, "webhook")
    send(web, secret)

    for _ in range(2):
        network.now += timedelta(minutes=2, seconds=29)
        again = send(web, secret)
        assert (again.status_code, again.json()["id"], again.json()["repeated"]) == (200, 1, True)
    network.now += timedelta(minutes=10)

    assert send(web, secret).json() == {"event": "payment_received", "id": 2, "repeated": False}
    assert send(web, secret, BODY.replace(b"REF-7", b"REF-8")).json()["id"] == 3
    assert events(network) == 3


def test_a_signed_event_is_known_by_its_id_whenever_it_comes(network: Program, web: TestClient) -> None:
    install(network)
    secret = token(network, "signature")
    late = {"id": "msg_late", "timestamp": str(int(network.now.timestamp()) - 240)}

    for headers in (signed(secret, network), signed(secret, network, **late)):
        assert send_signed(web, headers).status_code == 202
    network.now += timedelta(hours=1)
    for number in ("msg_1", "msg_late"):  # sent again by somebody who had no answer
        assert send_signed(web, signed(secret, network, id=number)).status_code == 200

    assert events(network) == 2
    assert len(network.rows("SELECT * FROM deliveries")) == 2


def test_one_id_with_two_payloads_is_refused(network: Program, web: TestClient) -> None:
    secret = token(network, "signature")
    send_signed(web, signed(secret, network))
    other = BODY.replace(b"REF-7", b"REF-8")

    assert send_signed(web, signed(secret, network, other), other).status_code == 422
    assert events(network) == 1


def test_a_sender_may_change_its_secret_without_a_gap(network: Program, web: TestClient) -> None:
    old, new = token(network, "signature"), token(network, "signature")
    both = signed(old, network)
    both["webhook-signature"] = (
        f"v2,abc v1,!! {signed('whsec_AAAA', network)['webhook-signature']} " + both["webhook-signature"]
    )

    assert send_signed(web, both).status_code == 202
    assert network("tokens", "revoke", "1", "--yes").code == 0
    assert send_signed(web, signed(old, network, id="msg_2")).status_code == 401
    assert send_signed(web, signed(new, network, id="msg_2")).status_code == 202


def test_what_is_not_signed_right_is_not_taken(network: Program, web: TestClient) -> None:
    secret = token(network, "signature")
    now = int(network.now.timestamp())
    good = signed(secret, network)
    for headers in (
        {},
        {name: value for name, value in good.items() if name != "webhook-id"},
        signed(secret, network, timestamp=str(now - 301)),
        signed(secret, network, timestamp=str(now + 301)),
        signed(secret, network, timestamp="soon"),
        signed(secret, network, timestamp="1" * 30),
        signed(secret, network, timestamp="999999999999"),
        signed(secret, network, BODY + b" "),
        good | {"webhook-id": "msg_2"},
        good | {"webhook-timestamp": str(now + 1)},
        good | {"webhook-signature": good["webhook-signature"].removeprefix("v1,")},
        signed("whsec_" + b64encode(32 * b"x").decode(), network),
    ):
        assert send_signed(web, headers).status_code == 401, headers

    assert events(network) == 0


def test_who_has_the_database_and_not_the_key_signs_nothing(network: Program, web: TestClient) -> None:
    secret = token(network, "signature")
    found = open_store(network.environ["UMMSG_DATABASE_URL"])
    with found.read() as tx:
        kept = tx.tokens.get(1)
    found.close()
    forged = signing_secret(signing_key(b"a guess", kept))

    assert send_signed(web, signed(forged, network)).status_code == 401
    assert send_signed(web, signed(secret, network)).status_code == 202


def test_what_was_overheard_is_not_fired_under_another_name(network: Program, web: TestClient) -> None:
    headers = signed(token(network, "signature"), network)
    assert send_signed(web, headers).status_code == 202

    again = send_signed(web, headers, slug="renewal_payment_created")

    assert (again.status_code, again.json()["detail"]) == (
        422,
        "That is an event payment_received already; nothing was stored",
    )
    assert events(network) == 1


@pytest.mark.parametrize("kind", ["network", "signature", "forged", "revoked"])
def test_only_a_live_webhook_token_opens_the_way(network: Program, web: TestClient, kind: str) -> None:
    secret = "umw_1_" + 24 * "ab" if kind == "forged" else token(network, "webhook" if kind == "revoked" else kind)
    if kind == "revoked":
        network("tokens", "revoke", "1", "--yes")

    assert send(web, secret.replace("/", "")).status_code == 401
    assert events(network) == 0


@pytest.mark.parametrize(
    ("slug", "body", "status"),
    [
        ("site_published", BODY, 422),  # another event's
        ("no_such_event", BODY, 404),
        ("payment_received", b"{", 422),
        ("payment_received", b"", 422),
        ("payment_received", b"[1]", 422),
        ("payment_received", b"\xff\xfe", 422),
        ("payment_received", b'{"payment_id": 1, "payment_id": 2}', 422),
        ("payment_received", b"[" * 50_000, 422),
        ("payment_received", json.dumps(PAYMENT | {"payment_total": {"a": 1}}).encode(), 422),
        ("payment_received", json.dumps({"payment_id": "x" * 600_000}).encode(), 413),
    ],
)
def test_a_body_that_is_not_the_events_is_refused(
    network: Program, web: TestClient, slug: str, body: bytes, status: int
) -> None:
    answer = send(web, token(network, "webhook"), body, slug)

    assert answer.status_code == status, answer.text
    assert events(network) == 0


def test_everything_that_is_wrong_is_said(network: Program, web: TestClient) -> None:
    answer = send(web, token(network, "webhook"), b'{"payment_id": "seven"}')

    assert answer.headers["content-type"] == "application/problem+json"
    assert "payment_id" in str(answer.json()["details"])
    assert "payment_total" in str(answer.json()["details"])


def test_what_the_operator_has_to_mend_is_not_told_to_the_sender(
    network: Program, web: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    install(network)
    secret = token(network, "webhook")
    network.execute("ALTER TABLE events RENAME TO gone")

    answer = send(web, secret)

    assert (answer.status_code, "events" in answer.text) == (503, False)
    assert "is not a database of ummsg" in capsys.readouterr().err


def test_a_busy_database_says_when_to_come_back(
    network: Program, web: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = token(network, "webhook")
    other = sqlite3.connect(network.folder / "ummsg.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = send(web, secret)
    finally:
        other.close()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert str(network.folder) not in answer.text
    assert "is locked by" in capsys.readouterr().err
    assert send(web, secret).status_code == 202
