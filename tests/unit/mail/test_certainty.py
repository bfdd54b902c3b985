"""Which texts may fail on one customer's value, so that a review has to render them for everyone."""

import pytest

from ummsg.config import LayoutOptions
from ummsg.mail.templates import compile_email
from ummsg.vocabulary import ContentFormat

KNOWN = ("customer_name", "customer_city", "customer_id")


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
