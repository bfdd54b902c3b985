"""Short ways to compile and render a message in these tests."""

import re
from collections.abc import Mapping

import pytest

from ummsg.config import LayoutOptions
from ummsg.errors import InvalidDraft
from ummsg.mail.templates import EmailTemplate, Rendered, compile_email
from ummsg.vocabulary import ContentFormat

KNOWN = ("customer_name", "customer_city", "customer_site", "network_name")
VALUES = {
    "customer_name": "Anna",
    "customer_city": "Lund",
    "customer_site": "https://anna.example",
    "network_name": "Net",
}
LAYOUT = LayoutOptions(network_name="Example Network", company_address="Storgatan 1, Lund")


def compiled(
    content: str, content_format: ContentFormat = ContentFormat.MARKDOWN, subject: str = "A subject"
) -> EmailTemplate:
    return compile_email(subject, content, content_format, LAYOUT, KNOWN)


def rendered(
    content: str,
    content_format: ContentFormat = ContentFormat.MARKDOWN,
    *,
    subject: str = "A subject",
    values: Mapping[str, str] | None = None,
    **changes: str,
) -> Rendered:
    return compiled(content, content_format, subject).render({**(VALUES if values is None else values), **changes})


def card(content: str, content_format: ContentFormat = ContentFormat.MARKDOWN, **changes: str) -> str:
    """The HTML inside the white card, without the inlined styles and the line ends between tags."""
    html = rendered(content, content_format, **changes).html
    inside = re.search(r'<td class="card[^>]*>(.*)</td></tr>\s*<tr><td class="footer"', html, re.DOTALL)
    assert inside is not None
    return re.sub(r">\s*\n\s*<", "><", re.sub(r' style="[^"]*"', "", inside[1])).strip()


def body_text(content: str, content_format: ContentFormat = ContentFormat.MARKDOWN, **changes: str) -> str:
    """The text part without the signature."""
    return rendered(content, content_format, **changes).text.partition("\n-- \n")[0].rstrip("\n")


def refusals(
    content: str, content_format: ContentFormat = ContentFormat.MARKDOWN, subject: str = "A subject"
) -> list[tuple[str, str]]:
    """Field and message of everything that compiling refuses."""
    with pytest.raises(InvalidDraft) as refused:
        compiled(content, content_format, subject)
    return [(problem.field, problem.message) for problem in refused.value.problems]


def refusal(content: str, content_format: ContentFormat = ContentFormat.MARKDOWN) -> str:
    """The message of the only problem."""
    ((field, message),) = refusals(content, content_format)
    assert field == "content"
    return message
