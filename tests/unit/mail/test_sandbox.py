"""The language of placeholders: what works, what is refused, and that nothing in it can grow without bounds."""

import tracemalloc

import pytest

from tests.unit.mail.letters import body_text, compiled, refusal, refusals, rendered
from ummsg.mail.filters import FILTERS, METHODS
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.vocabulary import ContentFormat

TEXT = ContentFormat.TEXT


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ customer_name }}", "Anna"),
        ("{{ 2 + 3 * 4 - 6 / 3 }}", "12.0"),
        ("{{ 7 // 2 }} {{ 7 % 4 }} {{ -3 }} {{ +3 }}", "3 3 -3 3"),
        ("{{ customer_name ~ ' in ' ~ customer_city }}", "Anna in Lund"),
        ("{{ 'ab' + 'cd' }}{{ 'x' * 3 }}{{ 2 * 'y' }}", "abcdxxxyy"),
        ("{{ 'yes' if customer_city == 'Lund' else 'no' }}", "yes"),
        ("[{{ 'yes' if customer_city == 'Malmö' }}]", "[]"),
        ("{{ 'y' if customer_name in 'Anna, Eva' and not customer_city == 'Ystad' else 'n' }}", "y"),
        ("{{ 'y' if 1 < 2 <= 2 else 'n' }}", "y"),
        ("{% if customer_city == 'Ystad' %}a{% elif customer_city == 'Lund' %}b{% else %}c{% endif %}", "b"),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
        ("{% for n in range(1, 7, 2) if n > 1 %}{{ n }}{% else %}none{% endfor %}", "35"),
        ("{% for n in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for n in ['a', 'b'] %}{{ loop.index }}{{ n }}{% if not loop.last %}, {% endif %}{% endfor %}", "1a, 2b"),
        ("{% for n in range(3) %}{{ loop.revindex }}{{ loop.index0 }}{{ loop.length }} {% endfor %}", "303 213 123"),
        ("{% for n in customer_city.split('u') %}<{{ n }}>{% endfor %}", "<L><nd>"),
        ("{% set greeting = 'Hej ' ~ customer_name %}{{ greeting }}!", "Hej Anna!"),
        ("{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"),
        ("{{ customer_name[0] }}{{ customer_name[1:3] }}{{ customer_name[-1] }}", "Anna"),
        ("{{ {'Lund': 'Skåne'}[customer_city] or 'Sweden' }}", "Skåne"),
        ("{{ {'Ystad': 'Skåne'}[customer_city] or 'Sweden' }}", "Sweden"),
        ("{{ customer_name.split()[3] | default('-') }}", "-"),
        ("{{ 'a b'.split(' ') | join('+') }}", "a+b"),
        ("{{ 'y' if customer_name is defined and customer_name is string else 'n' }}", "y"),
        ("{{ '}}' }}{{ '%}' }}{{ '{{' }}", "}}%}{{"),
        ("{% raw %}{{ not a placeholder }}{% endraw %}", "{{ not a placeholder }}"),
        ("a{# a comment {{ with a brace }} #}b", "ab"),
        ("a {{- customer_name -}} b", "aAnnab"),
    ],
)
def test_allowed_constructs_give_what_jinja_documents(source: str, expected: str) -> None:
    assert body_text(source, TEXT) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("-3 | abs", "3"),
        ("'anna karin' | capitalize", "Anna karin"),
        ("'abc' | count", "3"),
        ("'' | d('x')", "x"),
        ("customer_name | default('x')", "Anna"),
        ("'<b>' | e", "<b>"),
        ("'<b>' | escape", "<b>"),
        ("'abc' | first", "a"),
        ("'2.50' | float", "2.5"),
        ("'x' | float(1.5)", "1.5"),
        ("'42' | int", "42"),
        ("'3.9' | int", "3"),
        ("'x' | int(7)", "7"),
        ("['a', 1] | join('-')", "a-1"),
        ("'abc' | last", "c"),
        ("'abc' | length", "3"),
        ("'ÅSA' | lower", "åsa"),
        ("'banana' | replace('a', 'o')", "bonono"),
        ("'banana' | replace('a', 'o', 2)", "bonona"),
        ("2.345 | round(2, 'floor')", "2.34"),
        ("2.5001 | round", "3.0"),
        ("'<p>Hi <b>you</b></p>' | striptags", "Hi you"),
        ('"anna o\'brien" | title', "Anna O'brien"),
        ("'  x ' | trim", "x"),
        ("'one two three' | truncate(9)", "one..."),
        ("'one two three' | truncate(9, true, '…')", "one two …"),
        ("'straße' | upper", "STRASSE"),
    ],
)
def test_each_filter(expression: str, expected: str) -> None:
    assert body_text(f"[{{{{ {expression} }}}}]", TEXT) == f"[{expected}]"


