"""Unsubscribing by the address in a message's List-Unsubscribe, and changing one's mind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.suppression import Suppression
from ummsg.errors import TokenRefused
from ummsg.mail.unsubscribe import Unsubscribing, Unsubscription
from ummsg.store.engine import Store, Transaction

_BY_READER = "unsubscribed from broadcast"
"""How the reason begins: only they take it back themselves, nobody whom a bounce or an admin suppressed."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """How somebody stands who holds the token of a message to them."""

    email: str
    locale: str
    """The customer's; the network's if they have none, or are not known any more."""
    suppressed: bool
    may_return: bool
    """Whether it was they who unsubscribed."""
    network: str
    """Who mails them."""


class Unsubscriptions:
    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        """Raises NotConfigured without a secret key."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self._tokens = Unsubscribing("", "", settings.secret_key())

    def standing(self, token: str) -> Subscription:
        """Raises TokenRefused for what is no token of ours, as the others do."""
        said = self._read(token)
        with self._store.read() as tx:
            return self._standing(tx, said)

    def unsubscribe(self, token: str) -> Subscription:
        """Never mail the address again that the message went to; repeating it changes nothing."""
        said = self._read(token)
        with self._store.begin() as tx:
            reason = f"{_BY_READER} {said.broadcast_id}"
            tx.suppressions.add(Suppression(self._standing(tx, said).email, reason, self._clock()))
            return self._standing(tx, said)

    def resubscribe(self, token: str) -> Subscription:
        """Take unsubscribing back; what is suppressed for another reason stays so."""
        said = self._read(token)
        with self._store.begin() as tx:
            if self._standing(tx, said).may_return:
                tx.suppressions.remove(said.email_key)
            return self._standing(tx, said)

    def _read(self, token: str) -> Unsubscription:
        said = self._tokens.read(token)
        if said is None:
            raise TokenRefused("That is not the address that a message of ours gives for unsubscribing")
        return said

    def _standing(self, tx: Transaction, said: Unsubscription) -> Subscription:
        customer = tx.customers.get(said.customer_id)
        reason = tx.suppressions.reasons([said.email_key]).get(said.email_key)
        return Subscription(
            said.email_key,
            (customer.locale if customer else "") or self._settings.locale,
            suppressed=reason is not None,
            may_return=reason is not None and reason.startswith(_BY_READER),
            network=self._settings["NETWORK_NAME"],
        )
