"""Email addresses: which are valid, and in which form they are kept."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ummsg.errors import InvalidInput

_PLAIN = re.compile(
    r"(?=[^@]{1,64}@)(?=.{6,254}\Z)"
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion)\Z)[a-z]{2,63}"
)
"""The majority: ASCII, unquoted, a lower-case domain without Punycode, under a top-level domain that mail can reach.

Stricter than RFC 5321; whatever it accepts, email-validator accepts and leaves as it is (a property test holds both
to that), except for the mailboxes of `_ROLES`.
"""

_ROLES = frozenset(
    {"info", "marketing", "sales", "support", "abuse", "noc", "security", "postmaster"}
    | {"hostmaster", "usenet", "news", "webmaster", "www", "uucp", "ftp"}
)
"""Names of RFC 2142, which mean the same mailbox in capitals."""


def checked_address(text: str) -> str:
    """The form in which an address is kept: Unicode NFC, the domain in lower case and in its own script.

    Raises InvalidInput, saying what is wrong, for everything that is not one deliverable-looking address. Domains
    for documentation and tests (`example.com`, `.example`, `.test`) count as valid, those that can never be on the
    internet (`.invalid`, `.localhost`, `.local`, `.onion`, `.arpa`) do not.
    """
    address = text.strip(" \t")
    if _PLAIN.fullmatch(address):
        return address if address.islower() else _plain_in_capitals(address)
    return _other(address)


def are_plain(addresses: Sequence[str]) -> bool:
    """Whether every one is valid and its own normal form and key, by the quick proof alone."""
    return all(map(_PLAIN.fullmatch, addresses)) and "".join(addresses).islower()


def _plain_in_capitals(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local.lower()}@{domain}" if local.lower() in _ROLES else address


def _other(address: str) -> str:
    if not address:
        raise InvalidInput("no address")
    if bad := next((c for c in address if ord(c) < 32 or ord(c) == 127), None):
        what = "a line break" if bad in "\r\n" else f"the control character U+{ord(bad):04X}"
        raise InvalidInput(f"the address {shown(address)} has {what} in it")
    if len(address) > 320:
        raise InvalidInput(f"the address {shown(address)} has {len(address):,} characters; 254 fit")
    validate, not_valid = _validator()
    try:
        return str(validate(address, check_deliverability=False, strict=True, test_environment=True).normalized)
    except not_valid as error:
        raise InvalidInput(f"{shown(address)} is not an address: {error}") from None


@lru_cache(maxsize=1)
def _validator() -> tuple[Any, Any]:
    """email-validator, imported when the first unusual address turns up: it takes 50 ms."""
    from email_validator import EmailNotValidError, validate_email

    return validate_email, EmailNotValidError


def shown(text: str) -> str:
    """Text from outside in a message of ours: quoted, on one line, and not endless."""
    return repr(text if len(text) <= 80 else text[:79] + "…")
