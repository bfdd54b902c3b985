"""Messages read back by the standard library: what was put in, and nothing else."""

import email
import re
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.errors import InvalidInput
from ummsg.mail.message import Headers, compose, parse_sender
from ummsg.mail.templates import Rendered, RenderFailed

NOW = datetime(2026, 11, 23, 12, 30, 15, tzinfo=timezone(timedelta(hours=1)))
NAMES = [
    "",
    "Anna Andersson",
    "Åsa Öberg",
    'Quote "the great" O\'Brien',
    "Andersson, Anna",
    "back\\slash (comment) <a@b.example>",
    "山田 太郎",
    "שלום עולם",
    "محمد علي",
    "Дмитрий",
    "ร้านค้า",
    "😀 emoji 👩‍👩‍👧",
    "x" * 300,
    "ö" * 300,
    "word, " * 50 + "end",
    "a" * 70 + ", b <c@d.example>" * 5,
    "wörd, <c@d.example>, " * 15 + "end",
    "=?utf-8?q?not_encoded?=",
    "Team; undisclosed-recipients: x@y.example;",
]


def _composed(
    name: str = "Anna", subject: str = "Hej", html: str = "<p>Hej</p>", text: str = "Hej\n", **more: object
) -> bytes:
    headers = {
        "sender": "Example Network <hello@network.example>",
        "reply_to": "",
        "recipient_name": name,
        "recipient_email": "anna@example.com",
        "message_id": "12.34abc@network.example",
        "date": NOW,
        **more,
    }
    return compose(Rendered(subject, html, text), Headers(**headers))  # type: ignore[arg-type]


def _parsed(message: bytes) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(message)


def _unfolded(message: bytes, header: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", str(_raw(message)[header]))


def _raw(message: bytes) -> Message:
    return email.message_from_bytes(message)


def _display_name(message: bytes, header: str) -> str:
    """By RFC 2047 and 5322. The default policy's parser puts spaces between adjacent encoded words of a phrase."""
    phrase = _unfolded(message, header).rpartition("<")[0].strip()
    if phrase.startswith('"'):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    return str(make_header(decode_header(phrase)))


def _check_only_recipient(message: bytes) -> None:
    parsed = _parsed(message)
    assert [address.addr_spec for address in parsed["To"].addresses] == ["anna@example.com"]
    assert parsed.keys() == ["From", "Date", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type"]
    assert parsed["Cc"] is None
    assert parsed["Bcc"] is None


@pytest.mark.parametrize("name", NAMES)
def test_names_come_back_as_they_were(name: str) -> None:
    message = _composed(name)

    _check_only_recipient(message)
    assert _display_name(message, "To") == name


@pytest.mark.parametrize("subject", [name for name in NAMES if name])
def test_subjects_come_back_as_they_were(subject: str) -> None:
    message = _composed(subject=subject)

    assert str(_parsed(message)["Subject"]) == subject


@given(name=st.text(max_size=400), subject=st.text(min_size=1, max_size=400))
def test_any_name_and_subject_stay_in_their_headers(name: str, subject: str) -> None:
    message = _composed(name, subject)

    _check_only_recipient(message)
    controls = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
    assert _display_name(message, "To") == " ".join(controls.sub(" ", name).split())
    assert str(make_header(decode_header(_unfolded(message, "Subject")))) == " ".join(
        controls.sub(" ", subject).split()
    )
    head = message.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78


@given(
    name=st.sampled_from(
        ["\r\nBcc: x@y.example", "a\nTo: x@y.example", "a\r\n\r\nbody", "a\x00\x0b\x0cb", "a\u2028Cc: x@y.z"]
    )
)
def test_no_name_or_subject_adds_a_header(name: str) -> None:
    _check_only_recipient(_composed(name, name))


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=2000))
def test_both_bodies_come_back_as_they_were(text: str) -> None:
    parsed = _parsed(_composed(html=f"<p>{text}</p>\n", text=f"{text}\n"))

    assert parsed.get_content_type() == "multipart/alternative"
    plain, html = parsed.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().replace("\r\n", "\n") == f"{text}\n"
    assert html.get_content().replace("\r\n", "\n") == f"<p>{text}</p>\n"


@pytest.mark.parametrize("text", ["x" * 5000 + "\n", "å" * 5000 + "\n", ".\n..\nFrom me\n"])
def test_the_bytes_are_fit_for_smtp(text: str) -> None:
    message = _composed(html=text, text=text)

    assert message.isascii()
    assert b"\n" not in message.replace(b"\r\n", b"")
    assert b"\r" not in message.replace(b"\r\n", b"")
    assert max(map(len, message.split(b"\r\n"))) <= 998


