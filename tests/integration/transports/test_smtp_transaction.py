"""What becomes of a message, by the step at which something goes wrong, and of the one after it."""

import pytest

from tests.smtp_server import CLOSE, DRIP, GARBAGE, HANG, PARTIAL, RESET, SmtpServer
from ummsg.config import MailUrl
from ummsg.domain.delivery import Fate
from ummsg.errors import MailServerRefused, MailServerUnreachable
from ummsg.mail.transports import smtp
from ummsg.mail.transports.base import Connection, Envelope, open_transport
from ummsg.mail.transports.smtp_wire import Reply, Wire

FIRST = Envelope("hello@example.com", "first@example.net")
SECOND = Envelope("hello@example.com", "second@example.net")
MESSAGE = b"Subject: Hello\r\n\r\nGood morning.\r\n"
NO_WORD = [CLOSE, RESET, HANG, GARBAGE, DRIP, PARTIAL]


def connected(server: SmtpServer, timeout: float = 30) -> Connection:
    return open_transport(MailUrl.parse(f"{server.url}?timeout={timeout}"), lambda: None).connect()


def waiting_for(answer: str, server: SmtpServer) -> Connection:
    """A time-out that is worth waiting out where no answer comes, and that a slow machine cannot reach elsewhere."""
    return connected(server, timeout=0.6 if answer in (HANG, DRIP) else 30)


@pytest.mark.parametrize(
    ("step", "answer", "fate"),
    [
        ("MAIL", "451 4.3.0 later", Fate.REFUSED_FOR_NOW),
        ("MAIL", "552 5.3.4 message too big", Fate.REFUSED),
        ("MAIL", "552 message too big", Fate.REFUSED),
        ("RCPT", "450 4.2.0 greylisted", Fate.REFUSED_FOR_NOW),
        ("RCPT", "452 4.2.2 mailbox full", Fate.REFUSED_FOR_NOW),
        ("RCPT", "552 over quota", Fate.REFUSED_FOR_NOW),
        ("RCPT", "550 5.2.2 mailbox full", Fate.REFUSED_FOR_NOW),
        ("RCPT", "550 4.2.1 disabled for now", Fate.REFUSED_FOR_NOW),
        ("RCPT", "550 5.1.1 no such user", Fate.REFUSED),
        ("DATA", "451 4.3.0 later", Fate.REFUSED_FOR_NOW),
        ("DATA", "554 5.5.1 no", Fate.REFUSED),
        ("DOT", "452 4.3.1 disk full", Fate.REFUSED_FOR_NOW),
        ("DOT", "554 5.7.1 looks like spam", Fate.REFUSED),
    ],
)
def test_a_refusal_is_kept_in_the_servers_words_and_the_next_goes_over_the_same_connection(
    smtp_server: SmtpServer, step: str, answer: str, fate: Fate
) -> None:
    smtp_server.script(step, answer, message=1)

    with connected(smtp_server) as connection:
        first, second = connection.send(FIRST, MESSAGE), connection.send(SECOND, MESSAGE)

    assert (first.fate, first.reply) == (fate, answer)
    assert second.fate is Fate.ACCEPTED
    assert [message.rcpt_to for message in smtp_server.messages] == [["second@example.net"]]
    assert smtp_server.connections == 1


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        *((step, answer) for step in ("RCPT", "DATA") for answer in [*NO_WORD, "421 4.3.2 shutting down", "150 what"]),
        ("RCPT", "354 what"),
        ("DATA", "250 what"),
    ],
)
def test_a_connection_lost_before_the_body_means_later_and_a_new_one_for_the_next(
    smtp_server: SmtpServer, step: str, answer: str
) -> None:
    smtp_server.script(step, answer, message=1)

    with waiting_for(answer, smtp_server) as connection:
        first, second = connection.send(FIRST, MESSAGE), connection.send(SECOND, MESSAGE)

    assert first.fate is Fate.REFUSED_FOR_NOW
    assert first.reply
    assert second.fate is Fate.ACCEPTED
    assert [message.rcpt_to for message in smtp_server.messages] == [["second@example.net"]]
    assert smtp_server.connections == 2


@pytest.mark.parametrize("answer", [CLOSE, RESET, HANG])
def test_a_connection_lost_while_the_body_is_written_means_later(answer: str) -> None:
    too_big_for_any_buffer = MESSAGE + b"A line of a very long message, with nothing in it.\r\n" * 400_000

    with SmtpServer(features=()) as server, waiting_for(answer, server) as connection:
        server.script("BODY", answer, message=1)
        first, second = connection.send(FIRST, too_big_for_any_buffer), connection.send(SECOND, MESSAGE)

    assert first.fate is Fate.REFUSED_FOR_NOW
    assert "before the message was complete" in first.reply
    assert second.fate is Fate.ACCEPTED
    assert server.connections == 2


