"""docs/writing-messages.md says what is so."""

import re
from pathlib import Path

import pytest

from tests.unit.mail.letters import LAYOUT
from ummsg.mail.filters import FILTERS, METHODS, TESTS
from ummsg.mail.templates import compile_email
from ummsg.vocabulary import ContentFormat

PAGE = (Path(__file__).parents[3] / "docs" / "writing-messages.md").read_text(encoding="utf-8")
EXAMPLES = [block for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) if "{{" in block]
INLINE = [code for code in re.findall(r"`([^`\n]*\{\{ [^`\n]*)`", PAGE) if "…" not in code]
NAMES = set(re.findall(r"customer_\w+", PAGE)) - {"customer_nmae"}


@pytest.mark.parametrize("example", [*EXAMPLES, *(code for code in INLINE if "==" not in code)])
def test_the_examples_can_be_sent(example: str) -> None:
    template = compile_email("Subject", example, ContentFormat.MARKDOWN, LAYOUT, NAMES)

    assert template.render(dict.fromkeys(NAMES, "7") | {"customer_site": "https://a.example"}).text


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3
    assert len(INLINE) >= 5


@pytest.mark.parametrize(("label", "names"), [("filters", FILTERS), ("methods of a text", METHODS), ("tests", TESTS)])
def test_the_lists_are_whole(label: str, names: object) -> None:
    listed = re.search(rf"- {label}: (.*?)(?=\n- |\n\n)", PAGE, re.DOTALL)

    assert listed is not None
    assert sorted(re.findall(r"\w+", listed[1])) == sorted(names)  # type: ignore[call-overload]
