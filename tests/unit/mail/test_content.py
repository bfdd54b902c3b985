"""HTML and plain text as content, notices, and what a value can do in any of them: nothing but be read."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.letters import body_text, card, compiled, refusals, rendered
from ummsg.errors import InvalidDraft
from ummsg.mail.templates import RenderFailed, compile_notice, sanitise_notice
from ummsg.vocabulary import ContentFormat

HTML, TEXT, MARKDOWN = ContentFormat.HTML, ContentFormat.TEXT, ContentFormat.MARKDOWN


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("<p>Hi {{ customer_name }}</p>", "<p>Hi Anna</p>"),
        ('<p title="{{ customer_name }}">x</p>', '<p title="Anna">x</p>'),
        ('<a href="{{ customer_site }}/login">x</a>', '<a href="https://anna.example/login">x</a>'),
        ("<p class=card id=x>x</p>", "<p>x</p>"),
        ("<html><head><title>T</title></head><body><p>x</p></body></html>", "<p>x</p>"),
        ("<!-- hidden --><p>x</p><!--[if mso]><p>y</p><![endif]-->", "<p>x</p>"),
        ("<p>a{% if customer_city %} in {{ customer_city }}{% endif %}</p>", "<p>a in Lund</p>"),
        ("{% if customer_city %}<p>a</p>{% else %}<p>b</p>{% endif %}", "<p>a</p>"),
        (
            "<table>{% for n in range(2) %}<tr><td>{{ n }}</td></tr>{% endfor %}</table>",
            "<table><tbody><tr><td>0</td></tr><tr><td>1</td></tr></tbody></table>",
        ),
        (
            "<table><tbody>{% for n in range(2) %}<tr><td>{{ n }}</td></tr>{% endfor %}</tbody></table>",
            "<table><tbody><tr><td>0</td></tr><tr><td>1</td></tr></tbody></table>",
        ),
        (
            "<table>{% if customer_city %}<tbody><tr><td>x</td></tr></tbody>{% endif %}</table>",
            "<table><tbody><tr><td>x</td></tr></tbody></table>",
        ),
        ("{% raw %}<b>{{ x }}</b>{% endraw %}", "<b>{{ x }}</b>"),
    ],
)
def test_html(source: str, html: str) -> None:
    assert card(source, HTML) == html


def test_styles_on_elements_are_kept_if_they_are_harmless() -> None:
    html = rendered('<p style="color:red;position:fixed;background-image:url(https://a.b/c)">x</p>', HTML).html

    assert "color: red" in html
    assert "position" not in html
    assert "url(" not in html


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ("</style>", "</style>"),
        ("<style>p { color: red }</style>", "<style>"),
        ("< script >", "< script>"),
        ("<SCRIPT SRC=//x.y>", "<SCRIPT>"),
        ("<iframe src=x>", "<iframe>"),
        ("<object>", "<object>"),
        ("<embed>", "<embed>"),
        ("<form action=x>", "<form>"),
        ("<base href=x>", "<base>"),
        ("<meta http-equiv=refresh>", "<meta>"),
        ("<p onclick=alert(1)>", "onclick="),
        ("<img/OnError=alert(1) src=x>", "onerror="),
        ("<svg onload=alert(1)>", "onload="),
        ("<a href='javascript:alert(1)'>x</a>", "javascript:"),
        ("<a href=' jAva\nscript:alert(1)'>x</a>", "jAva"),
        ("<a href='&#106;avascript&colon;alert(1)'>x</a>", "javascript:"),
        ("<a href='java\u200bscript:alert(1)'>x</a>", "script:"),
        ("<a href='vbscript:x'>x</a>", "vbscript:"),
        ("<a href='data:text/html,x'>x</a>", "data:"),
        ("<img src='data:image/svg+xml,x'>", "data:"),
        ("<img srcset='javascript:x'>", "javascript:"),
    ],
)
def test_what_is_refused_in_html_is_named_with_its_line(source: str, named: str) -> None:
    messages = [message for _, message in refusals(f"<p>one</p>\n{{{{ 1\n}}}}\n{source}", HTML)]

    assert any(named in message and message.startswith("line 4: ") for message in messages)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("<p style='color:{{ customer_name }}'>x</p>", "style attribute"),
        ("<a href='{% if customer_city %}https://a.b{% endif %}'>x</a>", "cannot stand inside href="),
        ("<{{ customer_name }}>x", "left out of the message"),
        ("<p {{ customer_name }}>x</p>", "left out of the message"),
        ("<p class='{{ customer_name }}'>x</p>", "left out of the message"),
        ("<td dir='{{ customer_name }}'>x", "left out of the message"),
        ("<p dir='{{ customer_name }}'>x", "cannot stand in dir="),
        ("<title>{{ customer_name }}</title>x", "left out of the message"),
        ("<!-- {{ customer_name }} -->x", "left out of the message"),
        ("<!-- {% if customer_city %} -->x<!-- {% endif %} -->", "left out of the message"),
        ("<p>{% if customer_city %}a</p>{% endif %}", "not within the same"),
        ("<table>{% for n in range(2) %}{{ n }}<tr><td></td></tr>{% endfor %}</table>", "moved out of"),
        ("<a href='/login'>x</a>", "leads nowhere"),
        ("<a href='www.a.b'>x</a>", "leads nowhere"),
        ("<img src='cid:x'>", "an <img> has no address"),
        ("<a>x</a>", "an <a> has no address"),
    ],
)
def test_what_could_not_be_right_in_html_is_refused(source: str, why: str) -> None:
    assert why in refusals(source, HTML)[0][1]


@pytest.mark.parametrize("unclosed", ["<!--", "<a ", "<a b='", '<a b="x', "<![CDATA[", "</a", "<p onclick=1>"])
def test_markup_that_is_not_closed_a_thousand_times_over_is_no_trouble(unclosed: str) -> None:
    assert len(refusals(unclosed * 20_000, HTML)) <= 20


def test_elements_nested_too_deeply_are_refused() -> None:
    assert refusals("<b>" * 5_000 + "x", HTML) == [("content", "elements are nested more than 100 deep")]
    with pytest.raises(InvalidDraft, match="nested more than 100 deep"):
        compile_notice("<b>" * 5_000 + "x", HTML)


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("a & b *c*", "<p>a &amp; b *c*</p>"),
        ("a\n{% if customer_city %}\nb\n{% endif %}\nc", "<p>a</p><p>b</p><p>c</p>"),
        ("Hi {{ customer_name }}{% if customer_city %} in {{ customer_city }}{% endif %}", "<p>Hi Anna in Lund</p>"),
    ],
)
def test_plain_text(source: str, html: str) -> None:
    assert card(source, TEXT) == html


def test_plain_text_is_the_text_part_as_it_was_typed() -> None:
    source = "Hi {{ customer_name }},\n\n  * one   two\n{% if customer_city %}\n  * Lund\n{% endif %}\nend <b>"

    assert body_text(source, TEXT) == "Hi Anna,\n\n  * one   two\n  * Lund\nend <b>"
    assert body_text(source, TEXT, customer_city="") == "Hi Anna,\n\n  * one   two\nend <b>"


# Values: any text at all


class _Shape(HTMLParser):
    """The tags, attribute names and addresses of a document: what no value may change."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.addresses: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", data))