@pytest.mark.parametrize("answer", [*NO_WORD, "354 go on", "199 what"])
def test_no_word_after_the_final_dot_is_doubt_and_the_message_is_not_sent_again(
    smtp_server: SmtpServer, answer: str
) -> None:
    smtp_server.script("DOT", answer, message=1)

    with waiting_for(answer, smtp_server) as connection:
        first, second = connection.send(FIRST, MESSAGE), connection.send(SECOND, MESSAGE)

    assert first.fate is Fate.IN_DOUBT
    assert first.reply.startswith("the message was complete, and the server ")
    assert second.fate is Fate.ACCEPTED
    assert smtp_server.commands.count("RCPT TO:<first@example.net>") == 1
    assert smtp_server.connections == 2


def test_421_to_the_final_dot_is_an_answer(smtp_server: SmtpServer) -> None:
    smtp_server.script("DOT", "421 4.3.2 shutting down", message=1)

    with connected(smtp_server) as connection:
        first, second = connection.send(FIRST, MESSAGE), connection.send(SECOND, MESSAGE)

    assert (first.fate, first.reply) == (Fate.REFUSED_FOR_NOW, "421 4.3.2 shutting down")
    assert second.fate is Fate.ACCEPTED
    assert smtp_server.connections == 2


@pytest.mark.parametrize("answer", [*NO_WORD, "421 4.4.2 idle for too long"])
def test_a_connection_found_dead_at_mail_from_is_replaced_and_the_message_goes_out(
    smtp_server: SmtpServer, answer: str
) -> None:
    smtp_server.script("MAIL", answer, message=2)

    with waiting_for(answer, smtp_server) as connection:
        first, second = connection.send(FIRST, MESSAGE), connection.send(SECOND, MESSAGE)

    assert (first.fate, second.fate) == (Fate.ACCEPTED, Fate.ACCEPTED)
    assert [message.rcpt_to for message in smtp_server.messages] == [["first@example.net"], ["second@example.net"]]
    assert smtp_server.connections == 2


@pytest.mark.parametrize("answer", [*NO_WORD, "421 4.4.2 goodbye", "502 5.5.1 what is RSET"])
def test_a_connection_found_dead_at_rset_is_replaced_and_the_message_goes_out(
    smtp_server: SmtpServer, answer: str
) -> None:
    smtp_server.script("RCPT", "550 5.1.1 no such user", message=1)
    smtp_server.script("RSET", answer, times=1)

    with waiting_for(answer, smtp_server) as connection:
        first, second = connection.send(FIRST, MESSAGE), connection.send(SECOND, MESSAGE)

    assert (first.fate, second.fate) == (Fate.REFUSED, Fate.ACCEPTED)
    assert smtp_server.connections == 2


def test_a_connection_dropped_while_idle_is_replaced(smtp_server: SmtpServer) -> None:
    with connected(smtp_server) as connection:
        connection.send(FIRST, MESSAGE)
        smtp_server.drop_connections()
        assert connection.send(SECOND, MESSAGE).fate is Fate.ACCEPTED

    assert len(smtp_server.messages) == 2


@pytest.mark.parametrize(("answer", "words"), [(CLOSE, "the server closed the connection at MAIL"), ("421 no", "421")])
def test_a_server_that_hangs_up_at_every_mail_from_is_tried_twice_and_then_means_later(
    smtp_server: SmtpServer, answer: str, words: str
) -> None:
    smtp_server.script("MAIL", answer)

    with connected(smtp_server) as connection:
        outcome = connection.send(FIRST, MESSAGE)

    assert outcome.fate is Fate.REFUSED_FOR_NOW
    assert outcome.reply.startswith(words)
    assert smtp_server.connections == 2


def test_a_server_that_is_gone_when_it_is_needed_again_counts_no_attempt(smtp_server: SmtpServer) -> None:
    with connected(smtp_server) as connection:
        connection.send(FIRST, MESSAGE)
        smtp_server.close()
        with pytest.raises(MailServerUnreachable, match=f"127.0.0.1:{smtp_server.port}: connection refused"):
            connection.send(SECOND, MESSAGE)


