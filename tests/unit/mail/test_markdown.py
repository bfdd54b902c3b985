"""Markdown with statements in it: well-formed whatever the values, and refused by line where it could not be."""

import pytest

from tests.unit.mail.letters import body_text, card, refusal, refusals


def _ul(*items: str) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _ol(*items: str) -> str:
    return f"<ol>{''.join(f'<li>{item}</li>' for item in items)}</ol>"


def _quote(inside: str) -> str:
    return f"<blockquote>{inside}</blockquote>"


def _table(heads: str, *rows: str) -> str:
    """A table of one-letter cells."""
    head = "".join(f"<th>{letter}</th>" for letter in heads)
    body = "".join(f"<tr>{''.join(f'<td>{letter}</td>' for letter in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_BUTTON = '<p class="button"><a href="https://a.example">Pay</a></p>'


@pytest.mark.parametrize(
    ("source", "html"),
    [
        (
            "# Title\n\ntext *em* **strong** ~~old~~",
            "<h1>Title</h1><p>text <em>em</em> <strong>strong</strong> <s>old</s></p>",
        ),
        ("[site]({{ customer_site }})", '<p><a href="https://anna.example">site</a></p>'),
        (
            "[{{ customer_name }}](https://a.example 'Title')",
            '<p><a href="https://a.example" title="Title">Anna</a></p>',
        ),
        ('{{ 2 * 3 }} and {{ customer_name or "y" }}', "<p>6 and Anna</p>"),
        ("**{{ customer_name }}**, *{{ customer_city }}*", "<p><strong>Anna</strong>, <em>Lund</em></p>"),
        ("`{{ customer_name }}` and `` `{{ customer_city }}` ``", "<p><code>Anna</code> and <code>`Lund`</code></p>"),
        ("```\n{{ customer_name }}\n{% if customer_city %}x{% endif %}\n```", "<pre><code>Anna\nx\n</code></pre>"),
        (
            "<https://a.example> <a@b.example>",
            '<p><a href="https://a.example">https://a.example</a> <a href="mailto:a@b.example">a@b.example</a></p>',
        ),
        ("    not code: {{ customer_name }}", "<p>not code: Anna</p>"),
        ("![{{ customer_name }}](https://a.example/a.png)", '<p><img src="https://a.example/a.png" alt="Anna"></p>'),
        ("a < b, c > d, &lt;script&gt;", "<p>a &lt; b, c &gt; d, &lt;script&gt;</p>"),
        (
            "{% if customer_city %}_inside_{% endif %} __{{ customer_name }}__",
            "<p><em>inside</em> <strong>Anna</strong></p>",
        ),
        ("**[Pay]({{ customer_site }})**", '<p class="button"><a href="https://anna.example">Pay</a></p>'),
        ("{% if customer_city %}\n**[Pay](https://a.example)**\n{% endif %}", _BUTTON),
        ("{% if customer_city %}**[Pay](https://a.example)**{% endif %}", _BUTTON),
        (
            "Now **[pay](https://a.example)**.",
            '<p>Now <strong><a href="https://a.example">pay</a></strong>.</p>',
        ),
        (
            "**[a](https://a.example) [b](https://b.example)**",
            '<p><strong><a href="https://a.example">a</a> <a href="https://b.example">b</a></strong></p>',
        ),
    ],
)
def test_markdown_and_placeholders_survive_each_other(source: str, html: str) -> None:
    assert card(source) == html


@pytest.mark.parametrize(
    ("source", "with_city", "without"),
    [
        ("a\n\n{% if customer_city %}\nb\n{% endif %}\n\nc", "<p>a</p><p>b</p><p>c</p>", "<p>a</p><p>c</p>"),
        ("a\n{% if customer_city %}\nb\n{% endif %}\nc", "<p>a</p><p>b</p><p>c</p>", "<p>a</p><p>c</p>"),
        ("x\n\n{% if customer_city %}b{% endif %}", "<p>x</p><p>b</p>", "<p>x</p>"),
        ("x\n\n{% if customer_city %}b{% else %}c{% endif %}", "<p>x</p><p>b</p>", "<p>x</p><p>c</p>"),
        ("x {% if customer_city %}b{% endif %} y", "<p>x b y</p>", "<p>x  y</p>"),
        ("- a\n- {% if customer_city %}b{% endif %}\n- c", _ul("a", "b", "c"), _ul("a", "c")),
        ("- a\n{% if customer_city %}\n- b\n{% endif %}\n- c", _ul("a", "b", "c"), _ul("a", "c")),
        ("x\n{% if customer_city %}\n- b\n{% endif %}", "<p>x</p><ul><li>b</li></ul>", "<p>x</p>"),
        ("{% if customer_city %}\n- b\n{% else %}\n- c\n{% endif %}", "<ul><li>b</li></ul>", "<ul><li>c</li></ul>"),
        ("1. a\n{% if customer_city %}\n2. b\n{% endif %}\n3. c", _ol("a", "b", "c"), _ol("a", "c")),
        (
            "> a\n>\n> {% if customer_city %}\n> b\n> {% endif %}\n\nc",
            _quote("<p>a</p><p>b</p>") + "<p>c</p>",
            _quote("<p>a</p>") + "<p>c</p>",
        ),
        ("> a\n{% if customer_city %}\nb\n{% endif %}", _quote("<p>a</p>") + "<p>b</p>", _quote("<p>a</p>")),
        ("{% if customer_city %}\n# T\n{% endif %}\ntext", "<h1>T</h1><p>text</p>", "<p>text</p>"),
        (
            "{% if customer_city %}\n|a|b|\n|-|-|\n|c|d|\n{% endif %}\ntext",
            _table("ab", "cd") + "<p>text</p>",
            "<p>text</p>",
        ),
        (
            "|a|\n|-|\n|c|\n{% if customer_city %}\n|d|\n{% endif %}\n|e|",
            _table("a", "c", "d", "e"),
            _table("a", "c", "e"),
        ),
    ],
)
def test_statements_hold_whole_blocks_and_leave_nothing_empty(source: str, with_city: str, without: str) -> None:
    assert card(source) == with_city
    assert card(source, customer_city="") == without


def test_a_loop_over_items_is_one_list() -> None:
    source = "- first\n{% for part in 'a,b'.split(',') %}\n- {{ part }}\n{% endfor %}\n- last"

    assert card(source) == "<ul><li>first</li><li>a</li><li>b</li><li>last</li></ul>"
    assert body_text(source) == "- first\n- a\n- b\n- last"


def test_a_loop_alone_makes_one_list_and_its_items_are_numbered_on() -> None:
    source = "{% for part in 'a,b,c'.split(',') %}\n1. {{ part }}\n{% endfor %}"

    assert card(source) == "<ol><li>a</li><li>b</li><li>c</li></ol>"
    assert body_text(source) == "1. a\n2. b\n3. c"


def test_the_numbers_of_the_text_part_count_what_is_there() -> None:
    source = "3. a\n{% if customer_city %}\n4. b\n{% endif %}\n5. c"

    assert body_text(source) == "3. a\n4. b\n5. c"
    assert body_text(source, customer_city="") == "3. a\n4. c"


def test_rows_of_a_table_can_be_looped_over() -> None:
    source = "|n|v|\n|-|-|\n{% for n in range(2) %}\n|{{ n }}|x|\n{% endfor %}\n\nafter"

    rows = "".join(f"<tr><td>{n}</td><td>x</td></tr>" for n in range(2))
    assert (
        card(source) == f"<table><thead><tr><th>n</th><th>v</th></tr></thead><tbody>{rows}</tbody></table><p>after</p>"
    )


def test_nested_statements_and_lists() -> None:
    source = (
        "- a\n\n  {% if customer_city %}\n  in {{ customer_city }}\n  {% endif %}\n\n"
        "{% if customer_name %}\n{% for n in range(2) %}\n- {{ n }}\n{% endfor %}\n{% endif %}\n- z"
    )

    expected = "<ul><li><p>a</p><p>in Lund</p></li><li>0</li><li>1</li><li>z</li></ul>"
    assert card(source).replace("<li><p>z</p></li>", "<li>z</li>") == expected


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("- {% if customer_city %}a\n- b{% endif %}", 1),
        ("x\n\n**{% if customer_city %}a** b{% endif %}", 3),
        ("> {% if customer_city %}\n> a\n\n{% endif %}", 1),
        ("a\n\n[{% if customer_city %}a](https://b.example){% endif %}", 3),
    ],
)
def test_a_statement_that_would_tear_the_html_apart_is_refused(source: str, line: int) -> None:
    assert refusal(source).startswith(f"line {line}: {{% if customer_city %}} and its end are not within the same")