EVERYWHERE = {
    MARKDOWN: "# {{ customer_name }}\n\n[{{ customer_name }}](https://a.example/{{ customer_name }}"
    "?q={{ customer_name }}#{{ customer_name }}) `{{ customer_name }}` ![{{ customer_name }}](https://a.example/x)\n\n"
    "- {{ customer_name }}\n"
    "\n|a|\n|-|\n|{{ customer_name | upper }}|\n\n[m](mailto:{{ customer_name }}) {{ customer_name ~ '<b>' }}",
    HTML: "<p title='{{ customer_name }}'>{{ customer_name }}</p><a href=\"https://{{ customer_name }}/\">x</a>"
    '<img alt="{{ customer_name }}" src="https://a.example/{{ customer_name }}">',
    TEXT: "Hi {{ customer_name }}\n\n{{ customer_name | lower }}",
}
TEMPLATES = {kind: compiled(source, kind, "To {{ customer_name }}") for kind, source in EVERYWHERE.items()}
NASTY = st.sampled_from(
    [
        "</td></tr>",
        "<script>",
        "javascript:",
        "\" onx='",
        "--><!--",
        "{{ 7 * 7 }}",
        "\x01{ 1 }\x01",
        "]]>",
        "&lt;",
        "\r\nBcc: x",
    ]
)
ANY_TEXT = st.lists(st.one_of(st.text(min_size=1), NASTY), min_size=1, max_size=4).map("".join)


@pytest.mark.parametrize("kind", list(ContentFormat))
@given(value=ANY_TEXT)
def test_no_value_changes_the_shape_of_a_message(kind: ContentFormat, value: str) -> None:
    if not value.strip():
        value += "x"
    plain = TEMPLATES[kind].render({"customer_name": "x"})
    hostile = TEMPLATES[kind].render({"customer_name": value})

    assert _Shape(hostile.html).tags == _Shape(plain.html).tags
    for before, after in zip(_Shape(plain.html).addresses, _Shape(hostile.html).addresses, strict=True):
        assert after.partition(":")[0] == before.partition(":")[0]
        assert not re.search(r"[\s\"'<>]", after)
    assert "\n" not in hostile.subject
    assert re.search(r"[\x00-\x08\x0b-\x1f]", hostile.html + hostile.text + hostile.subject) is None


