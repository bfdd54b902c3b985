"""Making and revoking tokens for the served feed."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from ummsg.config import Settings
from ummsg.domain import cleaning
from ummsg.domain.customer import Customer
from ummsg.domain.token import Token, digest_of, token_text
from ummsg.domain.webhook import signing_key, signing_secret
from ummsg.errors import InvalidInput
from ummsg.services.imports.cells import cleaned
from ummsg.store.engine import Store
from ummsg.vocabulary import TokenKind

CUSTOMERS_LAST = timedelta(days=1)
"""How long a customer's token opens their notices, unless told."""

LONGEST = timedelta(days=3660)
_KEPT_EXPIRED = timedelta(days=7)


class Tokens:
    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def create(
        self, kind: TokenKind, *, customer: Customer | None = None, lasts: timedelta | None = None, note: str = ""
    ) -> tuple[Token, str]:
        """A new token, and its text, which nobody can have again: it is not stored.

        `lasts` is how long it is live: a customer's a day unless told, others until they are revoked. Raises
        InvalidInput for a customer's without a customer and for another's with one, and for a length of time that is
        none; NotConfigured for a signature's without a secret key.
        """
        if (customer is not None) != (kind is TokenKind.CUSTOMER):
            raise InvalidInput(
                "A customer's token is for one customer; others are for none",
                hint="ummsg tokens create customer --customer anna@example.com",
            )
        if lasts is not None and not timedelta() < lasts <= LONGEST:
            raise InvalidInput("A token lasts from a minute to ten years", hint="--expires 12h")
        if lasts is None and kind is TokenKind.CUSTOMER:
            lasts = CUSTOMERS_LAST
        note = cleaned({"note": note}, "note", cleaning.line) or ""
        now = self._clock()
        secret = secrets.token_hex(24)
        signs = kind is TokenKind.SIGNATURE
        kept = secret if signs else digest_of(secret)
        expires = now + lasts if lasts else None
        with self._store.begin() as tx:
            tx.tokens.forget_expired(now - _KEPT_EXPIRED)
            number = tx.tokens.add(kind, kept, customer and customer.id, note, now, expires)
            token = tx.tokens.get(number)
            if signs:
                return token, signing_secret(signing_key(self._settings.secret_key(), token))
            return token, token_text(kind, number, secret)

    def all(self) -> list[tuple[Token, str]]:
        """By id, each with the address of the customer whose it is."""
        with self._store.read() as tx:
            tokens = list(tx.tokens.all())
            customers = tx.customers.by_ids({token.customer_id for token in tokens if token.customer_id is not None})
        addresses = {customer.id: customer.email for customer in customers}
        return [(token, addresses.get(token.customer_id or 0, "")) for token in tokens]

    def get(self, token_id: int) -> Token:
        """Raises UnknownReference."""
        with self._store.read() as tx:
            return tx.tokens.get(token_id)

    def revoke(self, token_id: int) -> bool:
        """Whether it had not been revoked before. Raises UnknownReference."""
        with self._store.begin() as tx:
            if tx.tokens.get(token_id).revoked_at is not None:
                return False
            tx.tokens.revoke(token_id, self._clock())
            return True
