"""A message as a person reads it: for the console transport and the demo."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

SHOWN_HEADERS = ("From", "To", "Reply-To", "Subject", "Date")


def readable(message: bytes) -> str:
    """The headers that people look at, decoded, and the text part."""
    parsed = BytesParser(policy=policy.default).parsebytes(message)
    headers = [f"{name}: {parsed[name]}" for name in SHOWN_HEADERS if parsed[name]]
    return "\n".join([*headers, "", _text_of(parsed)]).rstrip()


def _text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    return "" if body is None else str(body.get_content()).replace("\r\n", "\n")