@given(value=ANY_TEXT)
def test_the_text_part_and_the_subject_have_the_value_as_it_is(value: str) -> None:
    readable = re.sub(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]", " ", value)
    readable = re.sub(r"[\u202a-\u202e\u2066-\u2069]", "", readable)  # these would turn what follows about
    if not readable.strip():
        return
    template = compiled("[{{ customer_name }}]", TEXT, "To {{ customer_name }}")
    message = template.render({"customer_name": value})

    assert message.text.startswith(f"[{readable}]")
    assert message.subject == " ".join(f"To {readable}".split())


@pytest.mark.parametrize(
    "scheme", ["https://a.example", "http://a.example/x?y=z&w", "mailto:a@b.example", "tel:+46123"]
)
def test_an_address_may_begin_with_a_value_of_a_scheme_that_a_link_may_have(scheme: str) -> None:
    (address,) = _Shape(card("[x]({{ customer_site }})", customer_site=scheme)).addresses

    assert address == scheme


@given(value=ANY_TEXT.filter(lambda text: text.strip() != ""))
def test_no_value_makes_a_link_with_another_scheme(value: str) -> None:
    template = LINK
    try:
        html = template.render({"customer_site": value}).html
    except RenderFailed:
        return
    address = next(address for address in _Shape(html).addresses if "example.com" not in address)
    assert re.match(r"https?://|mailto:|tel:", address, re.IGNORECASE)


LINK = compiled("[x]({{ customer_site }})")


@pytest.mark.parametrize(
    "value",
    ["javascript:alert(1)", " javascript:x", "JAVASCRIPT:x", "data:text/html,x", "www.a.b", "//a.b", "https:", "x"],
)
def test_a_value_that_is_no_address_fails_the_rendering(value: str) -> None:
    with pytest.raises(RenderFailed, match=r"line 1: .*is no address for a link"):
        rendered("[x]({{ customer_site }})", customer_site=value)


def test_values_within_an_address_are_encoded_for_their_place() -> None:
    source = (
        "[x](https://{{ customer_city }}/{{ customer_city }}?a={{ customer_city }}&b=1#{{ customer_city }})"
        " [m](mailto:{{ customer_name }}?subject={{ customer_city }})"
    )

    first, second = _Shape(card(source, customer_city="a/b:1?c&d e", customer_name="a@b.c")).addresses
    assert first == "https://a/b:1%3Fc%26d%20e/a/b:1%3Fc%26d%20e?a=a%2Fb%3A1%3Fc%26d%20e&b=1#a%2Fb%3A1%3Fc%26d%20e"
    assert second == "mailto:a@b.c?subject=a%2Fb%3A1%3Fc%26d%20e"


# Notices


@pytest.mark.parametrize(
    ("source", "kind", "html"),
    [
        ("Read **this**\n\n- ~~x~~", MARKDOWN, "<p>Read <strong>this</strong></p>\n<ul>\n<li><s>x</s></li>\n</ul>"),
        ("[settings](/wp-admin/)", MARKDOWN, '<p><a href="/wp-admin/" rel="noopener noreferrer">settings</a></p>'),
        ("a\nb <b>", TEXT, "<p>a<br>b &lt;b&gt;</p>"),
        ("<p style='color:red' class=x>a <font>b</font> <img src=https://a.b/c></p><!-- x -->", HTML, "<p>a b </p>"),
    ],
)
def test_a_notice_is_html_fit_for_a_dashboard(source: str, kind: ContentFormat, html: str) -> None:
    assert compile_notice(source, kind) == html
    assert sanitise_notice(html) == html


@pytest.mark.parametrize("kind", list(ContentFormat))
@pytest.mark.parametrize("tag", ["{{ customer_name }}", "{% if x %}", "{# x #}"])
def test_a_notice_has_no_placeholders(tag: str, kind: ContentFormat) -> None:
    with pytest.raises(InvalidDraft, match=r"content: line 2: .*the same for everyone; placeholders are for emails"):
        compile_notice(f"Hi\n{tag}", kind)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("<script>x</script>", HTML),
        ("<script>x</script>", MARKDOWN),
        ("[x](javascript:y)", MARKDOWN),
        ("</style>", HTML),
    ],
)
def test_a_notice_refuses_what_an_email_refuses(source: str, kind: ContentFormat) -> None:
    with pytest.raises(InvalidDraft) as refused:
        compile_notice(source, kind)
    assert all(problem.message.startswith("line 1: ") for problem in refused.value.problems)


@given(
    html=st.lists(st.one_of(st.text(), NASTY, st.sampled_from(["<img src=x onerror=y>", "<a href=javascript:x>"]))).map(
        "".join
    )
)
def test_a_notice_is_sanitised_again_when_it_is_shown(html: str) -> None:
    shape = _Shape(sanitise_notice(html))

    assert all(not name.startswith("on") for _, *names in shape.tags for name in names)
    assert all("script" not in tag for tag, *_ in shape.tags)
    assert all(not address.lower().startswith("javascript") for address in shape.addresses)
