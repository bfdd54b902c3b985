"""What every transport promises (docs/transports.md), run over all of them."""

import pytest

from tests.integration.transports.conftest import CAN_REFUSE, PASSWORD, Destination
from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate
from ummsg.errors import NotConfigured
from ummsg.mail.transports.base import Envelope, open_transport

ENVELOPE = Envelope("hello@example.com", "anna@example.net")
HEADERS = (
    b"From: Example Network <hello@example.com>\r\n"
    b"To: =?utf-8?q?Someone_Else?= <someone@else.example>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
)
BODIES = {
    "plain": b"Good morning.\r\n",
    "dots": b".\r\n..\r\n.hidden\r\na.b\r\n\r\n.\r\n",
    "long": b"".join(b"line %d of a long message\r\n" % number for number in range(20_000)),
    "not ASCII": "Žluťoučký kůň 東京 \N{GRINNING FACE}\r\n".encode(),
    "looks like commands": b"QUIT\r\nRSET\r\nMAIL FROM:<a@b>\r\nFrom here on\r\n",
    "empty": b"",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_message_arrives_as_it_was(destination: Destination, body: bytes) -> None:
    with destination.transport().connect() as connection:
        outcome = connection.send(ENVELOPE, HEADERS + body)

    assert outcome.fate is Fate.ACCEPTED
    assert outcome.reply
    [(envelope, message)] = destination.arrived()
    assert envelope == ENVELOPE
    if destination.exact:
        assert message == HEADERS + body
    else:
        assert {"Subject:  Grüße", *body.decode().splitlines()} <= set(message.decode().splitlines())


def test_the_envelope_alone_says_who_gets_it(destination: Destination) -> None:
    with destination.transport().connect() as connection:
        connection.send(ENVELOPE, HEADERS + b"Hello\r\n")

    assert [envelope.rcpt_to for envelope, _ in destination.arrived()] == ["anna@example.net"]


def test_several_messages_over_one_connection(destination: Destination) -> None:
    everyone = [Envelope("hello@example.com", f"customer{number}@example.net") for number in range(5)]

    with destination.transport().connect() as connection:
        for envelope in everyone:
            assert connection.send(envelope, HEADERS + envelope.rcpt_to.encode() + b"\r\n").fate is Fate.ACCEPTED

    arrived = destination.arrived()
    assert [envelope for envelope, _ in arrived] == everyone
    assert all(envelope.rcpt_to.encode() in message for envelope, message in arrived)
    if hasattr(destination, "server"):
        assert destination.server.connections == 1


@pytest.mark.parametrize("destination", CAN_REFUSE, indirect=True)
def test_a_refused_recipient_does_not_stop_the_next(destination: Destination) -> None:
    destination.refuse("nobody@example.net")

    with destination.transport().connect() as connection:
        refused = connection.send(Envelope("hello@example.com", "nobody@example.net"), HEADERS + b"Hello\r\n")
        taken = connection.send(ENVELOPE, HEADERS + b"Hello\r\n")

    assert (refused.fate, taken.fate) == (Fate.REFUSED, Fate.ACCEPTED)
    assert "no such user" in refused.reply
    assert [envelope for envelope, _ in destination.arrived()] == [ENVELOPE]


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope("hello@example.com", "a@b\r\nBcc: x@y"),
        Envelope("hello@example.com", "a@b\nRCPT TO:<x@y>"),
        Envelope("hello@example.com", "a@b> x@y"),
        Envelope("hello@example.com", "a@b\0"),
        Envelope("hello@example.com", ""),
        Envelope("hello@example.com>\r\nRCPT TO:<x@y", "anna@example.net"),
    ],
    ids=repr,
)
def test_an_address_that_would_add_others_is_refused_and_sent_nowhere(
    destination: Destination, envelope: Envelope
) -> None:
    with destination.transport().connect() as connection:
        refused = connection.send(envelope, HEADERS + b"Hello\r\n")
        taken = connection.send(ENVELOPE, HEADERS + b"Hello\r\n")

    assert (refused.fate, taken.fate) == (Fate.REFUSED, Fate.ACCEPTED)
    assert refused.reply.isprintable()
    assert [envelope for envelope, _ in destination.arrived()] == [ENVELOPE]


def test_an_address_like_an_option_is_an_address(destination: Destination) -> None:
    envelope = Envelope("-oQ/tmp@example.com", "-t@example.net")

    with destination.transport().connect() as connection:
        assert connection.send(envelope, HEADERS + b"Hello\r\n").fate is Fate.ACCEPTED

    assert [envelope for envelope, _ in destination.arrived()] == [envelope]


def test_closing_twice_is_closing_once(destination: Destination) -> None:
    connection = destination.transport().connect()
    with connection:
        connection.send(ENVELOPE, HEADERS + b"Hello\r\n")
    with connection:
        pass


def test_closing_does_not_raise_when_the_other_side_is_gone(destination: Destination) -> None:
    with destination.transport().connect():
        destination.close()


def test_a_transport_can_be_connected_again(destination: Destination) -> None:
    transport = destination.transport()
    for _ in range(2):
        with transport.connect() as connection:
            assert connection.send(ENVELOPE, HEADERS + b"Hello\r\n").fate is Fate.ACCEPTED

    assert len(destination.arrived()) == 2


def test_the_description_says_where_and_no_secret(destination: Destination) -> None:
    description = destination.transport().description
    assert description.startswith(destination.url.partition(":")[0])
    assert PASSWORD not in description


def test_an_unknown_option_is_named(destination: Destination) -> None:
    sign = "&" if "?" in destination.url else "?"

    with pytest.raises(NotConfigured, match="'colour'"):
        open_transport(MailUrl.parse(f"{destination.url}{sign}colour=red"), lambda: PASSWORD)
