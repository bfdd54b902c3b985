"""Unsubscribing as mailbox providers want it: an address to POST to, with a signed token (RFC 8058, RFC 2369)."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from ummsg.config import Settings
from ummsg.domain.customer import email_key
from ummsg.errors import InvalidInput, NotConfigured
from ummsg.mail.message import parse_sender

if TYPE_CHECKING:
    from itsdangerous import URLSafeSerializer

_PURPOSE = "ummsg.unsubscribe"
_LONGEST = 200
"""Characters of the setting: with the longest token the header stays below the 998 of a line (RFC 5322 § 2.1.1)."""


class Unsubscription(NamedTuple):
    """What a token says: who does not want to be mailed any more, and what made them say so."""

    broadcast_id: int
    customer_id: int
    email_key: str


@dataclass(frozen=True)
class Unsubscribing:
    """The ways there are: by a click (`url`), by email (`mailto`), both, or, if both are empty, none."""

    url: str
    mailto: str
    key: bytes = field(repr=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Unsubscribing":
        """Raises NotConfigured for an address that cannot be used, and without a secret key if there is any."""
        url, mailto = settings["UNSUBSCRIBE_URL"].strip(), settings["UNSUBSCRIBE_MAILTO"].strip()
        if not (url or mailto):
            return cls("", "", b"")
        _check_url(url)
        _check_mailto(mailto)
        return cls(url.rstrip("/"), mailto, settings.secret_key())

    def addresses(self, broadcast_id: int, customer_id: int, email: str) -> tuple[str, ...]:
        """The URIs of List-Unsubscribe: the click first, since readers take the first that they know."""
        if not (self.url or self.mailto):
            return ()
        token = self.token(Unsubscription(broadcast_id, customer_id, email_key(email)))
        by_click = (f"{self.url}/{token}",) if self.url else ()
        by_mail = (f"mailto:{quote(self.mailto, safe='@+')}?subject=unsubscribe%20{token}",) if self.mailto else ()
        return by_click + by_mail

    def token(self, unsubscription: Unsubscription) -> str:
        """It has no end: a message is kept for years, and its reader may have had enough at any time."""
        return self._signed.dumps(unsubscription)

    def read(self, token: str) -> Unsubscription | None:
        """What a token says; None if it is not one of ours."""
        from itsdangerous import BadData

        try:
            broadcast_id, customer_id, email_key = self._signed.loads(token)
        except (BadData, UnicodeEncodeError):  # a lone surrogate is no text that could have been signed
            return None
        return Unsubscription(broadcast_id, customer_id, email_key)

    @cached_property
    def _signed(self) -> "URLSafeSerializer":
        from itsdangerous import URLSafeSerializer

        return URLSafeSerializer(
            self.key,
            salt=_PURPOSE,
            serializer_kwargs={"ensure_ascii": False},
            signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
        )


def _check_url(url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        fine = (
            parts.scheme == "https" and bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
        )
    except ValueError:
        fine = False
    if not fine or len(url) > _LONGEST or not url.isascii() or not url.isprintable() or set(url) & set(' <>,"?#'):
        raise NotConfigured(
            "UMMSG_UNSUBSCRIBE_URL is not an HTTPS address that a token can be appended to",
            hint="UMMSG_UNSUBSCRIBE_URL=https://example.com/u in .env",
        )


def _check_mailto(mailto: str) -> None:
    if not mailto:
        return
    try:
        fine = parse_sender(mailto) == ("", mailto) and mailto.isascii()
    except InvalidInput:
        fine = False
    if not fine:
        raise NotConfigured(
            "UMMSG_UNSUBSCRIBE_MAILTO is not a bare address in ASCII",
            hint="UMMSG_UNSUBSCRIBE_MAILTO=unsubscribe@example.com in .env",
        )