def test_every_filter_is_tested_above() -> None:
    tested = {case.values[0] if hasattr(case, "values") else case[0] for case in _filter_cases()}
    assert {name for name in FILTERS if not any(f"| {name}" in source for source in tested)} == set()


def _filter_cases() -> list[tuple[str, str]]:
    (mark,) = (mark for mark in test_each_filter.pytestmark if mark.name == "parametrize")
    return list(mark.args[1])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("'aB'.capitalize()", "Ab"),
        ("'aab'.count('a')", "2"),
        ("'y' if 'ab'.endswith('b') else 'n'", "y"),
        ("'abc'.find('c')", "2"),
        ("'y' if '12'.isdigit() else 'n'", "y"),
        ("'AB'.lower()", "ab"),
        ("' a'.lstrip()", "a"),
        ("'aa'.replace('a', 'b', 1)", "ba"),
        ("'a '.rstrip()", "a"),
        ("'a,b'.split(',')[1]", "b"),
        ("'y' if 'ab'.startswith('a') else 'n'", "y"),
        ("'-a-'.strip('-')", "a"),
        ("'a b'.title()", "A B"),
        ("'ab'.upper()", "AB"),
    ],
)
def test_each_method(call: str, expected: str) -> None:
    assert body_text(f"[{{{{ {call} }}}}]", TEXT) == f"[{expected}]"
    assert any(f".{name}(" in call for name in METHODS)


# Refused, with the construct and the line


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("{{ ''.__class__.__mro__ }}", ".__mro__"),
        ("{{ customer_name.__class__ }}", ".__class__"),
        ("{{ customer_name.upper }}", ".upper"),
        ("{{ customer_name.format(1) }}", ".format()"),
        ("{{ customer_name.encode() }}", ".encode()"),
        ("{{ 'a'.join('b') }}", ".join()"),
        ("{{ customer_name | attr('__class__') }}", "filter attr"),
        ("{{ customer_name | safe }}", "filter safe"),
        ("{{ customer_name | format(1) }}", "filter format"),
        ("{{ customer_name | map('upper') }}", "filter map"),
        ("{{ customer_name | ummsg_url }}", "filter ummsg_url"),
        ("{{ customer_name is callable }}", "test callable"),
        ("{{ self }}", "self"),
        ("{{ self._TemplateReference__context }}", "._TemplateReference__context"),
        ("{{ super() }}", "super()"),
        ("{{ caller() }}", "caller()"),
        ("{{ lipsum() }}", "lipsum()"),
        ("{{ namespace(a=1) }}", "namespace()"),
        ("{{ dict(a=1) }}", "dict()"),
        ("{{ cycler.__init__.__globals__ }}", ".__globals__"),
        ("{{ customer_name() }}", "customer_name()"),
        ("{{ _private }}", "_private"),
        ("{% set _x = 1 %}x", "_x"),
        ("{% set range = 1 %}x", "range"),
        ("{% for loop in [1] %}x{% endfor %}", "loop"),
        ("{{ range }}", "range"),
        ("{{ range.__class__ }}", ".__class__"),
        ("{% for x in [1] %}{{ loop }}{% endfor %}", "loop"),
        ("{% for x in [1] %}{% set y = loop %}{% endfor %}x", "loop"),
        ("{% for x in [1] %}{{ loop.cycle('a') }}{% endfor %}", ".cycle()"),
        ("{% for x in [1] recursive %}{{ loop(x) }}{% endfor %}", "recursive"),
        ("{{ 2 ** 3 }}", "**"),
        ("{{ [customer_name] }}", "list"),
        ("{% for x in (customer_name, 1) %}{% endfor %}x", "list"),
        ("{{ {customer_name: 1} }}", "list"),
        ("{{ [[1]] }}", "list"),
        ("{{ customer_name | replace(*['a', 'b']) }}", "* and **"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% macro %}"),
        ("{% call f() %}{% endcall %}x", "{% call %}"),
        ("{% include 'x' %}", "{% include %}"),
        ("{% import 'x' as y %}", "{% import %}"),
        ("{% from 'x' import y %}", "{% from … import %}"),
        ("{% extends 'x' %}", "{% extends %}"),
        ("{% block x %}{% endblock %}", "{% block %}"),
        ("{% filter upper %}x{% endfilter %}", "{% filter %}"),
        ("{% set x %}y{% endset %}", "{% set %} … {% endset %}"),
        ("{% with x = 1 %}y{% endwith %}", "{% with %}"),
        ("{% autoescape false %}{{ customer_name }}{% endautoescape %}", "{% autoescape %}"),
        ("{% set x.y = 1 %}x", "NSRef"),
        ("{{ 1e999 }}", "10 to the 18th"),
        ("{{ " + "9" * 5000 + " }}", "10 to the 18th"),
        ("{{ '\\x01' }}", "control character"),
        ("{{ '\\ud800' }}", "control character"),
    ],
)
@pytest.mark.parametrize("content_format", list(ContentFormat))
def test_whatever_is_not_listed_is_refused_with_its_line(
    source: str, named: str, content_format: ContentFormat
) -> None:
    message = refusal(f"first line\n\nthird: {source}", content_format)

    assert named in message
    assert message.endswith("(line 3)") or named == "10 to the 18th"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("a\nb\n{{ customer_name", 3),
        ("{% if 1 %}\nabc", 1),
        ("a\n{{ }}", 2),
        ("a\n\n\n{% endif %}", 4),
        ("{{ 1 2 }}", 1),
    ],
)
def test_a_syntax_error_carries_its_line(source: str, line: int) -> None:
    assert f"(line {line})" in refusal(source)