@pytest.mark.parametrize(
    ("source", "line", "named"),
    [
        ("a\n\n<script>alert(1)</script>", 3, "<script>"),
        ("a </style> b", 1, "</style>"),
        ("a\nb <b>bold</b>", 2, "<b>"),
        ("a\n\n\nsee <ScRiPt src=x", 4, "<ScRiPt"),
        ("a\n{{ customer_name }}\n<p onclick='x'>", 3, "<p onclick"),
        ("<!-- a comment -->", 1, "<!--"),
        ("- a\n- b\n- c <i>", 3, "<i>"),
        ("a {{\n'x' }}\n\nb <i>", 4, "<i>"),
        ("<p {{ customer_name }}>", 1, "<p {{ customer_name }}>"),
    ],
)
def test_raw_html_is_refused_with_its_line_and_the_way_out(source: str, line: int, named: str) -> None:
    message = refusals(source)[0][1]

    assert message.startswith(f"line {line}: ")
    assert named in message
    assert "--content-format html" in message


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "&#x6A;avascript&colon;alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "file:///etc/passwd",
    ],
)
def test_a_dangerous_address_is_refused(address: str) -> None:
    message = refusals(f"one\n\n[x]({address})")[0][1]

    assert message.startswith("line 3: ")


@pytest.mark.parametrize("source", ["[x][y]\n\n[y]: javascript:alert(1)", "![x](javascript:alert(1))"])
def test_a_dangerous_address_is_refused_wherever_it_is_written(source: str) -> None:
    assert "'javascript:alert(1)' cannot be used" in refusal(source)


@pytest.mark.parametrize(
    "source",
    [
        "[x](www.example.com)",
        "[x](/login)",
        "[x](java{{ customer_name }}:alert(1))",
        "[x]({{ 'a' }}b)",
        "[x](https://)",
        "[x](<java&Tab;script:alert(1)>)",
    ],
)
def test_an_address_that_leads_nowhere_in_a_mail_is_refused(source: str) -> None:
    assert refusals(f"one\n\n{source}")[0][1].startswith("line 3: ")


@pytest.mark.parametrize("source", ["Learn JavaScript: the good parts", "`<script>` is code", "```\n</style>\n```"])
def test_what_only_looks_dangerous_is_text(source: str) -> None:
    assert card(source)


def test_a_placeholder_that_would_be_lost_is_refused() -> None:
    message = refusal("|a|\n|-|\n|x|{{ customer_name }}|")

    assert message == "line 3: {{ customer_name }} stands in a place that is left out of the message"
