"""The base layout and its options; compiled emails as whole documents."""

import re
from dataclasses import replace

import pytest

from tests.unit.mail.letters import LAYOUT, compiled, rendered
from ummsg.config import LayoutOptions
from ummsg.mail.layout import laid_out, text_footer
from ummsg.mail.shipped import templates_folder
from ummsg.mail.templates import RenderFailed, compile_email
from ummsg.vocabulary import ContentFormat


def test_the_document_is_whole_and_its_css_is_on_the_elements() -> None:
    html = rendered("# Hi\n\nthere").html

    assert html.startswith("<!DOCTYPE html>")
    assert html.index('<meta charset="utf-8">') < 200
    assert re.search(r'<html lang="\w+">', html)
    assert re.search(r"<h1 style=\"[^\"]*font-size: 26px", html)
    assert html.count('role="presentation"') == 2
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    assert re.findall(r"@media ([^{]*)", style[1]) == [
        "only screen and (max-width: 620px) ",
        "(prefers-color-scheme: dark) ",
    ]


def test_network_name_footer_and_address_are_shown_and_escaped() -> None:
    options = replace(
        LAYOUT, network_name="A & <B>", network_url="https://a.example", footer_text="Foot {{ 1 }} {% x %}"
    )
    email = compile_email("Hi", "text", ContentFormat.MARKDOWN, options, ())
    html = email.render({}).html

    assert re.search(r'class="brand".*<a href="https://a.example"[^>]*>A &amp; &lt;B&gt;</a>', html, re.DOTALL)
    assert "Foot {{ 1 }} {% x %}</p>" in html
    assert "Storgatan 1, Lund</p>" in html
    assert "Foot {{ 1 }} {% x %}" in email.render({}).text


def test_a_logo_stands_for_the_name_and_both_can_be_hidden() -> None:
    logo = laid_out("", replace(LAYOUT, logo_url="https://a.example/l.png"), prose=True)
    hidden = laid_out("", replace(LAYOUT, hide_logo=True, logo_url="https://a.example/l.png"), prose=True)

    assert re.search(r'<img src="https://a.example/l.png" alt="Example Network"', logo)
    assert "l.png" not in hidden
    assert 'class="brand"' not in hidden


def test_the_options_reach_the_elements() -> None:
    options = LayoutOptions(
        network_name="Net", background_colour="#010203", content_colour="#040506", content_alignment="center",
        content_font="Georgia, serif", footer_text="foot", footer_colour="#070809", footer_alignment="right",
        footer_font="Courier",
    )  # fmt: skip
    html = laid_out("<p>x</p>", options, prose=True)

    card = re.search(r'class="card prose"[^>]*style="([^"]*)"', html)
    footer = re.search(r'class="footer"[^>]*style="([^"]*)"', html)
    assert card is not None
    assert footer is not None
    for wanted in ("color: #040506", "text-align: center", "font-family: Georgia, serif"):
        assert wanted in card[1]
    for wanted in ("color: #070809", "text-align: right", "font-family: Courier"):
        assert wanted in footer[1]
    assert re.search(r"<body style=\"[^\"]*background-color: #010203", html)


def test_an_author_of_html_styles_the_tables() -> None:
    table = "<table><tbody><tr><td>x</td></tr></tbody></table>"

    assert "<td>x</td>" in laid_out(table, LAYOUT, prose=False)
    assert re.search(r"<td style=\"[^\"]*padding", laid_out(table, LAYOUT, prose=True).partition("card")[2])


def test_without_any_details_there_is_neither_brand_nor_footer() -> None:
    html = laid_out("<p>x</p>", LayoutOptions(), prose=True)

    assert 'class="footer"' not in html
    assert 'class="brand"' not in html
    assert text_footer(LayoutOptions()) == ""


def test_the_templates_are_found() -> None:
    assert (templates_folder() / "base.html").is_file()


@pytest.mark.parametrize("content", ["{% if customer_city %}x{% endif %}", "{{ customer_city or '' }}"])
def test_an_email_that_says_nothing_is_not_made(content: str) -> None:
    with pytest.raises(RenderFailed, match="it is empty"):
        compiled(content).render({"customer_city": ""})


def test_a_subject_that_says_nothing_is_not_made() -> None:
    with pytest.raises(RenderFailed, match="it is empty") as failed:
        compiled("x", subject="{{ customer_city or ' ' }}").render({})
    assert failed.value.field == "subject"


def test_a_picture_alone_is_an_email() -> None:
    assert 'src="https://a.example/x"' in rendered("![](https://a.example/x)").html


def test_a_subject_is_one_line() -> None:
    assert rendered("x", subject="To {{ customer_name }}", customer_name="A\r\nBcc: x\tb").subject == "To A Bcc: x b"
