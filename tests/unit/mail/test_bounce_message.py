"""What a message that came back says, and how little it takes to find out."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bounce_mail import dsn, qmail, reply
from ummsg.domain.bounce import Notification, Verdict
from ummsg.domain.suppression import says_nobody
from ummsg.mail.bounces.message import LARGEST, MOST_READ, Unreadable, read

NESTED = "".join(f'Content-Type: multipart/mixed; boundary="{level}"\n\n--{level}\n' for level in range(2_000)).encode()
DIGESTED = b'Content-Type: multipart/digest; boundary="b"\n\n' + b"--b\n\n" * 100_000
FORWARDED = b"Content-Type: message/rfc822\n\n" * 50_000
BLOCKS = b"Content-Type: message/delivery-status\n\n" + b"A: b\n\n" * 100_000
BLANK_BLOCKS = b"Content-Type: message/delivery-status\n\n" + b"\r\n" * 500_000
OLD_MAC = b"Content-Type: message/delivery-status\r\r" + b"\r" * 500_000
PIECES = b"Content-Type: multipart/report" + b"".join(b"; b*%d=x" % number for number in range(150_000)) + b"\n\n"
FIELDS = b"To: a@b.example\n" * 120_000
ADDRESSES = b"To: " + b"a@b.example, " * 100_000 + b"\n\n"
BOMBS = [NESTED, DIGESTED, FORWARDED, BLOCKS, BLANK_BLOCKS, OLD_MAC, PIECES]


def said(raw: bytes) -> Notification:
    (found,) = read(raw).notifications
    return found


@pytest.mark.parametrize("header", ["Delivered-To", "X-Original-To", "Envelope-To", "To"])
def test_whom_it_was_sent_to(header: str) -> None:
    assert "b+1-x@example.com" in read(dsn("Bounces <b+1-x@example.com>", header=header)).recipients
    assert "b+1-x@example.com" not in read(dsn("b+1-x@example.com", header="Subject")).recipients


@pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/rfc822"])
def test_which_message_came_back(returned: str) -> None:
    assert read(dsn(message_id="abc@example.com", returned=returned)).message_ids == ["abc@example.com"]


def test_a_message_id_in_words_is_none() -> None:
    assert read(dsn(message_id="abc@example.com", returned="text/plain")).message_ids == []
    assert read(reply("b@example.com", "Message-ID: <abc@example.com>")).message_ids == []


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("failed", Verdict.FAILED),
        ("Failed (bad address)", Verdict.FAILED),
        ("error", Verdict.FAILED),
        ("delayed", Verdict.DELAYED),
        ("delivered", Verdict.OTHER),
        ("relayed", Verdict.OTHER),
        ("expanded", Verdict.OTHER),
        ("?", Verdict.OTHER),
    ],
)
def test_what_has_become_of_it(action: str, verdict: Verdict) -> None:
    assert said(dsn(action=action)).verdict is verdict


@pytest.mark.parametrize(
    ("status", "diagnostic", "reply", "gone"),
    [
        ("5.1.1", "smtp; 550 5.1.1 <a@b>: no", "550 5.1.1 <a@b>: no", True),
        ("5.1.1 (no such user)", "smtp; 550 No such user here", "5.1.1 550 No such user here", True),
        ("5.1.1", 'X-Postfix; unknown user: "gone"', '5.1.1 unknown user: "gone"', True),
        ("5.1.1", "", "5.1.1", True),
        ("5.1.1", "smtp; 550-5.7.1 blocked", "550-5.7.1 blocked", False),
        ("5.0.0", "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", "", True),
        ("4.4.7", "smtp; 451 4.4.7 timed out", "451 4.4.7 timed out", False),
        ("", "", "failed, without a reason", False),
        ("nonsense", "smtp; go\x1b[2J\x00 away\n  folded", "go [2J away folded", False),
    ],
)
def test_the_words_of_the_server(status: str, diagnostic: str, reply: str, gone: bool) -> None:
    notification = said(dsn(status=status, diagnostic=diagnostic))

    assert not reply or notification.reply == reply
    assert notification.reply.isprintable()
    assert says_nobody(notification.reply) is gone


def test_a_long_diagnostic_is_cut() -> None:
    assert len(said(dsn(diagnostic="smtp; 550 5.1.1 " + "x" * 100_000)).reply) <= 500


def test_of_several_recipients_each_is_told() -> None:
    several = dsn(action="delivered", status="2.0.0", diagnostic="").replace(
        b"Action: delivered\n",
        b"Action: delayed\nStatus: 4.0.0\n\nAction: failed\nStatus: 5.1.1\n\nAction: delivered\n",
    )

    assert read(several).notifications == [
        Notification(Verdict.DELAYED, "4.0.0", "anna@example.com"),
        Notification(Verdict.FAILED, "5.1.1"),
        Notification(Verdict.OTHER, "2.0.0"),
    ]


@pytest.mark.parametrize(
    ("final", "original", "named"),
    [
        ("rfc822; gone@example.org", "", "gone@example.org"),
        ("rfc822; gone@example.org", "rfc822;anna@example.com", "anna@example.com"),
        ("RFC822;<gone@example.org>", "", "gone@example.org"),
        ("utf-8; gone@example.org", "", "gone@example.org"),
        ("x400; /c=se/o=gone", "", "x400; /c=se/o=gone"),
        ("gone@example.org", "", "gone@example.org"),
        ("rfc822;", "", ""),
        ("", "", ""),
    ],
)
def test_whom_it_is_about(final: str, original: str, named: str) -> None:
    assert said(dsn(recipient=final, original=original)).recipient == named


def test_of_many_recipients_the_first_are_told() -> None:
    start = b"Content-Type: message/delivery-status\n\n"
    blocks = start + b"Action: failed\n\n" * 100 + b"--B1/mx.example.org\n"
    many = dsn().replace(start, blocks * 3 + start)

    assert len(read(many).notifications) == MOST_READ


def test_what_is_no_notification_is_recognised_by_its_words() -> None:
    message = read(qmail("b@example.com"))

    assert message.notifications == []
    assert message.guessed() == [Notification(Verdict.FAILED, "550 5.1.1 no such user", "anna@example.com")]
    assert read(qmail("b@example.com", "I hate you", "gone@example.org")).guessed() == [
        Notification(Verdict.FAILED, "returned as undeliverable, without a status code", "gone@example.org")
    ]


@pytest.mark.parametrize(
    "raw",
    [
        reply("b@example.com"),
        b"",
        b"\0\xff\xfe" * 1000,
        b"\n",
        b"Content-Type: \xff/\xff; boundary=\xff\n\n\xff",
        b"To: \xff\xfe <b@\xff>\nMessage-ID: <\xff>\n\n",
        b"Content-Type: multipart/report\n\nno boundary",
        b"Content-Type: message/delivery-status\n\nAction\n",
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n!!!",
        b"Content-Type: text/rfc822-headers; charset=nonsense\nContent-Transfer-Encoding: base64\n\n=?=",
    ],
)
def test_spam_and_rubbish_say_nothing(raw: bytes) -> None:
    message = read(raw)

    assert message.notifications == []
    assert not message.guessed()


@given(raw=st.binary(max_size=2_000))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    assert all(notification.reply.isprintable() for notification in read(raw).notifications)


@pytest.mark.parametrize(
    "bomb", BOMBS, ids=["nested", "digest", "forwarded", "blocks", "blank blocks", "line ends of old", "pieces"]
)
def test_what_is_made_to_be_work_is_refused_before_it_is_any(bomb: bytes) -> None:
    assert len(bomb) < LARGEST
    tracemalloc.start()
    with pytest.raises(Unreadable):
        read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * LARGEST


@pytest.mark.parametrize("many", [FIELDS, ADDRESSES], ids=["fields", "addresses"])
def test_of_many_the_first_are_looked_at(many: bytes) -> None:
    assert len(many) < LARGEST
    assert len(read(many).recipients) <= 200


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(Unreadable, match="KiB"):
        read(b"x" * (LARGEST + 1))


def test_a_long_line_is_not_given_to_regular_expressions() -> None:
    assert read(qmail("b@example.com") + b"x" * 10_000).guessed() == ()
