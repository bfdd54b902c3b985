"""What goes over the wire and what is read from it, byte by byte."""

import re
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.mail.transports.base import one_line
from ummsg.mail.transports.smtp_transaction import END, as_data
from ummsg.mail.transports.smtp_wire import MAX_REPLY_BYTES, ConnectionLost, Reply, Wire

awkward = st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\n", b"\r", b"a", b"QUIT", b"\xff", b""])).map(b"".join)


@given(awkward)
def test_the_final_dot_comes_once_and_at_the_end_whatever_the_message(message: bytes) -> None:
    data = as_data(message) + END

    assert data.split(b"\r\n").count(b".") == 1
    assert data.endswith(b".\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", data), "bare line ends let one message pass for two"


@given(awkward)
def test_what_the_server_unstuffs_is_the_message(message: bytes) -> None:
    lines = as_data(message).split(b"\r\n")
    unstuffed = b"\r\n".join(line.removeprefix(b".") for line in lines)

    sent = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    assert unstuffed == (sent if not sent or sent.endswith(b"\r\n") else sent + b"\r\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\r\nlines", "two lines"),
        (" tabs\tand  spaces ", "tabs and spaces"),
        ("\x1b[2Jclear", "[2Jclear"),
        ("right\N{RIGHT-TO-LEFT OVERRIDE}left", "right left"),
        ("x" * 501, "x" * 499 + "…"),
        ("東京", "東京"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours, timeout=30, give_up_at=time.monotonic() + 30), theirs


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"250 ok\r\n", "250 ok"),
        (b"250\r\n", "250"),
        (b"250 \r\n", "250"),
        (b"250 bare line end\n", "250 bare line end"),
        (b"250-first\r\n250 second\r\n", "250 first second"),
        (b"550-5.1.1 first\r\n550-5.1.1 second\r\n550 5.1.1\r\n", "550 5.1.1 first second"),
        (b"550 caf\xe9\r\n", "550 caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_replies_are_read_leniently_and_kept_on_one_line(
    pair: tuple[Wire, socket.socket], said: bytes, reply: str
) -> None:
    wire, server = pair
    server.sendall(said)

    assert str(wire.reply()) == reply


@pytest.mark.parametrize("said", [b"\r\n", b"250ok\r\n", b"99 no\r\n", b"150 no\r\n", b"650 no\r\n", b"\x16\x03\x01\n"])
def test_what_is_not_a_reply_is_not_taken_for_one(pair: tuple[Wire, socket.socket], said: bytes) -> None:
    wire, server = pair
    server.sendall(said)

    with pytest.raises(ConnectionLost, match="that is not SMTP"):
        wire.reply()


@pytest.mark.parametrize("said", [b"2" * (MAX_REPLY_BYTES + 1), b"250-more\r\n" * (MAX_REPLY_BYTES // 10 + 1)])
def test_a_reply_without_an_end_is_not_kept(pair: tuple[Wire, socket.socket], said: bytes) -> None:
    wire, server = pair
    server.sendall(said)

    with pytest.raises(ConnectionLost, match="without an end"):
        wire.reply()


def test_replies_that_come_together_are_read_one_by_one(pair: tuple[Wire, socket.socket]) -> None:
    wire, server = pair
    server.sendall(b"250 one\r\n250 two\r\n")

    assert [str(wire.reply()), str(wire.reply())] == ["250 one", "250 two"]


def test_what_a_server_said_before_it_hung_up_on_a_message_is_heard(pair: tuple[Wire, socket.socket]) -> None:
    wire, server = pair
    server.sendall(b"552 5.3.4 too big\r\n")
    server.shutdown(socket.SHUT_RD)

    with pytest.raises(ConnectionLost, match="closed the connection"):
        wire.write(b"x" * 1_000_000)
    assert wire.last_words() == Reply(552, ("5.3.4 too big",))


def test_a_server_that_hung_up_without_a_word_has_no_last_words(pair: tuple[Wire, socket.socket]) -> None:
    wire, server = pair
    server.close()

    assert wire.last_words() is None


def test_nothing_is_waited_for_beyond_the_end_of_the_transaction(pair: tuple[Wire, socket.socket]) -> None:
    wire, _ = pair
    wire.give_up_at = time.monotonic()

    with pytest.raises(ConnectionLost, match="within 0 s"):
        wire.reply(patience=1000)
