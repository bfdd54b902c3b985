"""ummsg tokens: made once, shown once, revoked for good."""

import json
from datetime import timedelta

import pytest

from tests.program import Program
from tests.web import token


@pytest.mark.parametrize(("kind", "beginning"), [("network", "umn_1_"), ("webhook", "umw_1_"), ("signature", "whsec_")])
def test_a_token_is_all_that_goes_to_stdout_and_is_not_stored(network: Program, kind: str, beginning: str) -> None:
    made = network("tokens", "create", kind)

    assert (made.code, made.out.count("\n")) == (0, 1)
    assert made.out.startswith(beginning)
    secret = made.out.strip().removeprefix(beginning)
    assert secret not in network.dump() + made.err
    assert secret not in network("tokens", "list", "--format", "json").out


def test_a_customers_expires_after_a_day_unless_told(network: Program) -> None:
    token(network, "customer", "--customer", "anna@example.com", "--note", "a look")
    token(network, "customer", "--customer", "1", "--expires", "2h")

    listed = json.loads(network("tokens", "list", "--format", "json").out)

    assert [each["expires_at"] for each in listed] == ["2026-11-24T12:00:00Z", "2026-11-23T14:00:00Z"]
    assert (listed[0]["customer"], listed[0]["note"], listed[0]["state"]) == ("anna@example.com", "a look", "live")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["customer"], "for one customer"),
        (["network", "--customer", "1"], "for one customer"),
        (["customer", "--customer", "nobody@example.com"], "There is no customer"),
        (["network", "--expires", "0"], "from a minute"),
        (["network", "--expires", "99999d"], "to ten years"),
        (["network", "--expires", "soon"], "no length of time"),
        (["network", "--note", "a\nb"], "note: has a line break"),
        (["admin"], "admin"),
    ],
)
def test_what_makes_no_sense_makes_no_token(network: Program, options: list[str], said: str) -> None:
    refused = network("tokens", "create", *options)

    assert refused.code == 2
    assert said in refused.err
    assert network.rows("SELECT * FROM tokens") == []


def test_revoking_asks_and_is_for_good(network: Program) -> None:
    token(network, "network")

    assert network("tokens", "revoke", "1").code == 2
    assert "opens nothing any more" in network("tokens", "revoke", "1", "--yes").err
    assert "was revoked before" in network("tokens", "revoke", "1", "--yes").err
    assert json.loads(network("tokens", "list", "--format", "json").out)[0]["state"] == "revoked"
    assert network("tokens", "revoke", "2", "--yes").code == 2


def test_what_has_expired_long_ago_is_forgotten(network: Program) -> None:
    token(network, "customer", "--customer", "1")
    network.now += timedelta(days=9)
    token(network, "customer", "--customer", "1")

    assert network.rows("SELECT id FROM tokens") == [(2,)]