@pytest.mark.parametrize("answer", ["550 5.7.1 not you", "553 5.1.8 no such domain", "554 5.7.1 go away", "501 bad"])
def test_a_refused_sender_stops_the_run_in_the_servers_words(smtp_server: SmtpServer, answer: str) -> None:
    smtp_server.script("MAIL", answer)

    with connected(smtp_server) as connection, pytest.raises(MailServerRefused) as refused:
        connection.send(FIRST, MESSAGE)

    assert answer in refused.value.what
    assert "hello@example.com" in refused.value.what
    assert "UMMSG_FROM" in refused.value.hint


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_wants_a_login_first_says_which_setting_is_missing(smtp_server: SmtpServer, step: str) -> None:
    smtp_server.script(step, "530 5.7.0 Authentication required")

    with (
        connected(smtp_server) as connection,
        pytest.raises(MailServerRefused, match="wants a login before") as refused,
    ):
        connection.send(FIRST, MESSAGE)

    assert "UMMSG_MAIL_PASSWORD" in refused.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        "553 5.7.1 <hello@example.com>: Sender address rejected: not owned by user anna",
        "550 5.1.8 <hello@example.com>: domain not found",
    ],
)
def test_a_sender_refused_only_at_rcpt_is_not_the_recipients_fault(smtp_server: SmtpServer, answer: str) -> None:
    smtp_server.script("RCPT", answer)

    with connected(smtp_server) as connection, pytest.raises(MailServerRefused, match="does not take mail from hello@"):
        connection.send(FIRST, MESSAGE)


def test_after_a_refused_sender_the_connection_can_still_be_used(smtp_server: SmtpServer) -> None:
    smtp_server.script("MAIL", "550 5.7.1 not you", message=1)

    with connected(smtp_server) as connection:
        with pytest.raises(MailServerRefused):
            connection.send(FIRST, MESSAGE)
        assert connection.send(SECOND, MESSAGE).fate is Fate.ACCEPTED


def test_a_reply_of_many_lines_is_kept_as_one(smtp_server: SmtpServer) -> None:
    smtp_server.script("RCPT", "550-5.1.1 The account\n550-5.1.1 \x1b[31mdoes not\x07\n550 5.1.1 exist. " + "x" * 2000)

    with connected(smtp_server) as connection:
        reply = connection.send(FIRST, MESSAGE).reply

    assert reply.startswith("550 5.1.1 The account [31mdoes not exist. xxx")
    assert reply.isprintable()
    assert len(reply) == 500


def test_a_message_over_the_servers_size_limit_is_refused_without_being_offered() -> None:
    with SmtpServer(features=("SIZE 1000",)) as server, connected(server) as connection:
        refused = connection.send(FIRST, MESSAGE + b"x" * 1000)
        taken = connection.send(SECOND, MESSAGE)

    assert refused.fate is Fate.REFUSED
    assert "takes 1,000 at most" in refused.reply
    assert taken.fate is Fate.ACCEPTED
    assert server.messages[0].parameters == f"SIZE={len(MESSAGE)}"


def test_an_address_outside_ascii_needs_smtputf8() -> None:
    chinese = Envelope("hello@example.com", "用户@例え.jp")

    with SmtpServer() as server, connected(server) as connection:
        assert connection.send(chinese, MESSAGE).fate is Fate.ACCEPTED
    assert server.messages[0].rcpt_to == ["用户@例え.jp"]
    assert server.messages[0].parameters.split()[:2] == ["SMTPUTF8", "BODY=8BITMIME"]

    with SmtpServer(features=("8BITMIME",)) as server, connected(server) as connection:
        refused = connection.send(chinese, MESSAGE)
    assert refused.fate is Fate.REFUSED
    assert "SMTPUTF8" in refused.reply
    assert not any(command.startswith("MAIL") for command in server.commands)


def test_a_domain_outside_ascii_does_not() -> None:
    with SmtpServer(features=()) as server, connected(server) as connection:
        assert connection.send(Envelope("hello@example.com", "anna@straße.de"), MESSAGE).fate is Fate.ACCEPTED

    assert server.messages[0].rcpt_to == ["anna@xn--strae-oqa.de"]


def test_an_interrupted_message_leaves_no_half_used_connection(
    smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C twice: nothing more may be said on a connection whose answer was not waited for."""
    reply = Wire.reply

    def interrupted_after_the_dot(wire: Wire, patience: float | None = None) -> Reply:
        if patience is not None and patience > wire.timeout:
            raise KeyboardInterrupt
        return reply(wire)

    with connected(smtp_server) as connection:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(Wire, "reply", interrupted_after_the_dot)
            connection.send(FIRST, MESSAGE)
        assert connection.send(SECOND, MESSAGE).fate is Fate.ACCEPTED

    assert smtp_server.commands[smtp_server.commands.index("DATA") + 1].startswith("EHLO")


def test_a_transaction_ends_before_its_claim_does(smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long each step may take: the time-out here is far beyond what the whole may take."""
    monkeypatch.setattr(smtp, "LONGEST_TRANSACTION", 0.3)
    smtp_server.script("DOT", HANG)

    with connected(smtp_server, timeout=300) as connection:
        assert connection.send(FIRST, MESSAGE).fate is Fate.IN_DOUBT