def test_a_name_that_is_not_known_comes_with_the_closest_one_and_all_are_told_at_once() -> None:
    found = refusals("a\n\n{{ customer_nmae }} {{ custmer_city | upper }}", subject="Hi {{ nework_name }}")

    assert found == [
        ("subject", "nework_name is not known (line 1); did you mean network_name?"),
        ("content", "custmer_city is not known (line 3); did you mean customer_city?"),
        ("content", "customer_nmae is not known (line 3); did you mean customer_name?"),
    ]


def test_a_default_does_not_excuse_a_name_that_does_not_exist() -> None:
    assert "customer_nmae is not known" in refusal("{{ customer_nmae or 'there' }}")


def test_names_that_the_text_binds_are_no_placeholders() -> None:
    template = compiled("{% set city = customer_city %}{% for n in range(2) %}{{ n }}{{ city }}{% endfor %}")

    assert template.variables == {"customer_city"}


def test_variables_are_those_of_subject_and_content() -> None:
    assert compiled("{{ customer_city }}", subject="{{ customer_name }}").variables == {
        "customer_name",
        "customer_city",
    }


# Without end and without bounds


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'x' * 1000000000 }}",
        "{{ 1000000000 * 'x' }}",
        "{{ customer_name * 1000000000 }}",
        "{{ '%9999999999d' % 1 }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}",
        "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}x",
        "{% for i in range(10000) %}{{ 'x' * 100000 }}{% endfor %}",
        "{% for i in range(10000) %}{% if (customer_name * 1000) | upper %}{% endif %}{% endfor %}",
        "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
        "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
        "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a.split('x') | join(a) %}" * 60 + "{{ a }}",
        "{% set a = customer_name %}" + "{% set a = a.replace('', a) %}" * 60 + "{{ a }}",
        "{{ 'a'" + " | replace('a', 'aaaaaaaaaa')" * 12 + " }}",
        "{% set a = 999999999 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
        "{{ 1" + " * 999999999" * 40 + " }}",
        "{{ 1.5 | round(-1000000000) }}",
        "{{ 5 | round(1000000000) }}",
    ],
)
def test_a_runaway_template_is_refused_when_it_is_compiled_without_growing(source: str) -> None:
    compiled("x")
    tracemalloc.start()
    try:
        message = refusal(source, TEXT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert message.startswith("line 1: ")
    assert peak < 40 * 1024 * 1024


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "not " * 5000 + "1 }}",
        "{{ " + "-" * 5000 + "1 }}",
        "{{ " + "[" * 5000 + "]" * 5000 + " }}",
        "{{ customer_name" + " | upper" * 5000 + " }}",
        "{{ customer_name" + "[0]" * 5000 + " }}",
        "{{ 1" + " + 1" * 5000 + " }}",
        "{% if 1 %}" * 500 + "x" + "{% endif %}" * 500,
        "{% for i in [1] %}" * 30 + "x" + "{% endfor %}" * 30,
    ],
)
def test_deep_nesting_is_a_clear_message(source: str) -> None:
    assert "nested" in refusal(source, TEXT)


