"""The messages that events caused: whom each is for, and what it says at the moment it is sent."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.broadcast import TOO_LATE
from ummsg.domain.customer import Customer, email_key
from ummsg.domain.delivery import Delivery, Settled, dropped
from ummsg.domain.email import EmailDraft
from ummsg.domain.event import Event, Payload
from ummsg.errors import InvalidInput, NotConfigured
from ummsg.mail.message import parse_sender
from ummsg.mail.templates import RenderFailed
from ummsg.services.event_kinds import EventKinds
from ummsg.services.prepared_email import Parcel
from ummsg.services.system_email import PreparedSystemEmail, PreparedSystemEmails, Recipient
from ummsg.store.engine import Transaction
from ummsg.store.gone import GONE_FROM_NETWORK
from ummsg.vocabulary import DeliveryStatus, EmailTarget


@dataclass(frozen=True)
class Letter:
    """One delivery of a system email with everything that its message is made of."""

    delivery: Delivery
    event: Event
    draft: EmailDraft
    prepared: PreparedSystemEmail | None
    recipient: Recipient

    @property
    def has_own_sender(self) -> bool:
        return bool(self.draft.sender)

    def dropped(self, tx: Transaction, now: datetime) -> Settled | None:
        """What becomes of it if it is not to be sent any more."""
        attempts, key = self.delivery.attempts, email_key(self.delivery.email)
        if self.draft.event != self.event.slug:
            elsewhere = f"the email follows {self.draft.event} now"
            return dropped(DeliveryStatus.CANCELLED, elsewhere, attempts=attempts)
        if not self.draft.active:
            return dropped(DeliveryStatus.CANCELLED, "the email is switched off", attempts=attempts)
        if self.event.not_after is not None and self.event.not_after <= now:
            return dropped(DeliveryStatus.CANCELLED, TOO_LATE, attempts=attempts)
        if self._is_to_somebody_gone(tx, key):
            return dropped(DeliveryStatus.CANCELLED, GONE_FROM_NETWORK, attempts=attempts)
        if reason := tx.suppressions.reasons([key]).get(key):
            return dropped(DeliveryStatus.SUPPRESSED, reason, attempts=attempts)
        return None

    def _is_to_somebody_gone(self, tx: Transaction, key: str) -> bool:
        """An admin is told of whoever it is about."""
        customer = self.recipient.customer
        if customer is None or email_key(customer.email) != key:
            return False
        return tx.gone.since(customer.id) is not None

    def parcel(self, *, now: datetime) -> Parcel:
        """Raises InvalidDraft, EmptyPlaceholder or RenderFailed, and NotConfigured without a sender."""
        if self.prepared is None:
            raise RenderFailed(f"the event {self.event.slug} is not registered any more")
        values = self.prepared.values(self.event.payload, self.recipient.customer)
        message_id = self.delivery.message_id
        return self.prepared.parcel(self.recipient, values, message_id=message_id, now=now, delivery=self.delivery)


class Letters:
    """Opens deliveries of events."""

    def __init__(self, settings: Settings, kinds: Callable[[], EventKinds]) -> None:
        self._settings = settings
        self._kinds = kinds
        self._prepared = PreparedSystemEmails(settings)

    def open(self, tx: Transaction, delivery: Delivery) -> Letter:
        """The letter of a delivery that has an `event_id` and an `email_id`."""
        if delivery.event_id is None or delivery.email_id is None:
            raise ValueError(f"delivery {delivery.id} follows no event")
        event = tx.events.get(delivery.event_id)
        email = tx.emails.by_id(delivery.email_id)
        customer = None if delivery.customer_id is None else tx.customers.get(delivery.customer_id)
        recipient = addressed(email.draft, delivery.email, event.payload, customer, self._settings)
        kind = self._kinds().find(email.draft.event)
        prepared = None if kind is None else self._prepared.of(tx, email, kind)
        return Letter(delivery, event, email.draft, prepared, recipient)


def addressed(
    draft: EmailDraft, address: str, payload: Payload, customer: Customer | None, settings: Settings
) -> Recipient:
    """Who is behind the address of an event's delivery: the customer, or an admin who gets it, or a copy of it."""
    key = email_key(address)
    admin = next((admin for admin in admins(settings) if email_key(admin.email) == key), None)
    if draft.target is EmailTarget.ADMIN:
        return Recipient(address, admin.name if admin else "", "", customer)
    locale = customer.locale if customer else str(payload.get("customer_locale") or "")
    own = str(payload.get("customer_user_email") or (customer.email if customer else ""))
    if admin is not None and email_key(own) != key:
        return Recipient(address, admin.name, locale, customer)
    name = str(payload.get("customer_name") or (customer.name if customer else ""))
    return Recipient(address, name, locale, customer)


def admins(settings: Settings) -> list[Recipient]:
    """UMMSG_ADMIN_EMAILS, each once. Raises NotConfigured for what is no address."""
    found: dict[str, Recipient] = {}
    for text in filter(str.strip, _BETWEEN_ADDRESSES.split(settings["ADMIN_EMAILS"])):
        try:
            name, address = parse_sender(text.strip())
        except InvalidInput as error:
            raise NotConfigured(f"UMMSG_ADMIN_EMAILS: {error.what}", hint=_ADMINS_HINT) from None
        found.setdefault(email_key(address), Recipient(address, name))
    return list(found.values())


_BETWEEN_ADDRESSES = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
_ADMINS_HINT = 'UMMSG_ADMIN_EMAILS="Anna <anna@example.com>, bo@example.com" in .env'
