"""What receivers find on messages: by whole command lines, through a transport that keeps envelopes."""

from email.message import EmailMessage

import pytest

from tests.program import Program
from tests.system_emails import Box, box, install
from tests.unit.mail.settings import settings
from ummsg.config import Settings
from ummsg.mail.return_path import ReturnPath
from ummsg.mail.transports.memory import messages_in
from ummsg.mail.unsubscribe import Unsubscribing

__all__ = ["box"]

BROADCAST = (
    "broadcast",
    "new",
    "--type",
    "email",
    "--product",
    "pro",
    "--subject",
    "Hi",
    "--content",
    "Hello",
    "--yes",
)


def configure(program: Program, **values: str) -> Settings:
    found = {"SECRET_KEY": "a secret of the tests", **values}
    program.environ |= {f"UMMSG_{name}": value for name, value in found.items()}
    return settings(**values)


def senders() -> list[str]:
    return [envelope.mail_from for envelope, _ in messages_in("box")]


def message_to(box: Box, address: str) -> EmailMessage:
    return next(message for recipient, message in zip(box.recipients, box, strict=True) if recipient == address)


def test_each_broadcast_message_can_be_unsubscribed_from_by_its_own_token(network: Program, box: Box) -> None:
    found = configure(network, UNSUBSCRIBE_URL="https://example.com/u", UNSUBSCRIBE_MAILTO="stop@example.com")

    result = network(*BROADCAST)

    assert result.code == 0, result.err
    for address, customer in (("anna@example.com", 1), ("bo@example.com", 2)):
        message = message_to(box, address)
        by_click, by_mail = str(message["List-Unsubscribe"]).split(", ")
        token = by_click.removeprefix("<https://example.com/u/").removesuffix(">")
        assert Unsubscribing.from_settings(found).read(token) == (1, customer, address)
        assert by_mail == f"<mailto:stop@example.com?subject=unsubscribe%20{token}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert message["Feedback-ID"] == "broadcast-1:example-network"
        assert message["Auto-Submitted"] is None


def test_the_key_beside_the_database_signs_where_none_is_set(network: Program, box: Box) -> None:
    network.environ["UMMSG_UNSUBSCRIBE_URL"] = "https://example.com/u"

    assert network(*BROADCAST).code == 0

    found = Settings.load(network.environ, network.folder)
    token = str(message_to(box, "anna@example.com")["List-Unsubscribe"]).rpartition("/")[2].removesuffix(">")
    assert Unsubscribing.from_settings(found).read(token) == (1, 1, "anna@example.com")


def test_a_system_email_says_that_it_is_automatic_and_cannot_be_unsubscribed_from(network: Program, box: Box) -> None:
    configure(network, UNSUBSCRIBE_URL="https://example.com/u", UNSUBSCRIBE_MAILTO="stop@example.com")
    install(network, content="Paid: {{ payment_total }}")
    payload = ("customer_id=1", "payment_total=5", "payment_id=7", "payment_status=completed")
    rest = ("payment_reference_code=R", "payment_product_names=Pro", "payment_date_created=2026-11-23")
    words = [word for field in (*payload, *rest, "payment_gateway=stripe") for word in ("--payload", field)]

    fired = network("events", "fire", "payment_received", *words)
    assert fired.code == 0, fired.err
    assert network("outbox", "run").code == 0

    message = message_to(box, "anna@example.com")
    assert message["Auto-Submitted"] == "auto-generated"
    for header in ("List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"):
        assert message[header] is None


def test_each_delivery_has_its_own_envelope_sender(network: Program, box: Box) -> None:
    found = configure(network, BOUNCE_ADDRESS="bounces@example.com")
    install(network, content="Paid: {{ payment_total }}")

    assert network(*BROADCAST).code == 0

    numbers = [ReturnPath.from_settings(found).delivery_id(sender) for sender in senders()]
    assert dict(network.rows("SELECT id, email FROM deliveries")) == dict(zip(numbers, box.recipients, strict=True))
    assert {str(message["From"]) for message in box} == {"Example Network <hello@example.com>"}


def test_without_the_settings_bounces_go_to_the_sender(network: Program, box: Box) -> None:
    assert network(*BROADCAST).code == 0

    assert set(senders()) == {"hello@example.com"}
    assert all(message["List-Unsubscribe"] is None for message in box)


def test_a_test_message_neither_unsubscribes_nor_bounces_for_anybody(network: Program, box: Box) -> None:
    configure(network, UNSUBSCRIBE_URL="https://example.com/u", BOUNCE_ADDRESS="bounces@example.com")
    assert network(*BROADCAST[:-1], "--draft", "--yes").code == 0

    result = network("broadcast", "test", 1, "--as", 1, "--to", "me@example.com")

    assert result.code == 0, result.err
    assert senders() == ["hello@example.com"]
    assert message_to(box, "me@example.com")["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("name", "value"), [("UNSUBSCRIBE_URL", "http://example.com/u"), ("BOUNCE_ADDRESS", "B <b@example.com>")]
)
def test_a_setting_that_cannot_be_used_stops_the_send_before_anything_is_stored(
    network: Program, box: Box, name: str, value: str
) -> None:
    configure(network, **{name: value})
    before = network.dump()

    result = network(*BROADCAST)

    assert result.code == 4
    assert f"UMMSG_{name}" in result.err
    assert network.dump() == before
    assert box.recipients == []
