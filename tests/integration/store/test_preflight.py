"""What a preflight proves from the text and the data is what making everyone's message finds."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from ummsg.config import Settings
from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.errors import InvalidDraft
from ummsg.services.preflight import MissingValues, Proof, prove
from ummsg.services.prepared_email import prepare_email
from ummsg.store.engine import Store, open_store
from ummsg.store.migrations import upgrade
from ummsg.store.tables import CustomerRow, table_of
from ummsg.vocabulary import BroadcastType

EVERYONE = Audience.of([Target.everyone()])
KNOWN = ["customer_name", "customer_id", "customer_city", "customer_site", "network_name", "network_url"]
SETTINGS = Settings.load(
    {
        "UMMSG_FROM": "hello@example.com",
        "UMMSG_NETWORK_NAME": "Example Network",
        "UMMSG_NETWORK_URL": "https://example.com",
    },
    Path("/nonexistent"),
)

PIECES = (
    "Hello.",
    "{{ customer_name }}",
    "{{ customer_name or 'friend' }}",
    "{{ customer_city | upper }}",
    "{{ customer_city | default('here') | trim }}",
    "{{ customer_city | trim or 'there' }}",
    "{% if customer_city %}In {{ customer_city }}.{% else %}{{ customer_name }}{% endif %}",
    "{% if not customer_name and customer_city %}{{ customer_site }}{% endif %}",
    "{{ 'x' if customer_site else customer_name }}",
    "{{ customer_name.split()[1] }}",
    "{{ customer_city | int + 1 }}",
    "{% if customer_city == '5' %}{{ customer_name }}{% endif %}",
    "{% for part in customer_city %}{{ customer_name }}{% endfor %}",
    "{% set first = customer_name[0] %}{{ first }}",
    "[site]({{ customer_site }})",
    "[there](https://{{ customer_city }}.example.com/{{ customer_id }})",
    "[home]({{ network_url }})",
)
VALUES = (
    "",
    " ",
    "\u00a0",
    "\n",
    "5",
    "0",
    "Anna",
    "Anna Ek",
    "https://example.com",
    "javascript:x",
    "Örebro",
    "a b.c",
)


@pytest.fixture(scope="module")
def empty_database() -> Path:
    folder = Path(tempfile.mkdtemp())
    upgrade(f"sqlite:///{folder / 'ummsg.db'}")
    return folder / "ummsg.db"


def store_with(database: Path, rows: list[tuple[str, str, str]]) -> Store:
    copy = Path(tempfile.mkdtemp()) / "ummsg.db"
    shutil.copy(database, copy)
    store = open_store(f"sqlite:///{copy}")
    customers = [
        {
            "email": f"c{number}@example.com",
            "email_key": f"c{number}@example.com",
            "name": name.strip(),
            "locale": "",
            "timezone": "",
            "email_verification": "none",
            "attributes": {"city": city, "site": site},
        }
        for number, (name, city, site) in enumerate(rows)
    ]
    with store.begin() as tx:
        tx.session.connection().execute(insert(table_of(CustomerRow)), customers)
    return store


def outcome(store: Store, draft: BroadcastDraft, *, render_all: bool) -> tuple[object, ...]:
    """What is wrong and for how many, or nothing; and how many messages were made to find out."""
    made = [0]

    def watch(done: int, total: int) -> None:
        made[0] += 1

    with store.read() as tx:
        try:
            prove(tx, EVERYONE, prepare_email(draft, SETTINGS, KNOWN), 0, render_all=render_all, watch=watch)
        except MissingValues as missing:
            return ("missing", tuple(missing.details)), made[0]
        except InvalidDraft as failed:
            return ("failed", frozenset(str(one).partition(" (for")[0] for one in failed.problems)), made[0]
    return ("fine",), made[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3),
    st.lists(st.tuples(*[st.sampled_from(VALUES)] * 3), min_size=1, max_size=12),
)
def test_the_proof_finds_what_making_all_messages_finds(
    empty_database: Path, pieces: list[str], rows: list[tuple[str, str, str]]
) -> None:
    draft = BroadcastDraft(BroadcastType.EMAIL, EVERYONE, "Hello", "\n\n".join(pieces))
    try:
        prepare_email(draft, SETTINGS, KNOWN)
    except InvalidDraft:
        return
    store = store_with(empty_database, rows)
    try:
        proven, made = outcome(store, draft, render_all=False)
        found, all_made = outcome(store, draft, render_all=True)
    finally:
        store.close()
        shutil.rmtree(store.path.parent)
    assert proven == found
    assert all_made == len(rows)
    assert made <= all_made  # type: ignore[operator]


def proof(store: Store, content: str, *, render_all: bool = False) -> Proof:
    draft = BroadcastDraft(BroadcastType.EMAIL, EVERYONE, "Hello", content)
    with store.read() as tx:
        return prove(tx, EVERYONE, prepare_email(draft, SETTINGS, KNOWN), 300, render_all=render_all)


@pytest.mark.parametrize(
    ("content", "made"),
    [
        ("Good morning.", 1),
        ("Dear {{ customer_name }}", 1),
        ("Dear {{ customer_city or 'you' }}", 2),
        ("{% if customer_city %}{{ customer_city }}{% endif %}, {{ customer_name }}", 2),
        ("{% if customer_city == 'Lund' %}Hej{% endif %} {{ customer_name }}", 3),
        ("[home]({{ network_url }}) {{ customer_name }}", 1),
        ("{{ customer_name }} [you](https://example.com/{{ customer_id }})", 300),
    ],
)
def test_no_more_messages_are_made_than_the_proof_needs(empty_database: Path, content: str, made: int) -> None:
    store = store_with(empty_database, [(f"N{number}", ("", "Lund", "Malmö")[number % 3], "") for number in range(300)])
    assert proof(store, content).rendered == made
    assert proof(store, content, render_all=True).rendered == 300
    store.close()


def test_who_lacks_a_value_is_counted_and_the_first_hundred_are_named(empty_database: Path) -> None:
    store = store_with(empty_database, [(f"N{number}", "" if number % 2 else "Lund", "") for number in range(300)])
    with pytest.raises(MissingValues) as missing:
        proof(store, "In {{ customer_city }}")
    details = missing.value.details
    assert details[0] == "customer_city is empty for 150 of the recipients:"
    assert details[1] == "  2  N1 <c1@example.com>"
    assert details[-1] == "  … and 50 more"
    assert len(details) == 102
    store.close()


def test_a_value_that_fails_is_told_once_for_all_who_have_it(empty_database: Path) -> None:
    store = store_with(empty_database, [("Anna", "Lund", ""), ("Bo", "Nya Lund", ""), ("Cleo", "Lund", "")])
    with pytest.raises(InvalidDraft) as failed:
        proof(store, "{{ 10 // (customer_city | length - 4) }}")
    (problem,) = failed.value.problems
    assert str(problem).endswith("(for Anna <c0@example.com> and 1 more)")
    store.close()
