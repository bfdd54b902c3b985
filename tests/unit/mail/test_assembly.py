"""Messages filled in say what those say that are rendered whole, read by the standard library."""

from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.mail.letters import VALUES, compiled
from tests.unit.mail.test_message import NOW
from ummsg.mail.assembly import Assembly
from ummsg.mail.message import Headers, compose
from ummsg.mail.templates import EmailTemplate, EmptyPlaceholder, RenderFailed
from ummsg.vocabulary import ContentFormat

HEADERS = Headers("Net <hello@network.example>", "", "Anna", "anna@example.com", "1@network.example", NOW)
MARKDOWN, HTML, TEXT = ContentFormat.MARKDOWN, ContentFormat.HTML, ContentFormat.TEXT
LONG = "word " * 40 + "w" * 200 + " end"

FILLED = [
    ("Hello {{ customer_name }}, all is well.", MARKDOWN, "Hi"),
    (f"{LONG} {{{{ customer_name }}}}{LONG}{{{{ customer_city }}}} {LONG}.", MARKDOWN, "Hi {{ customer_name }}"),
    ('Dear {{ customer_name or "friend" }},\n\n- {{ customer_city }}\n- b\n\nBye.', MARKDOWN, "{{ customer_city }}"),
    ("<p title='{{ customer_name }}'>{{ customer_name }}</p>.{{ customer_city }}. x", HTML, "Hi"),
    ("From x\n.hidden {{ customer_name }}\n.{{ customer_city }}\n..\nend =3D", TEXT, "=?{{ customer_name }}?="),
    ("No placeholder at all.", TEXT, "Nothing"),
    ("{{ customer_name }}", TEXT, "Hi"),
]
RENDERED = [
    ("{% if customer_city %}In {{ customer_city }}{% endif %}. Bye.", MARKDOWN, "Hi"),
    ("{{ customer_name | upper }} and [you]({{ customer_site }}).", MARKDOWN, "Hi"),
    ("See {{ customer_name }}.", TEXT, "{{ customer_name if customer_city else 'x' }}"),
    (
        f"<p>{LONG} \n{{% for i in range(3) %}}.{LONG}.{{{{ customer_name }}}}="
        f"{{% if customer_city %}}{LONG}\n{{% endif %}}{{% endfor %}}{{{{ customer_city }}}}",
        HTML,
        "Hi",
    ),
]


@pytest.mark.parametrize(("content", "content_format", "subject"), FILLED)
def test_what_only_prints_is_filled_in(content: str, content_format: ContentFormat, subject: str) -> None:
    assert compiled(content, content_format, subject).pieces is not None


@pytest.mark.parametrize(("content", "content_format", "subject"), RENDERED)
def test_what_does_more_is_rendered_each_time(content: str, content_format: ContentFormat, subject: str) -> None:
    assert compiled(content, content_format, subject).pieces is None


ODD = [
    "",
    ".",
    "..",
    ".\n.",
    "a\nb",
    "a\r\nb",
    " x ",
    "\t",
    "=",
    "=3D",
    "<b>&amp;\"'",
    "å" * 300,
    "山田 太郎",
    "👩‍👩‍👧",
]
ANY_VALUE = st.one_of(st.sampled_from(ODD), st.text(max_size=200), st.text(alphabet=".=\n \tåx", max_size=200))


@given(name=ANY_VALUE, city=ANY_VALUE, template=st.sampled_from(FILLED + RENDERED))
@example(name="x" * 75, city="." * 80, template=FILLED[4])
@example(name="x" * 20_000, city="y", template=FILLED[0])
def test_it_says_what_the_email_package_reads_from_one_encoded_whole(name: str, city: str, template: Any) -> None:
    email = compiled(*template)
    values = {**VALUES, "customer_name": name, "customer_city": city}

    assert outcome(lambda: read(Assembly(email).message(values, HEADERS))) == outcome(
        lambda: read(compose(email.render(values), HEADERS))
    )


@given(name=ANY_VALUE, city=ANY_VALUE, template=st.sampled_from(FILLED + RENDERED))
@example(name=".é😀" * 30, city="." * 80, template=FILLED[4])
@example(name="0000=\x80 \n", city=".", template=FILLED[1])
def test_every_message_is_fit_for_any_server(name: str, city: str, template: Any) -> None:
    try:
        message = Assembly(compiled(*template)).message(
            {**VALUES, "customer_name": name, "customer_city": city}, HEADERS
        )
    except (EmptyPlaceholder, RenderFailed):
        return

    assert message.isascii()
    assert message.count(b"\r\n") == message.count(b"\n") == message.count(b"\r")
    assert max(map(len, message.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 78
    assert max(map(len, body_of(message).split(b"\r\n"))) <= 76
    assert not any(line.endswith((b" ", b"\t")) for line in body_of(message).split(b"\r\n"))
    assert not any(line.startswith(b".") for line in message.split(b"\r\n"))


def test_without_html_the_message_is_the_text_alone() -> None:
    message = Assembly(compiled("Hello {{ customer_name }}."), html=False).message(VALUES, HEADERS, prefix="Net - ")

    parsed = message_from_bytes(message, policy=policy.default)
    assert parsed.get_content_type() == "text/plain"
    assert parsed["Subject"] == "Net - A subject"


def test_a_template_that_was_not_given_a_value_names_it() -> None:
    with pytest.raises(EmptyPlaceholder) as missing:
        Assembly(compiled("Hello {{ customer_name }}, bye.")).message({}, HEADERS)
    assert missing.value.name == "customer_name"


def outcome(make: Any) -> object:
    """What was made, or which error kept it from being made."""
    try:
        return make()
    except (EmptyPlaceholder, RenderFailed) as error:
        return type(error), str(error)


def read(message: bytes) -> Mapping[str, object]:
    parsed = message_from_bytes(message, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return {
        "fields": [(name, str(value)) for name, value in parsed.items()],
        "defects": [part.defects for part in parsed.walk()],
        "parts": [(part.get_content_type(), part.get_content()) for part in parsed.walk() if not part.is_multipart()],
    }


def body_of(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]


def test_the_message_that_is_compared_has_no_defects() -> None:
    email: EmailTemplate = compiled(*FILLED[1])
    assert read(Assembly(email).message(VALUES, HEADERS))["defects"] == [[], [], []]
