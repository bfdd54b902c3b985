"""The text part: everything that the HTML says, for a reader who sees letters alone."""

import pytest

from tests.unit.mail.letters import body_text, rendered
from ummsg.mail.text import WIDTH, html_to_text
from ummsg.vocabulary import ContentFormat

MARKDOWN = """\
# Backups for {{ customer_name }}

Hello *{{ customer_name }}*, **all** is ~~lost~~ saved, [read on](https://a.example/b), or at <https://a.example>.

## Steps

1. one
2. `two`
   - nested
   - too

   ```
   code  here
   ```
3. three

> quoted
> text
>
> - in a list

---

| Plan | Price |
|------|-------|
| Pro | 25 € |

![a picture](https://a.example/x.png)
"""

TEXT = """\
Backups for Anna
========================

Hello Anna, all is ~~lost~~ saved, read on
(https://a.example/b), or at https://a.example.

Steps
-----

1. one

2. two

   - nested
   - too

       code  here

3. three

> quoted text
>
> - in a list

------------------------

Plan | Price
-----+------
Pro  | 25 €

a picture"""


def test_every_block_of_markdown() -> None:
    assert body_text(MARKDOWN) == TEXT


def test_long_lines_are_broken_at_spaces_and_addresses_never() -> None:
    address = "https://a.example/" + "long/" * 30
    lines = body_text(f"{'word ' * 60}<{address}> {'word ' * 20}").split("\n")

    assert address in lines
    assert all(len(line) <= WIDTH for line in lines if line != address)
    assert len([line for line in lines if line.startswith("word")]) >= 5


def test_a_wide_table_is_told_row_by_row() -> None:
    wide = "a column with a rather long name"
    source = f"|Plan|{wide}|{wide} too|\n|-|-|-|\n|Pro|1|2|\n|Free|3|4|"

    assert body_text(source) == f"Plan: Pro\n{wide}: 1\n{wide} too: 2\n\nPlan: Free\n{wide}: 3\n{wide} too: 4"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><p>b<br>c</p>", "a\n\nb\nc"),
        ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc"),
        ("<ul><li>a</li><li><p>b</p><p>c</p></li></ul>d", "- a\n- b\n\n  c\n\nd"),
        ('<ol start="3"><li>a</li><li>b</li></ol>', "3. a\n4. b"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:a@b.c">a@b.c</a> <a href="tel:1">call</a>', "a@b.c call (tel:1)"),
        ('<a href="#top">up</a> <a name="x">y</a>', "up y"),
        ('<a href="https://a.example"><img src="x" alt="Logo"></a>', "Logo (https://a.example)"),
        ('<a href="https://a.example"><img src="x" alt=""></a>', "https://a.example"),
        ("<table><tbody><tr><td>a</td><td>b</td></tr></tbody></table>", "a | b"),
        ("<table><tbody><tr><td><h1>T</h1><p>a</p></td><td>b</td></tr></tbody></table>", "T\n=\n\na\n\nb"),
        ("<table><tr><td><table><tr><td>x</td><td>y</td></tr></table></td></tr></table>", "x | y"),
        ("<pre><code>a\n  b\n</code></pre>", "    a\n      b"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("", ""),
    ],
)
def test_sanitised_html(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_html_content_has_its_statements_in_the_text_part_too() -> None:
    source = (
        "<table>{% for n in range(2) %}<tr><td>n {{ n }}</td><td>x</td></tr>{% endfor %}</table>"
        "{% if customer_city %}<p>in {{ customer_city }}</p>{% endif %}<p>end</p>"
    )

    assert body_text(source, ContentFormat.HTML).split("\n")[0].split() == ["n", "0", "|", "x"]
    assert "in Lund\n\nend" in body_text(source, ContentFormat.HTML)
    assert "in Lund" not in body_text(source, ContentFormat.HTML, customer_city="")


def test_a_block_that_is_left_out_leaves_no_gap() -> None:
    source = "a\n\n{% if customer_city %}\n\nb\n\n{% endif %}\n\nc"

    assert body_text(source) == "a\n\nb\n\nc"
    assert body_text(source, customer_city="") == "a\n\nc"


def test_values_are_not_escaped() -> None:
    assert body_text("{{ customer_name }}", customer_name="O'Brien & <Sons> *x* _y_") == "O'Brien & <Sons> *x* _y_"


def test_the_same_lines_are_under_the_text_as_under_the_card() -> None:
    assert rendered("x").text == "x\n\n-- \nExample Network\nStorgatan 1, Lund\n"


def test_an_address_that_is_its_own_name_is_printed_once() -> None:
    assert body_text("At [{{ customer_site }}]({{ customer_site }}).") == "At https://anna.example."
    assert body_text("At [{{ customer_name }}]({{ customer_site }}).") == "At Anna (https://anna.example)."
