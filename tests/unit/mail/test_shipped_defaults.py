"""The defaults that come with ummsg: all there, in both languages, and a message whatever the network sends."""

from collections.abc import Mapping

import pytest

from ummsg.config import LayoutOptions
from ummsg.domain.customer import Customer
from ummsg.domain.email import Default
from ummsg.domain.network_events import NETWORK_EVENTS
from ummsg.domain.placeholders import values_for
from ummsg.mail.defaults import load_defaults
from ummsg.mail.templates import Rendered, compile_email
from ummsg.vocabulary import EmailTarget

LAYOUT = LayoutOptions(network_name="Example Network", network_url="https://example.com")
KINDS = {kind.slug: kind for kind in NETWORK_EVENTS}
DEFAULTS = load_defaults()
TEXTS = [(default, locale) for default in DEFAULTS.all() for locale in default.draft.texts]

ORIGINALS = {
    "payment_received_admin": ("payment_received", "admin"),
    "payment_received_customer": ("payment_received", "customer"),
    "site_published_admin": ("site_published", "admin"),
    "site_published_customer": ("site_published", "customer"),
    "confirm_email_address": ("confirm_email_address", "customer"),
    "domain_created_admin": ("domain_created", "admin"),
    "renewal_payment_created": ("renewal_payment_created", "customer"),
    "payment_failed_customer": ("payment_failed", "customer"),
    "payment_failed_admin": ("payment_failed", "admin"),
    "membership_expired_customer": ("membership_expired", "customer"),
    "membership_expired_admin": ("membership_expired", "admin"),
    "demo_site_expiring_customer": ("demo_site_expiring", "customer"),
    "demo_site_expiring_admin": ("demo_site_expiring", "admin"),
    "invoice_sent_customer": ("invoice_sent", "customer"),
}


def ids(value: object) -> str:
    return value.slug if isinstance(value, Default) else str(value)


def test_all_of_the_networks_emails_have_a_default() -> None:
    found = {default.slug: (default.draft.event, default.draft.target.value) for default in DEFAULTS.all()}

    assert found == ORIGINALS
    assert DEFAULTS.problems == []
    assert [default.slug for default in DEFAULTS.all() if default.essential] == ["confirm_email_address"]
    assert all(list(default.draft.texts) == ["en", "sv"] for default in DEFAULTS.all())
    assert all(default.draft.description for default in DEFAULTS.all())


@pytest.mark.parametrize(("default", "locale"), TEXTS, ids=ids)
def test_it_says_what_happened(default: Default, locale: str) -> None:
    kind = KINDS[default.draft.event]
    message = render(default, locale, {name: str(value) for name, value in kind.example().items()})

    assert message.subject
    assert "<table" in message.html
    assert "{{" not in message.html + message.text
    greeting = "Anna Björk" if default.draft.target is EmailTarget.CUSTOMER else "Björk"
    assert greeting in message.text


@pytest.mark.parametrize(("default", "locale"), TEXTS, ids=ids)
def test_it_can_be_sent_with_no_more_than_the_event_requires(default: Default, locale: str) -> None:
    kind = KINDS[default.draft.event]
    required = {field.name: str(field.example) for field in kind.fields if field.required}

    message = render(default, locale, required)

    assert "  " not in message.subject.strip()
    assert "None" not in message.text


def render(default: Default, locale: str, payload: Mapping[str, str]) -> Rendered:
    text = default.draft.texts[locale]
    nobody = values_for(Customer(0, None, ""), network_name=LAYOUT.network_name, network_url=LAYOUT.network_url)
    network = {name: nobody[name] for name in ("network_name", "network_url", "site_name")}
    known = [*KINDS[default.draft.event].names, *network]
    return compile_email(text.subject, text.content, text.content_format, LAYOUT, known).render({**network, **payload})
