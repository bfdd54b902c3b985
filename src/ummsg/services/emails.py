"""The installed system emails: checking, storing, previewing."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ummsg.config import Settings
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import Outcome
from ummsg.domain.email import EmailDraft, Metrics, SystemEmail, chosen_locale, normalised_locale
from ummsg.domain.event import EventKind, Payload
from ummsg.domain.placeholders import CUSTOMER
from ummsg.errors import InvalidDraft, InvalidInput, Problem, UnknownReference
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.mail.transports.base import Transport
from ummsg.services.email_checks import check
from ummsg.services.event_kinds import EventKinds
from ummsg.services.events import refused
from ummsg.services.letters import addressed, admins
from ummsg.services.system_email import PreparedSystemEmail, Recipient, placeholders_of
from ummsg.services.targets import Targets
from ummsg.services.throttle import counted
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import EmailTarget

NOBODYS_ADDRESS = "somebody@example.com"


@dataclass(frozen=True)
class EmailSample:
    """A system email as one recipient gets it. `html` is empty in the plain style."""

    recipient: Recipient
    locale: str
    subject: str
    html: str
    text: str


class Emails:
    def __init__(self, store: Store, settings: Settings, kinds: EventKinds, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._kinds = kinds
        self._clock = clock

    # Looking

    def get(self, slug: str) -> SystemEmail:
        """Raises UnknownReference, which names the closest one."""
        with self._store.read() as tx:
            return tx.emails.get(slug)

    def all(self, *, event: str | None = None, target: EmailTarget | None = None) -> list[tuple[SystemEmail, Metrics]]:
        """By slug, each with its metrics. Raises UnknownReference for an event that is not registered."""
        if event is not None:
            self._kinds.get(event)
        with self._store.read() as tx:
            metrics = tx.emails.metrics()
            found = tx.emails.all(event=event, target=target)
            return [(email, metrics.get(email.id, Metrics())) for email in found]

    def metrics(self, email: SystemEmail) -> Metrics:
        with self._store.read() as tx:
            return tx.emails.metrics(email.id).get(email.id, Metrics())

    def placeholders(self, event: str) -> list[str]:
        """Every name that an email on this event may use; none for an event that is not registered (any more)."""
        if (kind := self._kinds.find(event)) is None:
            return []
        with self._store.read() as tx:
            return placeholders_of(kind, tx.customers.attribute_names())

    def locale_to_edit(self, texts: Mapping[str, Any]) -> str:
        """The language whose text is meant when none is named: the network's, else English, else what there is."""
        return chosen_locale(texts, [self._settings.locale])

    # Checking

    def check(self, draft: EmailDraft) -> None:
        """Raises InvalidDraft with everything that is wrong with it, placeholders that are not known included."""
        with self._store.read() as tx:
            self._check(tx, draft)

    def complaint(self, draft: EmailDraft, field: str) -> str:
        """What is wrong with one field by itself; nothing if it may stand."""
        try:
            self.check(draft)
        except InvalidDraft as error:
            found = (problem for problem in error.problems if problem.field.split(" ")[0] == field)
            return next((problem.message for problem in found), "")
        return ""

    def is_taken(self, slug: str) -> bool:
        """Whether an email of that slug is installed."""
        with self._store.read() as tx:
            return tx.emails.find(slug) is not None

    # Storing

    def add(self, draft: EmailDraft) -> SystemEmail:
        """Install an own email, one without a default. Raises InvalidInput if its slug is taken, InvalidDraft."""
        with self._store.begin() as tx:
            self._check(tx, draft)
            return tx.emails.add(draft, self._clock())

    def change(self, email: SystemEmail, draft: EmailDraft) -> SystemEmail:
        """Store an edited draft, checked first; the texts that it replaces are kept as a version.

        Raises InvalidDraft, and InvalidInput if somebody else changed the email since `email` was read.
        """
        with self._store.begin() as tx:
            present = tx.emails.get(email.slug)
            if present.updated_at != email.updated_at:
                raise InvalidInput(
                    f"The email {email.slug} was changed by somebody else meanwhile; nothing was stored",
                    hint=f"ummsg emails show {email.slug}",
                )
            if draft == present.draft:
                return present
            self._check(tx, draft)
            return tx.emails.change(present, draft, self._clock(), why="edited")

    def set_active(self, slug: str, active: bool) -> SystemEmail:
        """Switch an email on, checked first, or off. Raises InvalidDraft."""
        with self._store.begin() as tx:
            email = tx.emails.get(slug)
            draft = replace(email.draft, active=active)
            if active:
                self._check(tx, draft)
            if draft == email.draft:
                return email
            return tx.emails.change(email, draft, self._clock(), why="edited")

    def delete(self, slug: str) -> int:
        """Delete an email with its versions and deliveries; returns how many deliveries that were.

        Raises InvalidInput while one of them is being sent.
        """
        with self._store.begin() as tx:
            email = tx.emails.get(slug)
            if tx.emails.is_being_sent(email.id):
                raise InvalidInput(
                    f"A message of {slug} is being sent at this moment",
                    hint=f"ummsg outbox status, then ummsg emails delete {slug}",
                )
            return tx.emails.delete(email.id)

    # Trying

    def preview(
        self, slug: str, *, customer: Customer | None = None, payload: Any = None, locale: str = ""
    ) -> EmailSample:
        """The message as it would go out: with the event's example payload, or with one of its own.

        A `customer` takes the place of the example's. Raises InvalidInput for a payload that is not the event's,
        InvalidDraft for a message that cannot be made.
        """
        return _sample(*self._ready(self.get(slug).draft, customer, payload, locale))

    def preview_draft(self, draft: EmailDraft, locale: str = "") -> EmailSample:
        """The message of one that is not stored, with its event's example payload. Raises InvalidDraft."""
        return _sample(*self._ready(draft, None, None, locale))

    def send_test(
        self,
        slug: str,
        to: str,
        transport: Callable[[], Transport],
        *,
        customer: Customer | None = None,
        payload: Any = None,
        locale: str = "",
    ) -> Outcome:
        """Send the message of `preview`, marked as a test, to any address; no metric counts it, but limits do.

        Raises LimitReached.
        """
        prepared, recipient, values = self._ready(self.get(slug).draft, customer, payload, locale)
        message_id = f"test.{secrets.token_hex(16)}@{prepared.domain}"
        with _explained(prepared):
            addressed = replace(recipient, email=to)
            parcel = prepared.parcel(addressed, values, message_id=message_id, now=self._clock(), test=True)
        with transport().connect() as connection, counted(self._store, self._settings, to, self._clock):
            return connection.send(parcel.envelope, parcel.message)

    def _ready(
        self, draft: EmailDraft, customer: Customer | None, payload: Any, locale: str
    ) -> tuple[PreparedSystemEmail, Recipient, dict[str, str]]:
        with self._store.read() as tx:
            kind = self._kinds.get(draft.event)
            prepared = PreparedSystemEmail(draft, kind, self._settings, tx.customers.attribute_names())
            told, customer = self._told(tx, kind, customer, payload)
        if locale and (locale := normalised_locale(locale) or locale) not in draft.texts:
            raise UnknownReference(
                f"{draft.slug} has no text in {locale!r}",
                details=[f"there are {', '.join(draft.texts)}"],
                hint=f"ummsg emails edit {draft.slug} --locale {locale}",
            )
        recipient = self._recipient(draft, told, customer)
        recipient = replace(recipient, locale=locale or recipient.locale)
        return prepared, recipient, prepared.values(told, customer)

    def _recipient(self, draft: EmailDraft, told: Payload, customer: Customer | None) -> Recipient:
        """The first of those who would get it; somebody made up where nobody is known."""
        if draft.target is EmailTarget.ADMIN:
            address = next((admin.email for admin in admins(self._settings)), NOBODYS_ADDRESS)
        else:
            address = str(told.get("customer_user_email") or (customer.email if customer else NOBODYS_ADDRESS))
        return addressed(draft, address, told, customer, self._settings)

    def _told(
        self, tx: Transaction, kind: EventKind, customer: Customer | None, payload: Any
    ) -> tuple[Payload, Customer | None]:
        """The payload to show with, and the customer whom it is about if the directory knows them."""
        if payload is not None:
            if problems := list(kind.problems(payload)):
                raise refused(kind, problems)
            return payload, customer or _known(tx, payload)
        example = kind.example()
        if customer is None:
            return example, None
        return {name: value for name, value in example.items() if name not in CUSTOMER}, customer

    def _check(self, tx: Transaction, draft: EmailDraft) -> None:
        check(draft, self._kinds, self._settings, tx.customers.attribute_names())


def _sample(prepared: PreparedSystemEmail, recipient: Recipient, values: Mapping[str, str]) -> EmailSample:
    with _explained(prepared):
        message = prepared.rendered(values, recipient)
    return EmailSample(recipient, prepared.locale(recipient), message.subject, message.html, message.text)


def _known(tx: Transaction, payload: Payload) -> Customer | None:
    return Targets.of(tx, [payload]).customer_if_known(payload)


@contextmanager
def _explained(prepared: PreparedSystemEmail) -> Iterator[None]:
    """A message that cannot be made becomes an error that says what to do."""
    try:
        yield
    except EmptyPlaceholder as error:
        source = (
            f"--payload with {error.name}" if error.name in prepared.kind.names else "--customer with a value for it"
        )
        hint = f'{source}, or a default: {{{{ {error.name} or "…" }}}}'
        raise InvalidDraft([Problem("content", str(error))], hint=hint) from None
    except RenderFailed as error:
        raise InvalidDraft([Problem("content", str(error))]) from None