def test_the_headers() -> None:
    parsed = _parsed(_composed(reply_to='"Support, Net" <help@network.example>'))

    assert parsed["From"] == "Example Network <hello@network.example>"
    assert parsed["Reply-To"].addresses[0].display_name == "Support, Net"
    assert parsed["Reply-To"].addresses[0].addr_spec == "help@network.example"
    assert parsed["Date"].datetime == NOW
    assert parsed["Message-ID"] == "<12.34abc@network.example>"
    assert parsed["MIME-Version"] == "1.0"
    assert parsed["X-Ummsg-Test"] is None


def test_a_test_message_is_marked() -> None:
    parsed = _parsed(_composed(test=True))

    assert parsed["Subject"] == "[Test] Hej"
    assert parsed["X-Ummsg-Test"] == "yes"


def test_a_domain_of_another_script_is_in_ascii_and_a_mailbox_is_as_it_is() -> None:
    assert b"To: Anna <anna@xn--bcher-kva.example>\r\n" in _composed(recipient_email="anna@bücher.example")
    assert "To: Anna <åsa@bücher.example>\r\n".encode() in _composed(recipient_email="åsa@bücher.example")


@pytest.mark.parametrize(
    "address",
    [
        "a@b.c\r\nBcc: x@y.z",
        "a@b.c, x@y.z",
        "a b@c.d",
        "",
        "a",
        "@b.c",
        "a@",
        "a@b@c.d",
        "<a@b.c>",
        "a@b.c\0",
        "a@b.c\u2028",
    ],
)
def test_an_address_that_is_more_than_an_address_makes_no_message(address: str) -> None:
    with pytest.raises(RenderFailed, match="no address"):
        _composed(recipient_email=address)


@pytest.mark.parametrize("message_id", ["a\r\nBcc: x", "a b", "", "<a@b>", "å@b"])
def test_a_message_id_that_is_none_makes_no_message(message_id: str) -> None:
    with pytest.raises(RenderFailed, match="Message-ID"):
        _composed(message_id=message_id)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example Network <hello@network.com>", ("Example Network", "hello@network.com")),
        ("hello@network.com", ("", "hello@network.com")),
        ("<hello@network.com>", ("", "hello@network.com")),
        ("Example, Inc <hello@network.com>", ("Example, Inc", "hello@network.com")),
        ('"Say \\"hi\\", Net" <hello@network.com>', ('Say "hi", Net', "hello@network.com")),
        ("  Åsa  <åsa@bücher.com> ", ("Åsa", "åsa@bücher.com")),
    ],
)
def test_a_sender_is_a_name_and_an_address(text: str, expected: tuple[str, str]) -> None:
    assert parse_sender(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "X <>", "a@b.com, c@d.com", "A <a@b.com>, B <c@d.com>", "a@b.com <c@d.com>", "A <a@b.com> x"),
        *(
            "A\r\nBcc: x@y.com <a@b.com>",
            "A <a@b.com\nx>",
            "A\0 <a@b.com>",
            "A <a b@c.com>",
            "A <a@b.com",
            "A <a@b@c.com>",
        ),
    ],
)
def test_what_is_not_one_name_and_one_address_is_no_sender(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_sender(text)


def test_the_time_zone_of_the_date_is_kept() -> None:
    assert b"Date: Mon, 23 Nov 2026 11:30:15 +0000\r\n" in _composed(date=NOW.astimezone(UTC))


def test_what_receivers_look_for_is_left_out_unless_it_is_given() -> None:
    parsed = _parsed(_composed())

    for header in ("List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "Auto-Submitted"):
        assert parsed[header] is None


def test_unsubscribing_by_a_click_and_by_mail() -> None:
    message = _composed(unsubscribe=("https://x.example/u/abc", "mailto:u@x.example?subject=unsubscribe%20abc"))

    assert _unfolded(message, "List-Unsubscribe") == (
        "<https://x.example/u/abc>, <mailto:u@x.example?subject=unsubscribe%20abc>"
    )
    assert _parsed(message)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_click_is_promised_only_where_there_is_something_to_click() -> None:
    parsed = _parsed(_composed(unsubscribe=("mailto:u@x.example",)))

    assert parsed["List-Unsubscribe"] == "<mailto:u@x.example>"
    assert parsed["List-Unsubscribe-Post"] is None


def test_the_headers_of_a_campaign_and_of_a_machine() -> None:
    assert _parsed(_composed(feedback_id="broadcast-1:example"))["Feedback-ID"] == "broadcast-1:example"
    assert _parsed(_composed(automatic=True))["Auto-Submitted"] == "auto-generated"
