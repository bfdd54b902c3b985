"""An email broadcast made ready: compiled once, then filled in for one customer after another."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from ummsg.config import LayoutOptions, Settings
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.customer import Customer
from ummsg.domain.delivery import Delivery, Retries
from ummsg.domain.placeholders import NETWORK, Read, fields_of, read, readers_of, values_for
from ummsg.errors import InvalidDraft, InvalidInput, NotConfigured, Problem
from ummsg.mail.assembly import Assembly
from ummsg.mail.feedback_id import feedback_id
from ummsg.mail.message import Headers, parse_sender
from ummsg.mail.return_path import ReturnPath
from ummsg.mail.templates import EmailTemplate, EmptyPlaceholder, Rendered, RenderFailed, compile_email
from ummsg.mail.transports.base import Envelope
from ummsg.mail.unsubscribe import Unsubscribing


class Parcel(NamedTuple):
    """What a transport is handed: one envelope and the message in it."""

    envelope: Envelope
    message: bytes


@dataclass(frozen=True)
class PreparedEmail:
    """A compiled template with everything of a message that is the same for all recipients."""

    template: EmailTemplate
    layout: LayoutOptions
    sender: str
    reply_to: str
    return_path: ReturnPath
    unsubscribing: Unsubscribing
    retries: Retries

    @cached_property
    def assembly(self) -> Assembly:
        return Assembly(self.template)

    @cached_property
    def domain(self) -> str:
        """The right-hand side of Message-IDs: the sender's own domain."""
        return self._address.rpartition("@")[2]

    @cached_property
    def _address(self) -> str:
        return parse_sender(self.sender)[1]

    def values(self, customer: Customer) -> dict[str, str]:
        """Of the placeholders that its text uses."""
        return read(self._readers, customer)

    @cached_property
    def _readers(self) -> dict[str, Read]:
        return readers_of(self.template.variables, **_network(self.layout))

    @cached_property
    def fields(self) -> frozenset[str]:
        """Of a customer, what their message is made of, besides number, name and address."""
        return fields_of(self.template.variables)

    def rendered(self, customer: Customer) -> Rendered:
        """Raises EmptyPlaceholder or RenderFailed."""
        return self.template.render(self.values(customer))

    def of_delivery(self, customer: Customer, delivery: Delivery, *, now: datetime) -> Parcel:
        """The message of a `delivery`, which is to `customer`. Raises EmptyPlaceholder or RenderFailed."""
        return self.parcel(customer, to=delivery.email, message_id=delivery.message_id, now=now, delivery=delivery)

    def parcel(
        self,
        customer: Customer,
        *,
        to: str,
        message_id: str,
        now: datetime,
        test: bool = False,
        delivery: Delivery | None = None,
    ) -> Parcel:
        """The message for `customer`, addressed to `to`. Raises EmptyPlaceholder or RenderFailed.

        Without the `delivery` that it is of, a message (a test) has no address for its bounces and no way to
        unsubscribe: neither would have somebody to be about.
        """
        number = 0 if delivery is None else delivery.broadcast_id or 0
        headers = Headers(
            sender=self.sender,
            reply_to=self.reply_to,
            recipient_name=customer.name,
            recipient_email=to,
            message_id=message_id,
            date=now,
            test=test,
            unsubscribe=self.unsubscribing.addresses(number, customer.id, to) if number else (),
            feedback_id=feedback_id(number, self.layout.network_name, self.domain) if number else "",
        )
        mail_from = self.return_path.of(delivery, self._address)
        message = self.assembly.message(self.values(customer), headers)
        return Parcel(Envelope(mail_from, rcpt_to=to), message)


def prepare_email(draft: BroadcastDraft, settings: Settings, known: Collection[str]) -> PreparedEmail:
    """Compile a draft. Raises InvalidDraft with every problem of its text, and NotConfigured without a sender or for
    settings on bounces and unsubscribing that cannot be used."""
    sender = draft.sender or settings["FROM"]
    if not sender:
        raise NotConfigured(
            "Nobody is set as the sender",
            hint='UMMSG_FROM="Your Network <hello@example.com>" in .env, or --from',
        )
    layout = settings.layout()
    _check_addresses(sender, draft.reply_to or settings["REPLY_TO"])
    template = compile_email(draft.subject, draft.content, draft.content_format, layout, known)
    prepared = PreparedEmail(
        template,
        layout,
        sender,
        draft.reply_to or settings["REPLY_TO"],
        ReturnPath.from_settings(settings),
        Unsubscribing.from_settings(settings),
        draft.retries,
    )
    _check_network_values(prepared)
    return prepared


def _check_addresses(sender: str, reply_to: str) -> None:
    problems = []
    for field, address in (("from", sender), ("reply-to", reply_to)):
        try:
            if address:
                parse_sender(address)
        except InvalidInput as error:
            problems.append(Problem(field, error.what))
    if problems:
        raise InvalidDraft(problems)


def _check_network_values(prepared: PreparedEmail) -> None:
    """A setting that is empty is empty for everyone: told once, not once a customer."""
    everything = dict.fromkeys(prepared.template.variables, "https://example.com")
    of_network = values_for(Customer(0, None, ""), **_network(prepared.layout))
    try:
        prepared.template.render(everything | {name: of_network[name] for name in NETWORK})
    except EmptyPlaceholder as error:
        if error.name not in NETWORK:
            return
        setting = "UMMSG_NETWORK_URL" if error.name == "network_url" else "UMMSG_NETWORK_NAME"
        problem = Problem("content", f"{error.name} is empty, because {setting} is not set")
        raise InvalidDraft([problem], hint=f"set {setting} in .env") from None
    except RenderFailed:
        return  # with made-up values; whether it fails with a customer's own is found out for each


def _network(layout: LayoutOptions) -> dict[str, str]:
    return {"network_name": layout.network_name, "network_url": layout.network_url}
