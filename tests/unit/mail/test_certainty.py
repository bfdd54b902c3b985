"""Which texts may fail on one customer's value and not on another's, and on which value."""

import pytest

from ummsg.config import LayoutOptions
from ummsg.mail.templates import compile_email
from ummsg.vocabulary import ContentFormat

KNOWN = ("customer_name", "customer_city", "customer_id")


def weighed(content: str, subject: str = "Hello") -> set[str]:
    return set(compile_email(subject, content, ContentFormat.MARKDOWN, LayoutOptions(), KNOWN).weighed)


def certain(content: str, subject: str = "Hello") -> bool:
    return compile_email(subject, content, ContentFormat.MARKDOWN, LayoutOptions(), KNOWN).certain


@pytest.mark.parametrize(
    "content",
    [
        "Good morning.",
        "Dear {{ customer_name }}, in {{ customer_city or 'your city' }}",
        "{% if customer_city %}{{ customer_city | upper }}{% else %}{{ customer_name | default('you') }}{% endif %}",
    ],
)
def test_printing_values_is_certain(content: str) -> None:
    assert certain(content)
    assert certain("Good morning.", subject=content)


@pytest.mark.parametrize(
    "content",
    [
        "{{ customer_name.split()[1] }}",
        "{{ customer_id | int }}",
        "{{ 10 // 3 }} {{ customer_id + '1' }}",
        "{% for x in customer_name %}{{ x }}{% endfor %}",
        "[site]({{ customer_city }})",
        "[site](https://{{ customer_city }}.example.com)",
    ],
)
def test_working_with_values_is_not(content: str) -> None:
    assert not certain(content)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("{{ customer_name }} {{ customer_id | int + 1 }}", {"customer_id"}),
        ("{{ customer_name }} [site](https://{{ customer_city }}.example.com)", {"customer_city"}),
        ("[{{ customer_name }}](https://example.com)", set()),
        ("{% if customer_city == 'Lund' %}{{ customer_name }}{% endif %}", {"customer_city"}),
        ("{% if customer_city %}{{ customer_name[0] }}{% elif customer_id %}x{% endif %} there", {"customer_name"}),
        (
            "{% if customer_city %}x{% else %}{{ customer_name * 2 }}{% endif %} there",
            {"customer_name"},
        ),
        ("{% set first = customer_name.split()[0] %}{{ first }} {{ customer_city }}", {"customer_name"}),
        ("{% for n in range(3) %}{{ customer_name }}{% endfor %} {{ customer_city }}", {"customer_name"}),
        ("{{ customer_name if customer_city else 'you' }}", set()),
        ("{{ customer_name ~ customer_city }} {{ customer_id }}", {"customer_name", "customer_city"}),
        ("Three are {{ 1 + 2 }}", set()),
    ],
)
def test_the_values_that_matter_are_named_and_no_others(content: str, names: set[str]) -> None:
    assert weighed(content) == names


def test_the_subject_counts_too() -> None:
    assert weighed("Good morning.", subject="Hello {{ customer_name[0] }}") == {"customer_name"}
