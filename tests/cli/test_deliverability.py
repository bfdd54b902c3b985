"""doctor --deliverability, against a real DNS server on loopback."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from tests.dns_server import BROKEN, SILENT, DnsServer
from tests.program import Program
from ummsg.mail.dns_records import DnsRecords
from ummsg.runtime import Runtime

SPF = "v=spf1 include:_spf.example.net -all"
DMARC = "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"


def text(*strings: str) -> str:
    """One TXT record, in strings of at most 255 bytes as the DNS has them."""
    return " ".join(f'"{part[at : at + 255]}"' for part in strings for at in range(0, max(len(part), 1), 255))


def key(size: int = 294, **more: str) -> str:
    return "; ".join(
        f"{k}={v}" for k, v in {"v": "DKIM1", "k": "rsa", "p": b64encode(b"k" * size).decode(), **more}.items()
    )


GOOD: Mapping[str, Mapping[str, list[str]]] = {
    "example.com": {"TXT": [text(SPF), text("something else")], "MX": ["20 b.example.com.", "10 a.example.com."]},
    "sel._domainkey.example.com": {"TXT": [text(key())]},
    "_dmarc.example.com": {"TXT": [text(DMARC)]},
}


def examine(program: Program, zone: Mapping[str, Any], *, fault: str = "") -> tuple[int, dict[str, str], str]:
    """The exit code, the findings by name, and everything that was printed."""
    for name, value in (
        ("DKIM_SELECTOR", "sel"),
        ("UNSUBSCRIBE_URL", "https://example.com/u"),
        ("BOUNCE_ADDRESS", "bounces@example.com"),
    ):
        program.environ.setdefault(f"UMMSG_{name}", value)
    with DnsServer(zone, fault=fault) as server:

        def at_the_test_server(runtime: Runtime) -> None:
            runtime.__dict__["dns"] = DnsRecords("127.0.0.1", server.port, patience=0.5)

        result = program("doctor", "--deliverability", set_up=at_the_test_server)
    lines = [line for line in result.out.splitlines() if not line.startswith(" ")]
    found = {line[8:19].strip(): f"{line[:8].strip()}: {line[19:]}" for line in lines}
    return result.code, found, result.out + result.err


def changed(**zone: Any) -> dict[str, Any]:
    """GOOD, with other records: `spf`, `dkim`, `dmarc`, `mx`, each a list; empty for none."""
    new = {name: dict(records) for name, records in GOOD.items()}
    for field, (name, kind) in {
        "spf": ("example.com", "TXT"),
        "dkim": ("sel._domainkey.example.com", "TXT"),
        "dmarc": ("_dmarc.example.com", "TXT"),
        "mx": ("example.com", "MX"),
    }.items():
        if field in zone:
            new[name][kind] = zone[field] if kind == "MX" else [text(record) for record in zone[field]]
    return new


def test_all_is_well(network: Program) -> None:
    code, found, out = examine(network, GOOD)

    assert code == 0, out
    assert [finding.partition(":")[0] for finding in found.values()] == ["ok"] * 6
    assert list(found) == ["SPF", "DKIM", "DMARC", "MX", "bounces", "one-click"]
    assert SPF in found["SPF"]
    assert "a.example.com, b.example.com" in found["MX"]


@pytest.mark.parametrize(
    ("records", "says", "do"),
    [
        ([], "missing: example.com does not say", "publish a TXT record at example.com"),
        ([SPF, "v=spf1 -all"], "missing: example.com has 2 SPF records", "join them"),
        (["v=spf1 " + "a " * 11 + "-all"], "missing: the SPF record of example.com takes 11", "includes"),
        (["v=spf1 +all"], "warning: the SPF record of example.com lets every server", "-all"),
        (["v=spf1 ip4:192.0.2.1"], "warning: the SPF record of example.com lets every server", "-all"),
        (["v=spf1 redirect=x.example"], "ok: example.com says", ""),
    ],
)
def test_spf(network: Program, records: list[str], says: str, do: str) -> None:
    code, found, out = examine(network, changed(spf=records))

    assert found["SPF"].startswith(says)
    assert do in out
    assert code == (4 if says.startswith("missing") else 0)


def test_spf_is_looked_up_for_the_envelopes_domain(network: Program) -> None:
    network.environ["UMMSG_BOUNCE_ADDRESS"] = "b@bounces.example.net"
    zone = {**GOOD, "bounces.example.net": {"TXT": [text(SPF)], "MX": ["10 mx.example.net."]}}

    code, found, _ = examine(network, zone)

    assert code == 0
    assert found["SPF"].startswith("warning: bounces.example.net:")
    assert "DMARC rests on DKIM alone" in found["SPF"]
    assert "mx.example.net" in found["MX"]


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([], "missing: there is no key at sel._domainkey.example.com"),
        (["v=DKIM1; k=rsa"], "missing: there is no key at"),
        (["v=DKIM1; p="], "missing: the key at sel._domainkey.example.com is revoked"),
        (["v=DKIM1; p=???"], "missing: what stands at sel._domainkey.example.com is no key"),
        ([key(100)], "missing: the key at sel._domainkey.example.com has less than 1024 bits"),
        ([key(162)], "warning: the key at sel._domainkey.example.com has less than 2048 bits"),
        ([key(t="y:s")], "warning: the key at sel._domainkey.example.com says that it is a trial"),
        ([key(32, k="ed25519")], "ok: there is a key"),
    ],
)
def test_dkim(network: Program, records: list[str], says: str) -> None:
    code, found, _ = examine(network, changed(dkim=records))

    assert found["DKIM"].startswith(says)
    assert code == (4 if says.startswith("missing") else 0)


def test_without_a_selector_nothing_is_said_about_the_key(network: Program) -> None:
    network.environ["UMMSG_DKIM_SELECTOR"] = ""

    code, found, out = examine(network, GOOD)

    assert code == 0
    assert found["DKIM"].startswith("warning: the selector")
    assert "UMMSG_DKIM_SELECTOR" in out


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([], "missing: example.com does not say what becomes"),
        ([DMARC, "v=DMARC1; p=none"], "missing: _dmarc.example.com has 2 DMARC records"),
        (["v=DMARC1; rua=mailto:x@example.com"], "missing: the DMARC record at _dmarc.example.com has no policy"),
        (["v=DMARC1; p=none"], "ok: _dmarc.example.com only watches"),
        (["v=DMARC1; p=Quarantine"], "ok: _dmarc.example.com says"),
    ],
)
def test_dmarc(network: Program, records: list[str], says: str) -> None:
    code, found, _ = examine(network, changed(dmarc=records))

    assert found["DMARC"].startswith(says)
    assert code == (4 if says.startswith("missing") else 0)


def test_a_policy_of_the_domain_above_counts(network: Program) -> None:
    network.environ["UMMSG_FROM"] = "hello@news.example.com"

    _, found, _ = examine(network, GOOD)

    assert found["DMARC"].startswith("ok: _dmarc.example.com says")


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        (changed(mx=["0 ."]), "missing: example.com says that it takes no mail"),
        (changed(mx=[]), "missing: example.com cannot take mail"),
        (
            {**GOOD, "example.com": {"TXT": [text(SPF)], "AAAA": ["2001:db8::1"]}},
            "warning: example.com has no MX record",
        ),
    ],
)
def test_mx(network: Program, zone: Mapping[str, Any], says: str) -> None:
    _, found, _ = examine(network, zone)

    assert found["MX"].startswith(says)


@pytest.mark.parametrize("fault", [SILENT, BROKEN])
def test_where_the_dns_does_not_answer_nothing_is_claimed(network: Program, fault: str) -> None:
    code, found, out = examine(network, GOOD, fault=fault)

    assert code == 1
    for name in ("SPF", "DKIM", "DMARC", "MX"):
        assert found[name].startswith("unknown: the DNS did not answer, so nothing is known"), out
    assert "publish" not in out


def test_what_the_dns_says_does_not_reach_the_terminal(network: Program) -> None:
    zone = changed(spf=[r"v=spf1 \027[2J\155 " + "x" * 3_000 + " -all"])

    _, found, out = examine(network, zone)

    assert "v=spf1" in found["SPF"]
    assert not set(out) & set("\x1b\x9b")
    assert len(found["SPF"]) < 400


def test_settings_that_are_not_there_are_named(network: Program) -> None:
    network.environ |= {"UMMSG_FROM": "", "UMMSG_BOUNCE_ADDRESS": "", "UMMSG_UNSUBSCRIBE_URL": ""}

    code, found, out = examine(network, GOOD)

    assert code == 4
    assert found["SPF"].startswith("missing: nobody is set as the sender")
    assert found["bounces"].startswith("warning: UMMSG_BOUNCE_ADDRESS is not set")
    assert found["one-click"].startswith("warning: broadcasts cannot be unsubscribed from by a click")
    assert "UMMSG_UNSUBSCRIBE_URL" in out


def test_a_setting_that_cannot_be_used_is_found(network: Program) -> None:
    network.environ["UMMSG_UNSUBSCRIBE_URL"] = "http://example.com/u"

    code, found, _ = examine(network, GOOD)

    assert code == 4
    assert found["one-click"].startswith("missing: UMMSG_UNSUBSCRIBE_URL")
