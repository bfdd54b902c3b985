"""The served feed: who asks, and what their dashboard shows now."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from ummsg.domain.notice import ShownNotice
from ummsg.domain.token import Token, read_token
from ummsg.errors import AmbiguousReference, InvalidInput, TokenOfAnother, TokenRefused, UnknownReference
from ummsg.mail.templates import sanitise_notice
from ummsg.services.directory import address_key
from ummsg.store.feed import FeedReader
from ummsg.vocabulary import TokenKind


@lru_cache(maxsize=4096)
def _sanitised(notice: ShownNotice) -> ShownNotice:
    """Again, whoever wrote the database. Kept by what that holds at the moment, which is the same each time."""
    return notice._replace(html=sanitise_notice(notice.html))


class Feed:
    def __init__(self, reader: FeedReader, clock: Callable[[], datetime]) -> None:
        self._reader = reader
        self._clock = clock

    def token(self, text: str, *kinds: TokenKind) -> Token:
        """The live token of one of these kinds that a text is. Raises TokenRefused, which does not say why."""
        named = read_token(text)
        if named is not None and named[0] in kinds:
            kind, number, secret = named
            token = self._reader.token(number)
            if token is not None and token.opens(kind, secret, self._clock()):
                return token
        raise TokenRefused("The token opens nothing here")

    def whose(self, token: Token, ref: str | None) -> int:
        """The id of the customer whose notices are asked for.

        With a customer's token that customer, whether they are named or not; with a network's whom `ref` means.
        Raises TokenOfAnother for another customer's, InvalidInput for nobody's, UnknownReference, and
        AmbiguousReference.
        """
        if token.customer_id is None:
            return self._customer(ref)
        if ref is not None and token.customer_id not in self._called(ref):
            raise TokenOfAnother("The token is not that customer's")
        return token.customer_id

    def notices(self, customer_id: int) -> list[ShownNotice]:
        """What this customer's dashboard shows now, the newest first."""
        return list(map(_sanitised, self._reader.shown_to(customer_id, self._clock())))

    def check(self) -> None:
        """Raises DatabaseUnusable if the database cannot be read."""
        self._reader.token(0)

    def close(self) -> None:
        self._reader.close()

    def _customer(self, ref: str | None) -> int:
        if not ref:
            raise InvalidInput("customer is missing, which says whose notices are meant")
        found = self._called(ref)
        if len(found) > 1:
            raise AmbiguousReference(f"{ref} may mean more than one customer")
        if not found:
            raise UnknownReference(f"There is no customer {ref!r}")
        return found[0]

    def _called(self, ref: str) -> list[int]:
        if "@" in ref:
            return self._reader.customer_with(address_key(ref))
        return self._reader.customers_called(ref.strip())
