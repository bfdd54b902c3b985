"""Mail that comes back, as servers write it."""

from textwrap import dedent


def dsn(
    to: str = "bounces@example.com",
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <gone@example.org>: no such user",
    message_id: str = "",
    header: str = "Delivered-To",
    returned: str = "text/rfc822-headers",
    recipient: str = "rfc822; anna@example.com",
    original: str = "",
) -> bytes:
    """A delivery status notification as Postfix writes it; `to` is whom its envelope was addressed to."""
    named = f"Original-Recipient: {original}\n" if original else ""
    named += f"Final-Recipient: {recipient}\n" if recipient else ""
    reason = f"Diagnostic-Code: {diagnostic}\n" if diagnostic else ""
    original = f"Message-ID: <{message_id}>\n" if message_id else ""
    return (
        f"Return-Path: <>\n{header}: {to}\nFrom: MAILER-DAEMON@mx.example.org (Mail Delivery System)\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="B1/mx.example.org"\n\n'
        "This is a MIME-encapsulated message.\n\n"
        "--B1/mx.example.org\nContent-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n\n"
        "This is the mail system at host mx.example.org.\n\nI'm sorry to have to inform you.\n\n"
        "--B1/mx.example.org\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.org\nArrival-Date: Mon, 23 Nov 2026 12:00:00 +0000\n\n"
        f"{named}Action: {action}\nStatus: {status}\n{reason}\n"
        f"--B1/mx.example.org\nContent-Description: Undelivered Message\nContent-Type: {returned}\n\n"
        f"Return-Path: <hello@example.com>\nSubject: Hello\n{original}\n"
        "--B1/mx.example.org--\n"
    ).encode()


def qmail(to: str, diagnostic: str = "550 5.1.1 no such user", recipient: str = "anna@example.com") -> bytes:
    """As qmail says it: in words, without a report."""
    return dedent(
        f"""\
        Return-Path: <>
        Delivered-To: {to}
        From: MAILER-DAEMON@mx.example.org
        Subject: failure notice

        Hi. This is the qmail-send program at mx.example.org.
        I'm afraid I wasn't able to deliver your message to the following addresses.
        This is a permanent error; I've given up. Sorry it didn't work out.

        <{recipient}>:
        192.0.2.1 does not like recipient.
        Remote host said: {diagnostic}
        Giving up on 192.0.2.1.

        --- Below this line is a copy of the message.

        Return-Path: <hello@example.com>
        Subject: Hello

        Hello
        """
    ).encode()


def reply(to: str, text: str = "I am on holiday.") -> bytes:
    """What no server wrote."""
    return f"Delivered-To: {to}\nFrom: gone@example.org\nSubject: Re: Hello\n\n{text}\n".encode()
