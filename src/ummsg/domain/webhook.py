"""Signed events, as Standard Webhooks 1.0.0 has it (standardwebhooks.com): who may have sent one, and when."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
            return "webhook-id is missing or too long"
        if not (self.timestamp.isascii() and self.timestamp.isdecimal() and len(self.timestamp) <= 12):
            return "webhook-timestamp is no time in seconds"
        if abs(now - datetime.fromtimestamp(int(self.timestamp), UTC)) > WINDOW:
            return "webhook-timestamp is more than five minutes from now"
        return ""

    def is_by(self, secret: str, body: bytes) -> bool:
        """Whether one of its signatures is made with this secret."""
        key = b64decode(secret.removeprefix(_PREFIX))
        expected = hmac.digest(key, f"{self.id}.{self.timestamp}.".encode() + body, "sha256")
        return any(hmac.compare_digest(expected, given) for given in _digests(self.signatures))


def signing_secret(key: bytes, token: Token) -> str:
    """What a sender signs with: made from the secret key, too, so that who has the database forges nothing."""
    made = hmac.digest(key, f"ummsg.webhook.{token.id}.{token.digest}".encode(), "sha256")
    return _PREFIX + b64encode(made).decode()


def _digests(signatures: str) -> Iterable[bytes]:
    """Those of a version that we know; a sender that changes its secret signs with the old and the new one."""
    for signature in signatures.split()[:10]:
        if signature.startswith(_VERSION):
            try:
                yield b64decode(signature.removeprefix(_VERSION), validate=True)
            except (NotBase64, ValueError):
                continue
