"""Tokens: who may ask for notices, and who may send events. What is stored of one opens nothing."""

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from ummsg.vocabulary import TokenKind, TokenState

_PREFIXES = {TokenKind.NETWORK: "umn", TokenKind.CUSTOMER: "umc", TokenKind.WEBHOOK: "umw"}
_KINDS = {prefix: kind for kind, prefix in _PREFIXES.items()}
_TEXT = re.compile(rf"({'|'.join(_KINDS)})_([1-9][0-9]{{0,17}})_([0-9a-f]{{48}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored. `kept` is a digest of its secret part; of a signature, what its secret is made from."""

    id: int
    kind: TokenKind
    kept: str = field(repr=False)
    customer_id: int | None
    note: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> TokenState:
        if self.revoked_at is not None:
            return TokenState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return TokenState.EXPIRED
        return TokenState.LIVE

    def opens(self, kind: TokenKind, secret: str, now: datetime) -> bool:
        """Whether this is the token that somebody shows, and it is live. Takes as long for any secret."""
        same = hmac.compare_digest(self.kept, digest_of(secret))
        return same and self.kind is kind and self.state(now) is TokenState.LIVE


def digest_of(secret: str) -> str:
    """What is stored of a secret part: it is random and long, so that nobody finds it by trying."""
    return sha256(secret.encode()).hexdigest()


def token_text(kind: TokenKind, token_id: int, secret: str) -> str:
    """A token as it is shown once: `umn_17_…`, which scanners for lost secrets can know by its beginning."""
    return f"{_PREFIXES[kind]}_{token_id}_{secret}"


def read_token(text: str) -> tuple[TokenKind, int, str] | None:
    """Kind, id and secret part of what may be a token; None for what cannot be one."""
    found = _TEXT.fullmatch(text)
    return (_KINDS[found[1]], int(found[2]), found[3]) if found else None
