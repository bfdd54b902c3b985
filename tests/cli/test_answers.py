"""What the flags and the wizard collect, and that both give the same draft."""

import shlex
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.parsing import parse_new
from ummsg.cli.answers import Answers, equivalent_command, missing, to_draft
from ummsg.domain.audience import Target
from ummsg.domain.customer import Customer, Product
from ummsg.runtime import Runtime
from ummsg.vocabulary import BroadcastType, ContentFormat, MembershipStatus, NoticeType

ANNA = Customer(1, None, "anna@example.com", "Anna")
PRO = Product(7, None, "pro", "Pro")
COMPLETE = {"type": BroadcastType.EMAIL, "customers": [ANNA], "subject": "Hello", "content": "Good morning"}


class Directory:
    """Knows the customers and products of one set of answers, by the references that name them."""

    def __init__(self, answers: Answers) -> None:
        self._customers = {customer.email: customer for customer in answers.customers}
        self._products = {product.slug: product for product in answers.products}

    def customer(self, ref: str) -> Customer:
        return self._customers[ref]

    def product(self, ref: str) -> Product:
        return self._products[ref]


def parsed(command: str, answers: Answers) -> Answers:
    runtime = Runtime(environ={})
    runtime.__dict__["directory"] = Directory(answers)
    program, noun, verb, *arguments = shlex.split(command)
    assert (program, noun, verb) == ("ummsg", "broadcast", "new")
    return parse_new(arguments, runtime)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
times = st.datetimes(
    min_value=datetime(2027, 1, 1),  # noqa: DTZ001 - the zone is drawn apart
    max_value=datetime(2099, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]),
)


@st.composite
def answers_given(draw: st.DrawFn) -> Answers:
    emails = draw(st.lists(words.map(lambda word: f"{word}@example.com"), unique=True, max_size=4))
    slugs = draw(st.lists(words, unique=True, max_size=3))
    return Answers(
        type=draw(st.sampled_from(BroadcastType)),
        customers=[Customer(n, None, email) for n, email in enumerate(emails, 1)],
        products=[Product(n, None, slug) for n, slug in enumerate(slugs, 1)],
        everyone=draw(st.booleans()),
        membership_statuses=draw(st.lists(st.sampled_from(MembershipStatus), max_size=3)),
        notice_type=draw(st.none() | st.sampled_from(NoticeType)),
        subject=draw(st.none() | texts),
        content=draw(st.none() | texts),
        content_format=draw(st.sampled_from(ContentFormat)),
        at=draw(st.none() | times),
        not_after=draw(st.none() | times),
        starts=draw(st.none() | times),
        ends=draw(st.none() | times),
        sender=draw(texts),
        reply_to=draw(texts),
        attempts=draw(st.none() | st.integers(1, 50)),
        retry_for=draw(st.none() | st.integers(1, 43_200).map(lambda minutes: timedelta(minutes=minutes))),
    )


@given(answers_given())
def test_the_equivalent_command_gives_the_same_draft(answers: Answers) -> None:
    assert to_draft(parsed(equivalent_command(answers), answers)) == to_draft(answers)


@pytest.mark.parametrize(
    "content",
    [
        'Dear {{ customer_name }},\n\nit\'s $HOME, `date` and $(id)!\n\t- "quoted"\n\\end\n',
        "--subject",
        "- one\n- two",
        "'''",
        "# not a comment\n",
    ],
)
def test_the_equivalent_command_survives_a_paste_into_sh(content: str) -> None:
    answers = Answers(**COMPLETE | {"content": content})
    script = 'ummsg() { printf "%s\\0" ummsg "$@"; }\n' + equivalent_command(answers) + "\n"

    words = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True).stdout

    assert words.split("\0")[:-1] == shlex.split(equivalent_command(answers))
    assert content in words.split("\0")


def test_the_equivalent_command_says_no_more_than_it_needs_to() -> None:
    answers = Answers(**COMPLETE | {"products": [PRO]})
    assert equivalent_command(answers) == (
        "ummsg broadcast new --type email --customer anna@example.com --product pro --subject Hello"
        " --content 'Good morning'"
    )


@pytest.mark.parametrize(
    ("without", "flags"),
    [
        ([], []),
        (["type"], ["--type"]),
        (["customers"], ["--customer (or --product, or --everyone)"]),
        (["subject"], ["--subject"]),
        (["content"], ["--content (or --content-file)"]),
        (
            ["type", "customers", "subject", "content"],
            ["--type", "--customer (or --product, or --everyone)", "--subject", "--content (or --content-file)"],
        ),
    ],
)
def test_every_missing_flag_is_named(without: list[str], flags: list[str]) -> None:
    given: dict[str, Any] = {name: value for name, value in COMPLETE.items() if name not in without}
    assert missing(Answers(**given)) == flags


@pytest.mark.parametrize("targets", [{"customers": [ANNA]}, {"products": [PRO]}, {"everyone": True}])
def test_any_kind_of_target_is_enough(targets: dict[str, Any]) -> None:
    assert missing(Answers(**COMPLETE | {"customers": []} | targets)) == []


def test_an_empty_text_is_given_not_missing() -> None:
    assert missing(Answers(**COMPLETE | {"subject": "", "content": ""})) == []


def test_the_draft_has_every_target_once() -> None:
    answers = Answers(**COMPLETE | {"customers": [ANNA, ANNA], "products": [PRO]})
    assert to_draft(answers).audience.targets == (Target.customer(1), Target.product(7))


def test_an_unfinished_draft_keeps_what_there_is() -> None:
    draft = to_draft(Answers(type=BroadcastType.NOTICE, subject="Hello"))
    assert (draft.subject, draft.content, draft.notice_type) == ("Hello", "", NoticeType.SUCCESS)


def test_there_is_no_draft_without_a_type() -> None:
    with pytest.raises(ValueError, match="type"):
        to_draft(Answers(subject="Hello"))
