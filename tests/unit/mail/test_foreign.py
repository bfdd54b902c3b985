"""Emails that others wrote: what their HTML loses, what it keeps to the letter, and what a network's answer becomes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.mail.letters import compiled, refusals
from ummsg.domain.email import EmailDraft, EmailText
from ummsg.errors import InvalidDraft
from ummsg.mail.foreign import Imported, harmless
from ummsg.mail.message import parse_sender
from ummsg.mail.network_email import read_network_email
from ummsg.vocabulary import ContentFormat, EmailStyle, EmailTarget

HTML = ContentFormat.HTML


def taken_in(content: str, content_format: ContentFormat = HTML, locale: str = "en") -> Imported:
    text = EmailText("Hello {{customer_name}}", content, content_format)
    return harmless(EmailDraft("receipt", "payment_received", EmailTarget.CUSTOMER, "Receipt", {locale: text}))


def cleaned(content: str, content_format: ContentFormat = HTML) -> str:
    """Without the line end that every text has."""
    return taken_in(content, content_format).draft.texts["en"].content.removesuffix("\n")


def notes_on(content: str) -> Sequence[str]:
    return taken_in(content).notes


def is_dangerous(message: str) -> bool:
    """Whether a compiled message is refused for what its HTML holds, not for where a placeholder stands."""
    return any(words in message for words in ("cannot be used", "in a style", "leads nowhere", "has no address"))


# What is left out


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("<p>a</p><script>alert(1)</script>b", "<p>a</p>b"),
        ("<SCRIPT SRC=//x.y></SCRIPT>b", "b"),
        ("<style>p { color: red }</style><p>x</p>", "<p>x</p>"),
        ("<p onclick=alert(1)>x</p>", "<p>x</p>"),
        ('<p OnMouseOver = "alert(1)">x</p>', "<p>x</p>"),
        ("<img/OnError=alert(1) src=https://a.b/c.png>", '<img src="https://a.b/c.png">'),
        ("<svg onload=alert(1)><a href='https://a.b'>x</a></svg>y", "y"),
        ("<iframe src=https://a.b>x</iframe>y", "xy"),
        ("<form action=x><input name=a>Name<button>Go</button></form>", "NameGo"),
        ("<object data=x></object><embed src=x>y", "y"),
        ("<base href=https://a.b><meta http-equiv=refresh><link rel=stylesheet href=x>y", "y"),
        ("<!-- hidden --><p>x</p><!--[if mso]><p>y</p><![endif]-->", "<p>x</p>"),
        ("<!-- {{ customer_name }} --><p>x</p>", "<p>x</p>"),
        ("<html><head><title>T</title></head><body><p>x</p></body></html>", "<p>x</p>"),
        ("<p class=card id=x>x</p>", "<p>x</p>"),
        ('<p style="color:red;position:fixed;background:url(javascript:x)">x</p>', '<p style="color:red">x</p>'),
    ],
)
def test_what_html_can_do_is_left_out(source: str, left: str) -> None:
    assert cleaned(source) == left


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " jAva\nscript:alert(1)",
        "&#9;javascript:alert(1)",
        "java&#10;script:alert(1)",
        "&#106;avascript&colon;alert(1)",
        "java\u200bscript:alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "DATA:text/html;base64,eA==",
        "feed:javascript:alert(1)",
        "ftp://a.b/c",
        "cid:1",
        "//a.b/c",
        "/login",
        "login",
        "?page=2",
        "https:login",
        "mailto:",
        "",
    ],
)
def test_a_link_that_leads_nowhere_good_leaves_its_text(address: str) -> None:
    assert cleaned(f"<p>Please <a href='{address}'>log <b>in</b></a>.</p>") == "<p>Please log <b>in</b>.</p>"


@pytest.mark.parametrize("address", ["/logo.png", "logo.png", "//a.b/c.png", "data:image/png;base64,eA==", "cid:1", ""])
def test_a_picture_that_is_nowhere_leaves_nothing(address: str) -> None:
    assert cleaned(f"<p>a<img alt='Logo' src='{address}'>b</p>") == "<p>ab</p>"


def test_a_picture_that_is_nowhere_within_a_link_that_leads_nowhere_leaves_nothing() -> None:
    assert cleaned("<p><a href='/'><img src='/logo.png' alt='Logo'>Home</a></p>") == "<p>Home</p>"


def test_a_picture_within_a_link_that_leads_nowhere_stays() -> None:
    assert cleaned("<a href='/'><img src='https://a.b/c.png'></a>") == '<img src="https://a.b/c.png">'


def test_a_good_link_within_one_that_leads_nowhere_stays_whole() -> None:
    source = "<a href='/'>a<table><tr><td><a href='https://a.b'>in</a></td></tr></table>out</a>"

    assert '<td><a href="https://a.b">in</a></td>' in cleaned(source)


def test_a_placeholder_cannot_hide_a_bad_address() -> None:
    assert cleaned("<a href='javascript:{{ customer_site }}'>x</a>") == "x"


def test_what_is_within_a_comment_does_not_come_to_light() -> None:
    assert cleaned("<!-- {% if customer_city %}hidden{% endif %} --><p>x</p>") == "<p>x</p>"


def test_a_style_with_a_placeholder_is_left_out_as_the_note_says() -> None:
    source = '<p style="color:{{ customer_city }}">x</p>'

    assert "a placeholder cannot stand in a style attribute" in notes_on(source)[0]
    assert cleaned(source) == "<p>x</p>"


def test_text_that_only_looks_like_a_script_is_text() -> None:
    assert cleaned("<p>Write &lt;script&gt; &amp; run</p>") == "<p>Write &lt;script&gt; &amp; run</p>"


# What stays


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hey {{ customer_name }}, we got {{ payment_total | default('it') }}.</p>",
        "{{ '<b>' }} {{ '}}' }} {{ customer_name | replace('<script>', '') }}",
        '<a href="{{ customer_site }}">x</a>',
        '<a href="{{ customer_site }}/login?a=1&amp;b={{ customer_name }}">x</a>',
        '<a href="https://{{ customer_city }}.example.com/#top">x</a>',
        '<a href="mailto:{{ customer_name }}@example.com" title="{{ customer_name }}">x</a>',
        '<a href="#end">x</a><a name="end"></a>',
        '<img src="{{ customer_site }}/logo.png" alt="{{ customer_name }}">',
        "{% if customer_city %}<p>x</p>{% elif customer_name %}y{% else %}<p>z</p>{% endif %}",
        "<p>a{% if customer_city %} in {{ customer_city }}{% endif %}</p>",
        "{% set x = 'a' %}<p>{{ x }}</p>",
        "<ul>{% for n in range(3) %}<li>{{ n }}</li>{% endfor %}</ul>",
        "<table><tbody>{% for n in range(2) %}<tr><td>{{ n }}</td></tr>{% endfor %}</tbody></table>",
        '<p style="color:red" align="center" class="button"><b>x</b><br>y</p>',
    ],
)
def test_placeholders_statements_and_harmless_html_stay_as_they_are(source: str) -> None:
    assert cleaned(source) == source
    assert notes_on(source) == ()


def test_a_statement_before_the_first_row_stays_before_it() -> None:
    source = "<table>{% for n in range(2) %}<tr><td>{{ n }}</td></tr>{% endfor %}</table>"

    rows = "<tbody>{% for n in range(2) %}<tr><td>{{ n }}</td></tr>{% endfor %}</tbody>"
    assert cleaned(source) == f"<table>{rows}</table>"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{% raw %}<b>{{ x }}</b>{% endraw %}", "{{ x }}"),
        ("{% raw %}{% y %} {# z #}{% endraw %}", "{% y %} {# z #}"),
        ("<p>&#123;&#123; x &#125;&#125;</p>", "{{ x }}"),
        ("&lbrace;%if x%}", "{%if x%}"),
        ("{<i></i>{ x }}", "{{ x }}"),
        ("{<foo>{ x }}", "{{ x }}"),
        ("{<!-- -->{ x }}", "{{ x }}"),
        ("{% raw %}{{% endraw %}{# a comment #}{ customer_name }}", "{{ customer_name }}"),
        ("&#123;{# a comment #}{ customer_name }}", "{{ customer_name }}"),
        ("&#123;{{ customer_name }}&#125;", "{Anna}"),
        ("{% raw %}{{% endraw %}{{ customer_name }}", "{Anna"),
        ("&#123;{% if customer_city %}x{% endif %}", "{x"),
    ],
)
def test_braces_that_are_no_tags_stay_none(source: str, shown: str) -> None:
    values = {"customer_name": "Anna", "customer_city": "Lund", "x": "VALUE"}

    message = compiled(f"<p>A message:</p>{cleaned(source)}", HTML).render(values)

    assert shown in message.text


def test_a_value_is_still_filled_in_where_it_was() -> None:
    source = "<h2>Hey {{customer_name}},</h2><p onclick=x>Log in: <a href='{{customer_site}}/wp-admin'>here</a></p>"

    message = compiled(cleaned(source), HTML).render({"customer_name": "Anna", "customer_site": "https://a.example"})

    assert "Hey Anna," in message.text
    assert 'href="https://a.example/wp-admin"' in message.html


@pytest.mark.parametrize("content_format", [ContentFormat.MARKDOWN, ContentFormat.TEXT])
def test_other_formats_are_left_alone(content_format: ContentFormat) -> None:
    source = "<script>alert(1)</script> [x](javascript:alert(1)) {{customer_name}}"

    assert cleaned(source, content_format) == source
    assert taken_in(source, content_format).notes == ()


@pytest.mark.parametrize(
    "source",
    [
        "<script>x</script>{{ ''.__class__.__mro__ }}",
        "<script>x</script>{% include '/etc/passwd' %}",
        "<script>x</script>{% if customer_name %}",
        "<script>x</script>{{ customer_name",
        "<script>x</script>{{ customer_name }}" * 5_001,
        "<script>x</script>" + "x" * 1024 * 1024,
    ],
    ids=lambda source: source[17:40],
)
def test_what_cannot_be_read_as_a_template_or_is_too_long_is_left_alone(source: str) -> None:
    assert cleaned(source) == source
    assert notes_on(source) == ()


# What is told


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("<p>a</p>\n<script>x</script>", "line 2: <script>"),
        ("<style>p{}</style>", "line 1: <style>"),
        ("<p onclick=x>x</p>", "line 1: the attribute onclick="),
        ("<a href='javascript:x'>x</a>", "line 1: the address 'javascript:x'"),
        ("<img src='data:x'>", "line 1: the address 'data:x'"),
        ("<iframe></iframe>", "line 1: <iframe>"),
        ("<form></form>", "line 1: <form>"),
        ("<p>x</p>\n<a href='/login'>Log in</a>", "/login"),
        ("<a href='ftp://a.b'>x</a>", "ftp://a.b"),
        ("<img src='/logo.png'>", "/logo.png"),
    ],
)
def test_what_is_left_out_is_told(source: str, told: str) -> None:
    assert any(told in note and note.startswith("left out (en): ") for note in notes_on(source)), notes_on(source)


def test_what_is_left_out_is_told_with_its_language() -> None:
    assert taken_in("<script>x</script>", locale="sv").notes[0].startswith("left out (sv): ")


def test_a_link_to_a_bad_address_is_told_in_few_words_however_often_it_is_there() -> None:
    assert len(notes_on("<a href='javascript:x'>x</a>" * 2_000)) <= 20


# Any HTML at all

FRAGMENTS = (
    *(
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<br/>",
        "<div>",
        "<h1>",
        "<ul>",
        "<li>",
        "<pre>",
        "x",
        "\n",
        " ",
        "'",
        '"',
        "&amp;",
    ),
    *("<", "</", "<!--", "-->", "<![CDATA[", "]]>", "<?", "&lt;script&gt;", "\u200b", "\x00"),
    *("<a href='/x'>", "<a href='https://a.b'>", "<a href=javascript:x>", "<a href='data:x' title='>'>", "<a>"),
    *("<a name=x>", "<a\nhref\n=\n/x\n>", "</a>", "<img>", "<img src=x>", "<img src='https://a.b/c.png' alt='<'>"),
    *("<table>", "<tr>", "<td>", "</td>", "</table>", "<caption>", "<td background=javascript:x>", "<col>"),
    *("<script>", "</script>", "<style>", "</style>", "<svg>", "<math>", "<title>", "<textarea>", "<select>"),
    *("<template>", "<noscript>", "<plaintext>", "<iframe>", "<form>", "<input>", "</form>", "<q cite=javascript:x>"),
    *('<p title="<script>">', "<p title='\"'>", "<p onclick=x>", "<p style='color:red;x:y'>", "<font color=red>"),
)
STATEMENTS = ("{% if customer_city %}", "{% endif %}", "{# a comment #}", "{% raw %}{{{% endraw %}", "{", "}")
VALUES = ("{{ customer_name }}", "<a href='{{ customer_site }}'>", "<p title='{{ customer_name }}'>")
HTML_OF_ANY_KIND = st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join)


@settings(max_examples=300, deadline=None)
@given(source=st.lists(st.sampled_from(FRAGMENTS + VALUES + STATEMENTS), max_size=10).map("".join))
@example("<pre>\n\nx</pre>")
@example("<a href='/'><img src='/logo.png'></a>")
@example("<p title='{% if customer_city %}x{% endif %}'>y</p>")
@example("<li><form><li>")
def test_cleaning_twice_gives_the_same_as_once(source: str) -> None:
    once = cleaned(source)

    assert cleaned(once) == once


@settings(max_examples=300, deadline=None)
@given(source=HTML_OF_ANY_KIND)
@example("<a href='/x'><img src=x></a>")
def test_what_comes_out_can_be_sent(source: str) -> None:
    assert compiled("<p>Hello.</p>" + cleaned(source), HTML).variables == frozenset()


@settings(max_examples=300, deadline=None)
@given(source=st.lists(st.sampled_from(FRAGMENTS + VALUES), max_size=10).map("".join))
@example("<a href='/x'>{{ customer_name }}<img src=x></a>")
@example("<p style='color:{{ customer_name }}'>x</p>")
def test_what_comes_out_is_not_refused_for_its_html(source: str) -> None:
    problems: list[str] = []
    try:
        compiled("<p>Hello.</p>" + cleaned(source), HTML)
    except InvalidDraft as error:
        problems = [problem.message for problem in error.problems if is_dangerous(problem.message)]

    assert problems == []


def test_what_is_dangerous_is_recognised_by_the_property_above() -> None:
    source = "<script>x</script><a href='/x'>x</a><img>"

    assert [is_dangerous(message) for _, message in refusals(source, HTML)] == [True, True]
    assert all(is_dangerous(message) for _, message in refusals("<a href='/x'>x</a><img>", HTML))


# What a network answers


def network_email(**changes: Any) -> Imported:
    entry = {"slug": "receipt", "title": "We got it", "content": "Hello there", "event": "payment_received"}
    return read_network_email(entry | {"target": "customer"} | changes)


def draft_of(**changes: Any) -> EmailDraft:
    return network_email(**changes).draft


def content_of(content: str) -> str:
    return draft_of(content=content).texts["en"].content.removesuffix("\n")


def test_a_network_email_becomes_one_of_ours() -> None:
    draft = draft_of(title="  We got {{payment_total}} ", slug="Payment_Received_Customer")

    assert (draft.slug, draft.event, draft.target) == (
        "payment_received_customer",
        "payment_received",
        EmailTarget.CUSTOMER,
    )
    assert draft.title == "We got {{payment_total}}"
    assert draft.texts == {"en": EmailText("We got {{payment_total}}", "<p>Hello there</p>", HTML)}


@pytest.mark.parametrize(
    ("flag", "is_on"),
    [
        *((flag, True) for flag in (True, 1, "1", "true", "yes", "on")),
        *((flag, False) for flag in (False, 0, "0", "", "false", "no", "off", None)),
    ],
)
def test_flags_come_in_many_spellings(flag: Any, is_on: bool) -> None:
    assert draft_of(send_copy_to_admin=flag).copy_to_admins is is_on
    assert draft_of(schedule=flag, send_days="3").after == timedelta(days=3 if is_on else 0)
    assert bool(draft_of(custom_sender=flag, custom_sender_email="a@example.com").sender) is is_on
    if flag is not None:
        assert draft_of(active=flag).active is is_on


def test_an_answer_that_does_not_tell_is_of_an_active_email() -> None:
    assert draft_of().active
    assert draft_of(active=None).active


@pytest.mark.parametrize(
    ("style", "ours"),
    [
        ("html", EmailStyle.HTML),
        ("plain", EmailStyle.PLAIN),
        ("plain-text", EmailStyle.PLAIN),
        ("use_default", EmailStyle.DEFAULT),
        (None, EmailStyle.DEFAULT),
        ("", EmailStyle.DEFAULT),
        (["html"], EmailStyle.DEFAULT),
    ],
)
def test_styles(style: Any, ours: EmailStyle) -> None:
    assert draft_of(style=style).style is ours


@pytest.mark.parametrize("event", [None, ""])
def test_an_event_that_is_not_told_stays_open(event: str | None) -> None:
    assert draft_of(event=event).event == ""


@pytest.mark.parametrize(
    ("schedule", "after"),
    [
        ({"send_days": "3"}, timedelta(days=3)),
        ({"send_days": 3, "schedule_type": "days", "send_hours": "02:30"}, timedelta(days=3)),
        ({"send_hours": "02:30", "schedule_type": "hours", "send_days": "3"}, timedelta(hours=2, minutes=30)),
        ({"send_hours": "100:00", "schedule_type": "hours"}, timedelta(hours=100)),
    ],
)
def test_a_schedule_is_by_days_or_by_hours(schedule: dict[str, Any], after: timedelta) -> None:
    imported = network_email(schedule="1", **schedule)

    assert imported.draft.after == after
    assert imported.notes == ()


@pytest.mark.parametrize(
    "schedule",
    [
        {},
        {"send_days": ""},
        {"send_days": "soon"},
        {"send_days": "-1"},
        {"send_days": "٣"},
        {"schedule_type": "hours", "send_hours": "2"},
        {"schedule_type": "hours", "send_days": "3"},
        {"schedule_type": "weeks", "send_days": "3"},
    ],
)
def test_a_schedule_that_does_not_tell_is_no_delay_and_told(schedule: dict[str, str]) -> None:
    imported = network_email(schedule="1", **schedule)

    assert imported.draft.after == timedelta()
    assert "does not say for when" in imported.notes[0]


@pytest.mark.parametrize("name", ['Bob "the Builder" Ek', "Back\\slash", "Ek, Bo", "Åsa <Ö>", 'a\\"b'])
def test_a_sender_of_its_own_keeps_its_name(name: str) -> None:
    sender = draft_of(custom_sender="1", custom_sender_name=name, custom_sender_email=" bob@example.com ").sender

    assert parse_sender(sender) == (name, "bob@example.com")


@pytest.mark.parametrize("name", [None, ""])
def test_a_sender_without_a_name_is_an_address(name: str | None) -> None:
    assert draft_of(custom_sender="1", custom_sender_name=name, custom_sender_email="a@b.example").sender == (
        "a@b.example"
    )


def test_a_sender_without_an_address_is_none() -> None:
    assert draft_of(custom_sender="1", custom_sender_name="Bob", custom_sender_email=" ").sender == ""


def test_backslashes_before_quotation_marks_are_taken_away() -> None:
    source = r"""<p><a href=\"https://a.b\">It\'s here</a>: C:\\dir \n</p>"""

    assert content_of(source) == r"""<p><a href="https://a.b">It's here</a>: C:\dir \n</p>"""


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("Hey {{customer_name}},\r\n\r\nthanks.", "<p>Hey {{ customer_name }},</p>\n<p>thanks.</p>"),
        ("One\ntwo\n\n \n\nthree\n", "<p>One<br>\ntwo</p>\n<p>three</p>"),
        ("<b>One</b>\n\n<a href='https://a.b'>two</a>", '<p><b>One</b></p>\n<p><a href="https://a.b">two</a></p>'),
        ("<p>One</p>\n\n<p>two</p>", "<p>One</p>\n\n<p>two</p>"),
        ("<TABLE><tr><td>One\n\ntwo</td></tr></TABLE>", "<table><tbody><tr><td>One\n\ntwo</td></tr></tbody></table>"),
    ],
)
def test_blank_lines_become_paragraphs_where_there_are_none(source: str, html: str) -> None:
    assert content_of(source) == html


def test_ids_and_what_is_not_known_are_ignored() -> None:
    extra = {"id": 5, "author_id": "1", "status": "publish", "type": "system_email", "meta": {"x": [1]}, "from": "x"}

    assert network_email(**extra) == network_email()


def test_its_html_is_cleaned_and_that_is_told() -> None:
    imported = network_email(content="<p onclick='x'>Hello</p><script>x</script>")

    assert imported.draft.texts["en"].content.strip() == "<p>Hello</p>"
    assert any("onclick" in note for note in imported.notes)


@pytest.mark.parametrize("key", ["slug", "title", "content"])
@pytest.mark.parametrize("value", [None, 5, ["x"], {"rendered": "x"}, True])
def test_what_no_email_can_do_without_is_named(key: str, value: Any) -> None:
    with pytest.raises(InvalidDraft) as refused:
        network_email(**{key: value})

    (problem,) = refused.value.problems
    assert problem.field == key
    assert ("is missing" if value is None else "must be text") in problem.message


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(InvalidDraft) as refused:
        read_network_email({"id": 5})

    assert [problem.field for problem in refused.value.problems] == ["slug", "title", "content"]
