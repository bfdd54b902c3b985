"""Events that are sent to us: who may, and what is the same event sent twice."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from ummsg.config import Settings
from ummsg.domain.webhook import WINDOW, Signed, signing_key
from ummsg.errors import TokenRefused
from ummsg.services.events import Events, Fired
from ummsg.store.engine import Store
from ummsg.strict_json import parse_json
from ummsg.vocabulary import TokenKind, TokenState


class Webhooks:
    def __init__(self, store: Store, settings: Settings, events: Events, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._events = events
        self._clock = clock

    def unsigned(self, slug: str, body: bytes) -> Fired:
        """Fire what somebody sent who has shown their token. The same body within five minutes, or a little longer, is
        the same event: they say no id.

        Raises as `Events.fire` does, and InvalidInput for a body that is no JSON.
        """
        payload = parse_json(body, "The body")
        digest = sha256(body).hexdigest()
        span = int(self._clock().timestamp() // WINDOW.total_seconds())
        key, before = (f"body {digest} {number}" for number in (span, span - 1))
        return self._events.fire(slug, payload, key=key, or_key=before)

    def signed(self, slug: str, signed: Signed, body: bytes) -> Fired:
        """Fire what is signed with a live secret of ours; its id says which event it is, whenever it comes.

        Raises as `unsigned` does, and TokenRefused.
        """
        now = self._clock()
        if fault := signed.fault(now):
            raise TokenRefused(fault)
        with self._store.read() as tx:
            known = [token for token in tx.tokens.of_kind(TokenKind.SIGNATURE) if token.state(now) is TokenState.LIVE]
        key = self._settings.secret_key()
        if not any(signed.is_by(signing_key(key, token), body) for token in known):
            raise TokenRefused("webhook-signature is by nobody that we know")
        # An event's name is not signed: what was overheard must not be fired once more under another.
        return self._events.fire(slug, parse_json(body, "The body"), key=f"webhook {signed.id}", of_any_kind=True)
