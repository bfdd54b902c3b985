"""What the records mean by which a domain says who may send in its name: SPF, DKIM, DMARC."""

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence

MOST_LOOKUPS = 10
"""Of SPF (RFC 7208 § 4.6.4): what needs more counts as broken."""

RSA_1024 = 140
RSA_2048 = 270
"""Bytes of a public key's DER, at least: 162 and 294 with their usual wrapping, a little less without."""

_LOOKUP = re.compile(r"[+?~-]?(?:include|exists|a|mx|ptr)(?:[:/].*)?|redirect=.*", re.I)


def spf_records(texts: Sequence[str]) -> list[str]:
    """Those TXT records that are SPF's (RFC 7208 § 4.5)."""
    return [text for text in texts if re.match(r"v=spf1(?: |$)", text, re.I)]


def spf_lookups(record: str) -> int:
    """How many DNS look-ups its own terms take; what it includes takes more."""
    return sum(_LOOKUP.fullmatch(term) is not None for term in record.split()[1:])


def spf_end(record: str) -> str:
    """How it ends for a server that it does not name: `-`, `~`, `?`, `+`, `redirect`, or nothing."""
    for term in record.lower().split()[1:]:
        if found := re.fullmatch(r"([+?~-]?)all", term):
            return found[1] or "+"
    return "redirect" if "redirect=" in record.lower() else ""


def tags(record: str) -> dict[str, str]:
    """The tag-value list of DKIM and DMARC (RFC 6376 § 3.2), names in lower case; of a repeated one the first."""
    found: dict[str, str] = {}
    for item in record.split(";"):
        name, equals, value = item.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def key_bytes(public_key: str) -> int:
    """The length of the key in a DKIM record's `p`; 0 if it is no Base64."""
    try:
        return len(b64decode("".join(public_key.split()), validate=True))
    except (binascii.Error, ValueError):
        return 0


def dmarc_records(texts: Sequence[str]) -> list[str]:
    """Those TXT records that are DMARC's (RFC 7489 § 6.6.3)."""
    return [text for text in texts if re.match(r"v\s*=\s*DMARC1\s*(?:;|$)", text)]


def dmarc_places(domain: str) -> list[str]:
    """Where a domain's policy may stand: at itself, then at each domain above it but the topmost; 8 at most."""
    labels = domain.split(".")
    above = [".".join(labels[index:]) for index in range(1, len(labels) - 1)]
    return [domain, *above[-7:]]


def aligned(domain: str, sender_domain: str) -> bool:
    """Whether two domains are one's own and one below it. (Relaxed alignment asks for one organisation, RFC 7489 § 3.1;
    which domains are registered by the same one only a list of public suffixes would tell.)"""
    one, other = domain.lower(), sender_domain.lower()
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