def test_more_tags_than_a_message_may_have() -> None:
    assert "more than 5,000 placeholders" in refusal("{{ 1 }}" * 5001, TEXT)


def test_what_only_some_values_set_off_is_refused_when_it_is_rendered() -> None:
    template = compiled("{% if customer_city == 'Lund' %}\n{{ 'x' * 1000000000 }}\n{% endif %}\nrest")

    assert template.render({"customer_city": "Ystad"}).text.startswith("rest")
    with pytest.raises(RenderFailed, match=r"^line 2: .* 1,000,000,000 characters"):
        template.render({"customer_city": "Lund"})


def test_the_budget_is_one_rendering_s_own() -> None:
    template = compiled("{% for i in range(8000) %}x{% endfor %}", TEXT)

    for _ in range(10):
        assert template.render({}).text.startswith("x" * 8000)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ customer_name + 1 }}", "cannot be added"),
        ("{{ customer_name - 1 }}", "| int or | float"),
        ("{{ none }}", "nothing"),
        ("{{ 1 == 1 }}", "conditional"),
        ("{{ [1, 2] }}", "a list"),
        ("{{ range(2) }}", "a range"),
        ("{{ {'a': 1} }}", "a table"),
        ("{% for x in 5 %}{% endfor %}x", "cannot be looped over"),
        ("{{ 'five' | int }}", "is not a number; give a default: | int(0)"),
        ("{{ customer_name | default('a', foo=1) }}", "unexpected keyword"),
        ("{{ customer_name['__class__'] }}", "has no item"),
        ("{{ 1 < 'a' }}", "not supported"),
    ],
)
def test_what_fails_for_everyone_is_told_when_it_is_compiled(source: str, reason: str) -> None:
    message = refusal(f"one\n\n{source}", TEXT)

    assert message.startswith("line 3: ")
    assert reason in message


# Empty values


@pytest.mark.parametrize("values", [{}, {"customer_name": ""}])
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ customer_name or 'there' }}", "there"),
        ("{{ customer_name | default('there') }}", "there"),
        ("{{ customer_name | trim | title | default('there') }}", "there"),
        ("{{ customer_name | d('there', true) }}", "there"),
        ("{{ customer_name if customer_name else 'there' }}", "there"),
        ("{% if customer_name %}{{ customer_name }}{% endif %}there", "there"),
        ("{% if not customer_name %}there{% endif %}", "there"),
        ("{% if customer_name == '' %}there{% endif %}", "there"),
        ("{% if customer_name != 'Anna' %}there{% endif %}", "there"),
        ("{% if customer_name in ['', 'x'] %}there{% endif %}", "there"),
        ("{% if customer_name is undefined %}there{% endif %}", "there"),
        ("{{ customer_name | length }}", "0"),
        ("{{ customer_name | int(7) }}", "7"),
        ("{{ (customer_name or 'a b').split()[1] }}", "b"),
        ("{% for part in customer_name %}x{% else %}there{% endfor %}", "there"),
    ],
)
def test_an_empty_value_is_false_and_takes_a_default(source: str, expected: str, values: dict[str, str]) -> None:
    assert rendered(source, TEXT, values=values).text.startswith(f"{expected}\n")


@pytest.mark.parametrize(
    "expression",
    [
        "customer_name",
        "customer_name ~ '!'",
        "'Hi ' + customer_name",
        "customer_name * 2",
        "customer_name[0]",
        "customer_name[0:2]",
        "customer_name.upper()",
        "customer_name.split()",
        "'yes' if customer_name > 'a' else 'no'",
        "'-' | replace('-', customer_name)",
        "['a', 'b'] | join(customer_name)",
        "'x' | default('y') ~ customer_name",
        "customer_name | default(customer_name)",
        *(f"customer_name | {name}" for name in FILTERS if name not in ("default", "d", "length", "count", "replace")),
        "customer_name | replace('a', 'b')",
    ],
)
def test_an_empty_value_cannot_be_printed_in_any_way(expression: str) -> None:
    template = compiled(f"{{% if not customer_name %}}{{{{ {expression} }}}}{{% endif %}}x")

    with pytest.raises(EmptyPlaceholder) as empty:
        template.render({})
    assert empty.value.name == "customer_name"


def test_an_empty_value_in_an_address_is_an_empty_placeholder_too() -> None:
    for source in ("[x]({{ customer_site }})", "[x](https://a.example/{{ customer_site }})"):
        with pytest.raises(EmptyPlaceholder, match="customer_site is empty"):
            rendered(source, customer_site="")
