"""What SPF, DKIM and DMARC records mean."""

import pytest

from ummsg.domain import sender_policy


def test_which_records_are_spfs_and_dmarcs() -> None:
    texts = ["v=spf1 -all", "V=SPF1", "v=spf10 -all", "v=DMARC1; p=none", "v=DMARC12; p=none", "google-site", ""]

    assert sender_policy.spf_records(texts) == ["v=spf1 -all", "V=SPF1"]
    assert sender_policy.dmarc_records(texts) == ["v=DMARC1; p=none"]


@pytest.mark.parametrize(
    ("record", "end", "lookups"),
    [
        ("v=spf1 -all", "-", 0),
        ("v=spf1 ip4:192.0.2.0/24 ~ALL", "~", 0),
        ("v=spf1 a mx include:x.example ?all", "?", 3),
        ("v=spf1 +a:x.example/24 ptr exists:%{i}.x.example all", "+", 3),
        ("v=spf1 redirect=_spf.x.example", "redirect", 1),
        ("v=spf1 ip6:2001:db8::/32", "", 0),
    ],
)
def test_how_spf_ends_and_what_it_costs(record: str, end: str, lookups: int) -> None:
    assert sender_policy.spf_end(record) == end
    assert sender_policy.spf_lookups(record) == lookups


def test_tags() -> None:
    assert sender_policy.tags(" V=DKIM1 ; k = rsa;p=a=b;p=c; nothing ;") == {"v": "DKIM1", "k": "rsa", "p": "a=b"}


@pytest.mark.parametrize(("key", "size"), [("", 0), ("AAAA", 3), ("A A\tA A", 3), ("!!!!", 0), ("AAA", 0), ("é", 0)])
def test_the_length_of_a_key(key: str, size: int) -> None:
    assert sender_policy.key_bytes(key) == size


def test_where_a_policy_may_stand() -> None:
    assert sender_policy.dmarc_places("example.com") == ["example.com"]
    assert sender_policy.dmarc_places("a.b.example.com") == ["a.b.example.com", "b.example.com", "example.com"]
    assert len(sender_policy.dmarc_places(".".join("abcdefghijklmno"))) == 8


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("example.com", "Example.com", True),
        ("bounces.example.com", "example.com", True),
        ("example.com", "news.example.com", True),
        ("badexample.com", "example.com", False),
        ("example.org", "example.com", False),
    ],
)
def test_alignment(one: str, other: str, expected: bool) -> None:
    assert sender_policy.aligned(one, other) is expected
