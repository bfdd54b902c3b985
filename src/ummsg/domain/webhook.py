"""Signed events, as Standard Webhooks 1.0.0 has it (standardwebhooks.com): who may have sent one, and when."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ummsg.domain.token import Token

WINDOW = timedelta(minutes=5)
"""How far the time that a sender says may be from ours: what was overheard cannot be sent again after it."""

_VERSION = "v1,"
_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signed request says of itself: its id, when it was sent (Unix seconds), and its signatures."""

    id: str
    timestamp: str
    signatures: str

    def fault(self, now: datetime) -> str:
        """Why it cannot be taken, whatever its signature says; empty if nothing speaks against it."""
        if not self.id or len(self.id) > 200 or not self.id.isprintable():
            return "webhook-id is missing, too long, or no plain text"
        if not (self.timestamp.isascii() and self.timestamp.isdecimal() and len(self.timestamp) <= 12):
            return "webhook-timestamp is no time in seconds"
        if abs(now.timestamp() - int(self.timestamp)) > WINDOW.total_seconds():
            return "webhook-timestamp is more than five minutes from now"
        return ""

    def is_by(self, key: bytes, body: bytes) -> bool:
        """Whether one of its signatures is made with this key."""
        expected = hmac.digest(key, f"{self.id}.{self.timestamp}.".encode() + body, "sha256")
        return any(hmac.compare_digest(expected, given) for given in _digests(self.signatures))


def signing_key(secret_key: bytes, token: Token) -> bytes:
    """What a sender signs with: made from the secret key, too, so that who has the database forges nothing."""
    return hmac.digest(secret_key, f"ummsg.webhook.{token.id}.{token.kept}".encode(), "sha256")


def signing_secret(key: bytes) -> str:
    """The key as senders take it."""
    return _PREFIX + b64encode(key).decode()


def _digests(signatures: str) -> Iterable[bytes]:
    """Those of a version that we know; a sender that changes its secret signs with the old and the new one."""
    for signature in signatures.split():
        if signature.startswith(_VERSION):
            try:
                yield b64decode(signature.removeprefix(_VERSION), validate=True)
            except (NotBase64, ValueError):
                continue
