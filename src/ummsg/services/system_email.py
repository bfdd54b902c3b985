"""A system email made ready: its texts compiled once, then filled in for one event after another."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time

from ummsg.config import Settings
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import Delivery
from ummsg.domain.email import EmailDraft, SystemEmail, chosen_locale
from ummsg.domain.event import EventKind, Payload, Scalar, is_blank
from ummsg.domain.placeholders import NETWORK, known_placeholders, values_for
from ummsg.errors import InvalidDraft, NotConfigured, Problem
from ummsg.mail.assembly import Assembly
from ummsg.mail.message import Headers, parse_sender
from ummsg.mail.return_path import ReturnPath
from ummsg.mail.templates import EmailTemplate, Rendered, compile_email
from ummsg.mail.transports.base import Envelope
from ummsg.services.prepared_email import Parcel
from ummsg.store.engine import Transaction
from ummsg.vocabulary import EmailStyle, FieldType


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom one message of an event is for. Without a `customer` the directory does not know them."""

    email: str
    name: str = ""
    locale: str = ""
    customer: Customer | None = None


class PreparedSystemEmail:
    """A checked email. Its texts are compiled when they are first needed."""

    def __init__(
        self, draft: EmailDraft, kind: EventKind, settings: Settings, attribute_names: Collection[str]
    ) -> None:
        self.draft = draft
        self.kind = kind
        self._settings = settings
        self._layout = settings.layout()
        self._return_path = ReturnPath.from_settings(settings)
        self._known = placeholders_of(kind, attribute_names)
        self._templates: dict[str, EmailTemplate] = {}
        self._assemblies: dict[str, Assembly] = {}
        self._style = settings.email_style if draft.style is EmailStyle.DEFAULT else draft.style
        self._prefix = (
            f"{self._layout.network_name} - " if settings.subject_prefix and self._layout.network_name else ""
        )

    @property
    def sender(self) -> str:
        """`Name <address>`. Raises NotConfigured if nobody is set."""
        sender = self.draft.sender or self._settings["FROM"]
        if not sender:
            raise NotConfigured(
                "Nobody is set as the sender",
                hint='UMMSG_FROM="Your Network <hello@example.com>" in .env',
            )
        return sender

    @property
    def domain(self) -> str:
        """The right-hand side of Message-IDs: the sender's own domain."""
        return parse_sender(self.sender)[1].rpartition("@")[2]

    def check(self) -> None:
        """Compile every text. Raises InvalidDraft with all that is wrong, and in which language."""
        problems = []
        for locale in self.draft.texts:
            try:
                self._template(locale)
            except InvalidDraft as error:
                place = f" ({locale})" if len(self.draft.texts) > 1 else ""
                problems += [Problem(problem.field + place, problem.message) for problem in error.problems]
        if problems:
            raise InvalidDraft(problems)

    def values(self, payload: Payload, customer: Customer | None) -> dict[str, str]:
        """What its placeholders stand for: the payload's values before what the directory knows of the customer."""
        known = values_for(
            customer or _NOBODY, network_name=self._layout.network_name, network_url=self._layout.network_url
        )
        if customer is None:
            known = {name: known[name] for name in NETWORK}
        types = {field.name: field.type for field in self.kind.fields}
        told = {name: _as_text(value, types[name]) for name, value in payload.items() if name in types}
        return known | {name: text for name, text in told.items() if not is_blank(text)}

    def check_rendering(self, values: Mapping[str, str], recipient: Recipient) -> None:
        """Raises InvalidDraft, EmptyPlaceholder or RenderFailed if the message to them cannot be made."""
        template = self._template(self.locale(recipient))
        if not template.certain or not all(map(values.get, template.variables)):
            template.render(values)

    def rendered(self, values: Mapping[str, str], recipient: Recipient) -> Rendered:
        """The message; with the network's name before the subject, and without HTML in the plain style.

        Raises InvalidDraft, EmptyPlaceholder or RenderFailed.
        """
        message = self._template(self.locale(recipient)).render(values)
        html = message.html if self._style is EmailStyle.HTML else ""
        return replace(message, subject=self._prefix + message.subject, html=html)

    def parcel(
        self,
        recipient: Recipient,
        values: Mapping[str, str],
        *,
        message_id: str,
        now: datetime,
        test: bool = False,
        delivery: Delivery | None = None,
    ) -> Parcel:
        """The message to `recipient`. Raises as `rendered` does, and NotConfigured without a sender.

        Without the `delivery` that it is of, a message (a test) has no address for its bounces.
        """
        headers = Headers(
            sender=self.sender,
            reply_to=self._settings["REPLY_TO"],
            recipient_name=recipient.name,
            recipient_email=recipient.email,
            message_id=message_id,
            date=now,
            test=test,
            automatic=True,
        )
        mail_from = self._return_path.of(delivery, parse_sender(self.sender)[1])
        message = self._assembly(self.locale(recipient)).message(values, headers, prefix=self._prefix)
        return Parcel(Envelope(mail_from, rcpt_to=recipient.email), message)

    def locale(self, recipient: Recipient) -> str:
        """The language of their text: their own, else the network's, else English."""
        return chosen_locale(self.draft.texts, [recipient.locale, self._settings.locale])

    def _assembly(self, locale: str) -> Assembly:
        if locale not in self._assemblies:
            self._assemblies[locale] = Assembly(self._template(locale), html=self._style is EmailStyle.HTML)
        return self._assemblies[locale]

    def _template(self, locale: str) -> EmailTemplate:
        if locale not in self._templates:
            text = self.draft.texts[locale]
            layout = replace(self._layout, language=locale.replace("_", "-"))
            self._templates[locale] = compile_email(
                text.subject, text.content, text.content_format, layout, self._known
            )
        return self._templates[locale]


class PreparedSystemEmails:
    """Keeps each email compiled for as long as it is not changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: dict[int, tuple[datetime, PreparedSystemEmail]] = {}

    def of(self, tx: Transaction, email: SystemEmail, kind: EventKind) -> PreparedSystemEmail:
        kept = self._kept.get(email.id)
        if kept is not None and kept[0] == email.updated_at:
            return kept[1]
        prepared = PreparedSystemEmail(email.draft, kind, self._settings, tx.customers.attribute_names())
        self._kept[email.id] = (email.updated_at, prepared)
        return prepared


_NOBODY = Customer(0, None, "")
_OF_CUSTOMERS = ("customer_id", "customer_user_email", "membership_id")


def placeholders_of(kind: EventKind, attribute_names: Collection[str]) -> list[str]:
    """Every name that an email on this event may use: its payload's, the network's and, of one that is about a
    customer, what the directory knows of them."""
    names = [*kind.names, *NETWORK]
    if any(name in _OF_CUSTOMERS for name in kind.names):
        names += known_placeholders(attribute_names)
    return list(dict.fromkeys(names))


def _as_text(value: Scalar, type: FieldType) -> str:
    """A value as a template meets it. What is not true is empty, so that `{% if … %}` means what it says; a moment is
    told without its seconds, and a day as a day."""
    if value is None:
        return ""
    if type is FieldType.BOOLEAN:
        return "" if str(value).strip().lower() in ("", "0", "false", "no", "off") else "yes"
    return _moment(str(value)) if type is FieldType.DATETIME else str(value)


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:  # the event's kind was another when it was stored
        return text
    if moment.time() == time():
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M} {moment:%Z}".rstrip()
