"""Emails from one installation to another, by whole command lines: what is taken out, taken in, asked and refused."""

import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.scripted import BACK, STOP, ScriptedPrompter
from tests.program import Program, Result
from tests.system_emails import PAYMENT, Box, box, change, install
from ummsg.cli.emails_bundle import MOST_BYTES
from ummsg.domain.email import EmailText
from ummsg.runtime import Runtime
from ummsg.vocabulary import ContentFormat

__all__ = ["box"]

Email = dict[str, Any]

TEXT = {"subject": "Hello", "content": "Hello {{ customer_name }}.", "format": "markdown"}
GREETING: Email = {
    "slug": "greeting",
    "event": "payment_received",
    "target": "customer",
    "title": "Greeting",
    "description": "Says hello.",
    "style": "html",
    "active": True,
    "after": "0",
    "sender": "",
    "copy_to_admins": False,
    "texts": {"en": TEXT},
}
OF_NETWORK: Email = {
    "id": 5,
    "slug": "payment_received_customer",
    "title": "We got your payment!",
    "content": "<p>Hey {{customer_name}}, we got {{payment_total}} for {{payment_product_names}}.</p>",
    "event": "payment_received",
    "target": "customer",
    "style": "use_default",
    "active": "1",
    "schedule": None,
    "send_copy_to_admin": "0",
    "type": "system_email",
    "status": "publish",
    "author_id": "1",
    "date_created": "2025-03-01 09:00:00",
}


@pytest.fixture
def there(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """Another installation, with a database of its own."""
    folder = tmp_path / "there"
    folder.mkdir()
    program = Program(folder, capsys, monkeypatch)
    assert program("init").code == 0
    return program


def greeting(**changes: Any) -> Email:
    return GREETING | changes


def saying(content: str, subject: str = "Hello", **changes: Any) -> Email:
    text = {"subject": subject, "content": content, "format": "html"}
    return greeting(texts={"en": text | changes})


def bundle(*emails: Any, **changes: Any) -> str:
    return json.dumps({"format": "ummsg-emails", "schema": 1, "origin": {}, "emails": list(emails), **changes})


def take_in(
    program: Program, content: str | bytes, *options: str, set_up: Callable[[Runtime], Any] | None = None
) -> Result:
    return program("emails", "import", "--from", "-", *options, stdin=content, set_up=set_up)


def take_in_done(program: Program, content: str, *options: str) -> Result:
    result = take_in(program, content, *options)
    assert result.code == 0, result.err
    return result


def asking(prompter: ScriptedPrompter) -> Callable[[Runtime], None]:
    """On a terminal whose operator answers so."""

    def set_up(runtime: Runtime) -> None:
        runtime.prompter = prompter  # type: ignore[assignment]

    return set_up


def export(program: Program, *arguments: str) -> dict[str, Any]:
    result = program("emails", "export", *arguments)
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def emails_of(program: Program) -> dict[str, Email]:
    return {email["slug"]: email for email in export(program, "--all")["emails"]}


def show(program: Program, slug: str) -> dict[str, Any]:
    result = program("emails", "show", slug, "--format", "json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def fire_and_send(program: Program, **changes: Any) -> None:
    payload = program.write("payload.json", json.dumps(PAYMENT | changes))
    assert program("events", "fire", "payment_received", "--payload", payload).code == 0
    assert program("outbox", "run").code == 0


def planned(result: Result) -> dict[str, list[str]]:
    """Standing, action and whether it will be active, by slug, as the plan shows them."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in result.out.splitlines()]
    return {line[0]: line[1:4] for line in lines if len(line) > 3 and line[0] != "slug"}


def assert_refused(program: Program, content: str | bytes, *said: str, options: tuple[str, ...] = ()) -> None:
    before = program.dump()

    result = take_in(program, content, *options)

    assert result.code == 2, result.err
    for words in said:
        assert words in result.err
    assert result.err.count("Error: ") == 1
    assert program.dump() == before


# Export


def test_an_export_says_what_it_is_and_where_it_is_from(network: Program) -> None:
    network.environ["UMMSG_NETWORK_URL"] = "https://example.com"
    install(network)

    found = export(network, "receipt")

    assert list(found) == ["format", "schema", "origin", "emails"]
    assert (found["format"], found["schema"]) == ("ummsg-emails", 1)
    assert found["origin"]["network"] == "Example Network"
    assert found["origin"]["url"] == "https://example.com"
    assert found["origin"]["exported_at"] == "2026-11-23T12:00:00+00:00"


def test_an_export_holds_texts_and_settings_and_no_numbers(network: Program, box: Box) -> None:
    texts = {"en": EmailText("Hello", "Hello you"), "sv": EmailText("Hej", "<p>Hej</p>", ContentFormat.HTML)}
    install(network, "receipt", texts=texts, style="plain", sender="Shop <s@example.com>", description="Thanks.")
    fire_and_send(network)

    assert export(network, "receipt")["emails"] == [
        {
            "slug": "receipt",
            "event": "payment_received",
            "target": "customer",
            "title": "The receipt",
            "description": "Thanks.",
            "style": "plain",
            "active": True,
            "after": "0",
            "sender": "Shop <s@example.com>",
            "copy_to_admins": False,
            "texts": {
                "en": {"subject": "Hello", "content": "Hello you\n", "format": "markdown"},
                "sv": {"subject": "Hej", "content": "<p>Hej</p>\n", "format": "html"},
            },
        }
    ]


def test_an_export_holds_no_secrets(network: Program) -> None:
    network.environ["UMMSG_MAIL_URL"] = "smtp://user@mail.example.com"
    network.environ["UMMSG_MAIL_PASSWORD"] = "hunter2-mail"
    network.environ["UMMSG_SECRET_KEY"] = "hunter2-" + "k" * 40
    install(network)

    result = network("emails", "export", "--all")

    assert result.code == 0, result.err
    assert '"receipt"' in result.out
    assert "hunter2" not in result.out
    assert "mail.example.com" not in result.out


def test_an_export_is_of_those_that_are_named_each_once(network: Program) -> None:
    for slug in ("a", "b", "c"):
        install(network, slug)

    assert [email["slug"] for email in export(network, "c", "a", "c")["emails"]] == ["c", "a"]
    assert [email["slug"] for email in export(network, "--all")["emails"]] == ["a", "b", "c", "confirm_email_address"]


def test_an_export_is_json_on_whatever_stream(network: Program) -> None:
    install(network, content="Tack så mycket, {{ customer_name }} 🎉", subject="Få se €")

    result = network.alone("emails", "export", "receipt", env={"PYTHONIOENCODING": "ascii"})

    assert result.returncode == 0, result.stderr
    (email,) = json.loads(result.stdout)["emails"]
    assert email["texts"]["en"]["subject"] == "Få se €"
    assert email["texts"]["en"]["content"].endswith("🎉\n")


def test_an_unknown_email_names_the_closest(network: Program) -> None:
    install(network)

    result = network("emails", "export", "reciept")

    assert (result.code, result.out) == (2, "")
    assert "There is no email 'reciept'" in result.err
    assert "did you mean receipt?" in result.err


@pytest.mark.parametrize("arguments", [(), ("receipt", "--all")])
def test_an_export_is_of_slugs_or_of_all(network: Program, arguments: tuple[str, ...]) -> None:
    install(network)

    result = network("emails", "export", *arguments)

    assert (result.code, result.out) == (2, "")
    assert "give slugs, or --all" in result.err


# There and back


def test_what_is_exported_here_is_exported_there_as_it_was_but_inactive(network: Program, there: Program) -> None:
    texts = {"en": EmailText("Hello", "Hello *you*"), "sv": EmailText("Hej", "<p>Hej {{ x }}</p>", ContentFormat.HTML)}
    install(network, "receipt", texts=texts, style="plain", sender='"S, B" <s@example.com>', copy_to_admins=True)
    install(network, "sale", "{% raw %}{{ x }}{% endraw %} {{customer_name}}", target="admin", description="Å ß 🎉")
    assert network("emails", "import", "payment_received_customer").code == 0

    take_in_done(there, network("emails", "export", "--all").out)

    left, arrived = emails_of(network), emails_of(there)
    assert arrived.keys() == left.keys()
    assert not any(arrived[slug]["active"] for slug in ("receipt", "sale", "payment_received_customer"))
    assert {slug: email | {"active": True} for slug, email in arrived.items()} == left


@pytest.mark.parametrize(
    "content",
    [
        "<p>Hello {{ customer_name }}</p>",
        "<p>Hello {{customer_name}},<br/>thanks</p>",
        "<P>It&#39;s {%if customer_name%}you{%endif%}</P>",
    ],
)
def test_harmless_html_is_the_same_when_it_comes_back(network: Program, content: str) -> None:
    install(network, "receipt", content, content_format=ContentFormat.HTML)

    result = take_in(network, network("emails", "export", "receipt").out, "--dry-run")

    assert planned(result)["receipt"][0] == "same"


def test_importing_the_same_again_has_nothing_to_do(network: Program) -> None:
    take_in_done(network, bundle(GREETING))
    before = network.dump()

    again = take_in(network, bundle(GREETING))

    assert again.code == 0
    assert planned(again)["greeting"] == ["same", "–", "no"]
    assert "There is nothing to import" in again.err
    assert network.dump() == before


def test_a_bundle_can_be_in_a_file(network: Program) -> None:
    path = network.write("bundle.json", b"\xef\xbb\xbf" + bundle(GREETING).encode())

    assert network("emails", "import", "--from", path).code == 0
    assert show(network, "greeting")["description"] == "Says hello."


def test_what_may_be_left_out_is_what_a_new_email_has(network: Program) -> None:
    text = {"subject": "Hello", "content": "Hello *you*\n"}
    needed = {name: GREETING[name] for name in ("slug", "event", "target", "title")}

    take_in_done(network, bundle(needed | {"texts": {"en": text}}), "--activate")

    (email,) = export(network, "greeting")["emails"]
    assert email == GREETING | {"description": "", "style": "default", "texts": {"en": text | {"format": "markdown"}}}


def test_a_default_that_arrives_unchanged_is_still_a_copy_of_its_default(network: Program, there: Program) -> None:
    assert network("emails", "import", "payment_received_customer").code == 0

    take_in_done(there, network("emails", "export", "payment_received_customer").out, "--activate")

    assert show(there, "payment_received_customer")["state"] == "as default"


# The plan


def test_the_plan_shows_what_is_new_the_same_and_different(network: Program) -> None:
    install(network, "receipt")
    take_in_done(network, bundle(greeting(slug="same")))

    result = take_in(
        network, bundle(greeting(slug="same"), greeting(slug="receipt"), GREETING), "--on-conflict", "skip"
    )

    assert result.code == 0
    assert planned(result) == {
        "same": ["same", "–", "no"],
        "receipt": ["different", "skip", "no"],
        "greeting": ["new", "import", "no"],
    }


@pytest.mark.parametrize("options", [(), ("--on-conflict", "overwrite"), ("--on-conflict", "copy", "--activate")])
def test_a_dry_run_stores_nothing_and_asks_nothing(network: Program, options: tuple[str, ...]) -> None:
    install(network, "greeting")
    before = network.dump()
    nobody = ScriptedPrompter()

    content = bundle(GREETING, greeting(slug="other"))
    result = take_in(network, content, "--dry-run", *options, set_up=asking(nobody))

    assert result.code == 0
    assert [row[0] for row in planned(result).values()] == ["different", "new"]
    assert "Nothing was stored" in result.err
    assert network.dump() == before


def test_what_is_cleaned_out_of_the_html_is_told_in_the_plan(network: Program) -> None:
    result = take_in_done(network, bundle(saying("<p onclick=x>Hello</p>\n<script>alert(1)</script>")), "--dry-run")

    assert "greeting: left out (en): line 1: the attribute onclick=" in result.err
    assert "greeting: left out (en): line 2: <script>" in result.err


def test_what_can_run_does_not_arrive(network: Program) -> None:
    source = "<p onclick=x>Hello</p><script>alert(1)</script><a href='javascript:alert(1)'>Log in</a>"

    take_in_done(network, bundle(saying(source)), "--activate")

    assert show(network, "greeting")["texts"]["en"]["content"].strip() == "<p>Hello</p>Log in"


# Conflicts


def test_off_a_terminal_what_is_different_has_to_be_decided(network: Program) -> None:
    install(network, "receipt")
    install(network, "greeting")

    content = bundle(GREETING, greeting(slug="receipt"), greeting(slug="other"))
    assert_refused(
        network, content, "2 emails are different here", "\n  greeting\n", "\n  receipt\n", "--on-conflict skip"
    )


def test_skip_keeps_those_that_are_here_and_takes_the_others(network: Program) -> None:
    install(network, "greeting")
    before = show(network, "greeting")

    result = take_in(network, bundle(GREETING, greeting(slug="other")), "--on-conflict", "skip")

    assert result.code == 0
    assert show(network, "greeting") == before
    assert show(network, "other")["subject"] == "Hello"


def test_overwriting_keeps_the_id_the_numbers_and_the_replaced_text(network: Program, box: Box) -> None:
    install(network, "greeting")
    fire_and_send(network)
    before = show(network, "greeting")

    result = take_in(network, bundle(GREETING), "--on-conflict", "overwrite", "--activate", "--yes")

    assert result.code == 0, result.err
    after = show(network, "greeting")
    assert (after["id"], after["sent"], after["last_sent"]) == (before["id"], 1, before["last_sent"])
    assert (after["title"], after["subject"], after["active"]) == ("Greeting", "Hello", True)
    (version,) = json.loads(network("emails", "history", "greeting", "--format", "json").out)
    assert (version["why"], version["subject"]) == ("imported", before["subject"])
    assert network("emails", "restore", "greeting", "--version", "1", "--yes").code == 0
    assert show(network, "greeting")["texts"] == before["texts"]


def test_overwriting_needs_a_yes_off_a_terminal(network: Program) -> None:
    install(network, "greeting")

    assert_refused(
        network,
        bundle(GREETING),
        "has to be confirmed",
        "Import 1 email, over what is here?",
        "--yes",
        options=("--on-conflict", "overwrite"),
    )


def test_overwriting_switches_off_what_is_active_and_says_so(network: Program, box: Box) -> None:
    install(network, "greeting")

    result = take_in(network, bundle(GREETING), "--on-conflict", "overwrite", "--yes")
    fire_and_send(network)

    assert planned(result)["greeting"] == ["different", "overwrite", "no (it is now)"]
    assert box.recipients == []


def test_a_copy_gets_the_next_free_slug_and_the_other_stays(network: Program) -> None:
    install(network, "greeting")
    install(network, "greeting-2")
    before = show(network, "greeting")

    result = take_in(network, bundle(GREETING, greeting(slug="greeting-3", title="3")), "--on-conflict", "copy")

    assert result.code == 0, result.err
    assert planned(result)["greeting-4"] == ["different", "copy", "no"]
    assert show(network, "greeting") == before
    assert show(network, "greeting-3")["title"] == "3"
    assert show(network, "greeting-4")["title"] == "Greeting"


def test_a_copy_of_the_longest_slug_has_one_that_fits(network: Program) -> None:
    slug = "x" * 80
    install(network, slug)

    take_in_done(network, bundle(greeting(slug=slug)), "--on-conflict", "copy")

    assert show(network, "x" * 75 + "-2")["title"] == "Greeting"


@pytest.mark.parametrize(
    ("answers", "title", "others"),
    [
        (("skip",), "The greeting", []),
        (("overwrite", True), "Greeting", []),
        (("copy", True), "The greeting", ["greeting-2"]),
    ],
)
def test_on_a_terminal_a_menu_asks_what_becomes_of_them(
    network: Program, answers: tuple[Any, ...], title: str, others: list[str]
) -> None:
    install(network, "greeting")
    prompter = ScriptedPrompter(*answers)

    result = take_in(network, bundle(GREETING), set_up=asking(prompter))

    assert result.code == 0, result.err
    assert prompter.left == []
    assert prompter.asked[0] == "1 email is different here. What becomes of them?"
    assert show(network, "greeting")["title"] == title
    assert sorted(emails_of(network)) == ["confirm_email_address", "greeting", *others]


@pytest.mark.parametrize("answers", [(BACK,), (STOP,), ("overwrite", False), ("copy", False)])
def test_on_a_terminal_it_can_be_left_with_nothing_stored(network: Program, answers: tuple[Any, ...]) -> None:
    install(network, "greeting")
    before = network.dump()

    result = take_in(network, bundle(GREETING), set_up=asking(ScriptedPrompter(*answers)))

    assert result.code == 130
    assert network.dump() == before


def test_on_a_terminal_new_ones_are_asked_about_too_unless_yes_is_given(network: Program) -> None:
    prompter = ScriptedPrompter(False)
    before = network.dump()

    refused = take_in(network, bundle(GREETING), set_up=asking(prompter))
    unchanged = network.dump() == before
    done = take_in(network, bundle(GREETING), "--yes", set_up=asking(ScriptedPrompter()))

    assert (refused.code, prompter.asked, unchanged) == (130, ["Import 1 email?"], True)
    assert done.code == 0


def test_an_email_that_somebody_edits_meanwhile_is_not_overwritten(network: Program) -> None:
    install(network, "greeting")

    class Slow(ScriptedPrompter):
        def confirm(self, question: str, *, default: bool = False) -> bool:
            change(network, "greeting", title="Edited meanwhile")
            return True

    content = bundle(greeting(slug="first"), GREETING)
    result = take_in(network, content, "--on-conflict", "overwrite", set_up=asking(Slow()))

    assert result.code == 2
    assert "greeting was changed by somebody else meanwhile" in result.err
    assert show(network, "greeting")["title"] == "Edited meanwhile"
    assert "first" not in emails_of(network)


# Active or not


def test_everything_arrives_inactive_and_sends_nothing(network: Program, box: Box) -> None:
    result = take_in_done(network, bundle(GREETING))

    fire_and_send(network)

    assert "greeting is imported, and inactive" in result.err
    assert show(network, "greeting")["active"] is False
    assert box.recipients == []


def test_with_activate_what_was_active_there_goes_out(network: Program, box: Box) -> None:
    take_in_done(network, bundle(GREETING, greeting(slug="off", active=False)), "--activate")

    fire_and_send(network)

    assert [show(network, slug)["active"] for slug in ("greeting", "off")] == [True, False]
    assert box.recipients == ["anna@example.com"]
    assert box.text().startswith("Hello Anna Björk.")


UNSENDABLE = [
    (saying("<p>Hello {{ shop_name }}, {{ customer_nam }}</p>"), "customer_nam, shop_name"),
    (saying("<p>Hello you</p>", subject="{{ shop_name }}"), "shop_name"),
    (greeting(event="shop_order"), "shop_order"),
    (greeting(event=""), "event: "),
]


@pytest.mark.parametrize(("email", "named"), UNSENDABLE)
def test_what_is_not_known_here_is_named_and_stored_inactive(network: Program, email: Email, named: str) -> None:
    result = take_in(network, bundle(email))

    assert result.code == 0
    assert "Warning: greeting: not known here: " in result.err
    assert named in result.err
    assert show(network, "greeting")["active"] is False


@pytest.mark.parametrize(("email", "named"), UNSENDABLE)
def test_what_is_not_known_here_cannot_arrive_active(network: Program, email: Email, named: str) -> None:
    assert_refused(network, bundle(greeting(slug="good"), email), "greeting: ", named, options=("--activate",))


@pytest.mark.parametrize(("email", "named"), UNSENDABLE[:3])
def test_what_is_not_known_here_cannot_be_enabled_later(network: Program, email: Email, named: str) -> None:
    take_in_done(network, bundle(email))
    before = network.dump()

    result = network("emails", "enable", "greeting")

    assert result.code == 2
    assert all(name in result.err for name in named.split(", "))
    assert network.dump() == before


def test_what_is_not_known_here_and_was_inactive_there_may_come_along(network: Program) -> None:
    content = bundle(GREETING, greeting(slug="shop", event="shop_order", active=False))

    take_in_done(network, content, "--activate")

    assert [show(network, slug)["active"] for slug in ("greeting", "shop")] == [True, False]


# From an Ultimate Multisite network


def test_a_networks_email_is_taken_over_enabled_and_sent(network: Program, box: Box) -> None:
    take_in_done(network, json.dumps([OF_NETWORK]))
    assert network("emails", "enable", "payment_received_customer").code == 0

    fire_and_send(network)

    assert box.recipients == ["anna@example.com"]
    assert box.subjects == ["Example Network - We got your payment!"]
    assert box.text().startswith("Hey Anna Björk, we got €29.00 for Pro.")


def test_a_networks_email_arrives_with_what_it_tells(network: Program) -> None:
    told = {
        "schedule": "1",
        "schedule_type": "hours",
        "send_hours": "02:30",
        "style": "plain",
        "send_copy_to_admin": "1",
        "custom_sender": "1",
        "custom_sender_name": 'The "Shop"',
        "custom_sender_email": "shop@example.com",
    }

    take_in_done(network, json.dumps([OF_NETWORK | told]))

    found = show(network, "payment_received_customer")
    assert (found["after"], found["style"], found["copy_to_admins"]) == ("2h30m", "plain", True)
    assert found["from"] == r'"The \"Shop\"" <shop@example.com>'
    assert found["id"] != OF_NETWORK["id"]


def test_one_email_of_a_network_may_stand_alone(network: Program) -> None:
    take_in_done(network, json.dumps(OF_NETWORK))

    assert show(network, "payment_received_customer")["title"] == "We got your payment!"


def test_an_event_that_a_network_does_not_tell_is_that_of_the_default(network: Program) -> None:
    result = take_in_done(network, json.dumps([OF_NETWORK | {"event": None}]))

    assert show(network, "payment_received_customer")["event"] == "payment_received"
    assert "its event is not told; as its default it follows payment_received" in result.err


def test_only_what_was_active_on_the_network_is_activated(network: Program) -> None:
    content = json.dumps([OF_NETWORK, OF_NETWORK | {"slug": "off", "active": "0"}])

    take_in_done(network, content, "--activate")

    assert [show(network, slug)["active"] for slug in ("payment_received_customer", "off")] == [True, False]


@pytest.mark.parametrize("key", ["slug", "title", "content"])
@pytest.mark.parametrize("value", [None, 5])
def test_a_networks_email_without_what_it_needs_is_refused_by_name(network: Program, key: str, value: Any) -> None:
    bad = OF_NETWORK | {"slug": "other", key: value}

    assert_refused(network, json.dumps([OF_NETWORK, bad]), "email 2" if key == "slug" else "other", f"{key}: ")


def test_an_entry_of_a_network_without_the_key_slug_is_told_by_its_place(network: Program) -> None:
    bad = {name: value for name, value in OF_NETWORK.items() if name != "slug"}

    assert_refused(network, json.dumps([OF_NETWORK, bad]), "email 2", "slug: is missing")


# Bad input


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not JSON"),
        ("Hello", "is not JSON: Expecting value (line 1, column 1)"),
        (bundle(GREETING)[:-1], "is not JSON"),
        (bundle(GREETING) * 2, "is not JSON: Extra data"),
        (b"\xff\xfe{}", "is not UTF-8 text (byte 1)"),
        (bundle(greeting(title="Å")).replace("\\u00c5", "Å").encode("latin-1"), "is not UTF-8 text"),
        ("5", "neither a bundle of emails nor"),
        ("true", "neither a bundle of emails nor"),
        ("null", "neither a bundle of emails nor"),
        ('"greeting"', "neither a bundle of emails nor"),
        ("{}", "neither a bundle of emails nor"),
        ('{"code": "rest_forbidden", "message": "No"}', "neither a bundle of emails nor"),
        ("[5]", "neither a bundle of emails nor"),
        (bundle(greeting(after=float("nan"))), "NaN is no value of JSON"),
        (bundle(greeting(after=float("-inf"))), "-Infinity is no value of JSON"),
        ('{"schema": ' + "1" * 5_000 + "}", "digits"),
        ("[" * 100_000, "nests too deeply"),
        ('{"format":' * 100_000, "nests too deeply"),
        (bundle(GREETING).replace('"title"', '"slug"'), "'slug' is there twice"),
        (bundle(GREETING).replace('"schema"', '"format"'), "'format' is there twice"),
        (bundle(GREETING, schema=2), "has schema 2, and this ummsg reads up to 1"),
        *((bundle(GREETING, schema=schema), "a schema from 1 on") for schema in ("1", 1.0, True, None, [1], {}, 0, -1)),
        (bundle(GREETING, format="other"), "has the format 'ummsg-emails'"),
        (bundle(GREETING, format=None), "has the format 'ummsg-emails'"),
        *((bundle(emails=emails), "no list of emails") for emails in ({}, "greeting", None, 5)),
        ('{"format": "ummsg-emails", "schema": 1}', "no list of emails"),
        (bundle(GREETING, GREETING), "greeting: is there twice"),
        (bundle(GREETING, "greeting"), "email 2: an email must be an object"),
        (bundle([GREETING]), "email 1: an email must be an object"),
        (bundle(*[greeting(slug=f"g{number}") for number in range(1_001)]), "1,001 emails; 1,000 fit"),
        (json.dumps([OF_NETWORK] * 1_001), "1,001 emails; 1,000 fit"),
        (json.dumps([OF_NETWORK] * 2), "payment_received_customer: is there twice"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_no_bundle_is_refused(network: Program, content: str | bytes, said: str) -> None:
    assert_refused(network, content, said)


WRONG_TYPES = (5, None, True, ["a"], {})
BAD_VALUES: list[tuple[str, Any, str]] = [
    *(("slug", value, "email 1: slug: must be text") for value in WRONG_TYPES),
    ("slug", "", "email 1: slug: '' is no slug"),
    *(("slug", value, f"{value}: slug: {value!r} is no slug") for value in ("A b", "../etc", "å", "é" * 80)),
    *(("event", value, "greeting: event: must be text") for value in WRONG_TYPES),
    *(("target", value, "greeting: target: must be customer or admin") for value in (*WRONG_TYPES, "", "all", "Admin")),
    *(("title", value, "greeting: title: must be text") for value in WRONG_TYPES),
    *(("title", value, "greeting: title: needs 1 to 255") for value in ("", " ", "x" * 256, "a\nb", "\x1b[2J")),
    *(("description", value, "greeting: description: must be text") for value in WRONG_TYPES),
    *(("style", value, "greeting: style: must be html or plain or default") for value in (*WRONG_TYPES, "", "HTML")),
    *(("active", value, "greeting: active: must be true or false") for value in (1, 0, "true", None, [], {})),
    *(("after", value, "greeting: after: ") for value in (*WRONG_TYPES, "", "soon", "-1d", "366d", "9999999d")),
    *(("sender", value, "greeting: sender: must be text") for value in WRONG_TYPES),
    *(("sender", value, "is no email address") for value in ("nobody", "Bob <>", "Bob <bob>")),
    ("sender", "a@example.com, b@example.com", "is not one name and one address"),
    ("sender", "Bob\r\nBcc: all@example.com <a@example.com>", "a sender cannot hold a line break"),
    *(("copy_to_admins", value, "greeting: copy_to_admins: must be true or false") for value in (1, "no", None, [])),
    *(("texts", value, "greeting: texts: must hold a text for each of") for value in (*WRONG_TYPES, [TEXT], "Hello")),
    ("texts", {f"en_A{number}": TEXT for number in range(51)}, "greeting: texts: must hold a text for each of 1 to 50"),
    *(
        ("texts", {name: TEXT}, f"{name!r} is no language")
        for name in ("", "english!", "EN", "en-US", "e", "en_", " e")
    ),
    *(("texts", {"en": value}, "greeting: texts (en): must be an object") for value in (5, None, True, [], "Hello")),
    ("colour", "red", "greeting: colour: is not known"),
    ("activ", True, "greeting: activ: is not known; did you mean active?"),
    ("id", 5, "greeting: id: is not known"),
]


@pytest.mark.parametrize(("key", "value", "said"), BAD_VALUES, ids=lambda value: repr(value)[:40])
def test_an_email_with_a_bad_value_is_refused_by_name(network: Program, key: str, value: Any, said: str) -> None:
    assert_refused(network, bundle(greeting(**{key: value})), said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        *(({"subject": value}, "subject (en): must be text") for value in (5, None, True, [], {})),
        *(({"subject": value}, "subject: needs at least 2 characters") for value in ("", " x ")),
        ({"subject": "x" * 256}, "subject: has 256 characters; 255 fit"),
        *(
            ({"subject": value}, "subject: has a line break; it must be one line")
            for value in ("Hello\nyou", "Hello\r\nBcc: a@b.example")
        ),
        *(({"content": value}, "content (en): must be text") for value in (5, None, True, [], {})),
        ({"content": "x"}, "content: needs at least 3 characters"),
        ({"content": "x" * 2 * 1024 * 1024}, "characters; 1,048,576 fit"),
        *(({"format": value}, "format (en): must be markdown or html or text") for value in (5, None, [], {}, "md")),
        ({"colour": "red"}, "colour (en): is not known"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_text_with_a_bad_value_is_refused_by_name(network: Program, changes: dict[str, Any], said: str) -> None:
    assert_refused(network, bundle(greeting(texts={"en": TEXT | changes})), "greeting: ", said)


@pytest.mark.parametrize("key", ["slug", "event", "target", "title"])
def test_an_email_without_what_it_needs_is_refused_by_name(network: Program, key: str) -> None:
    email = {name: value for name, value in GREETING.items() if name != key}

    assert_refused(network, bundle(email), f"{'email 1' if key == 'slug' else 'greeting'}: {key}: is missing")


@pytest.mark.parametrize("key", ["subject", "content"])
def test_a_text_without_what_it_needs_is_refused_by_name(network: Program, key: str) -> None:
    text = {name: value for name, value in TEXT.items() if name != key}

    assert_refused(network, bundle(greeting(texts={"sv": text})), f"greeting: {key} (sv): ")


@pytest.mark.parametrize("content_format", ["html", "markdown", "text"])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% include '/etc/passwd' %} here", "{% include %} cannot be used in a message (line 1)"),
        ("Hello\n{{ ''.__class__.__mro__ }}", "__ cannot be used in a message (line 2)"),
        ("Hello {{ customer_name", "cannot be read"),
        ("Hello {% if customer_name %}you", "cannot be read"),
        ("Hello {{ customer_name }", "cannot be read"),
        ("{{ 9 ** 9 ** 9 }} here", "the operator ** cannot be used"),
        ("Hello {{ customer_name }}" * 5_001, "more than 5,000 placeholders"),
    ],
    ids=lambda value: value[:30],
)
def test_a_template_that_is_refused_anywhere_is_refused_here(
    network: Program, source: str, said: str, content_format: str
) -> None:
    assert_refused(network, bundle(saying(source, format=content_format)), "greeting: content", said)


def test_a_subject_is_a_template_that_is_checked_too(network: Program) -> None:
    assert_refused(network, bundle(saying("Hello you", subject="{{ ''.__class__ }}")), "greeting: subject", "__class__")


def test_which_language_is_wrong_is_said(network: Program) -> None:
    texts = {"en": TEXT, "sv": TEXT | {"content": "Hej {{ customer_name"}}

    assert_refused(network, bundle(greeting(texts=texts)), "greeting: content (sv): ")


def test_everything_wrong_with_every_email_is_said_at_once(network: Program) -> None:
    emails = [greeting(target="all", style=5), GREETING | {"slug": "other", "texts": {}}, 7]

    assert_refused(
        network, bundle(*emails), "greeting: target: ", "greeting: style: ", "other: texts: ", "email 3: an email must"
    )


@pytest.mark.parametrize(
    "bad",
    [
        greeting(slug="bad", sender="nobody"),
        saying("{{ customer_name") | {"slug": "bad"},
        greeting(slug="bad", colour="red"),
    ],
)
def test_one_bad_email_among_good_ones_stores_none(network: Program, bad: Email) -> None:
    assert_refused(network, bundle(GREETING, bad, greeting(slug="other")), "bad: ")


@pytest.mark.parametrize("key", ["slug", "event", "title", "description"])
def test_half_a_character_is_refused_where_it_would_be_stored(network: Program, key: str) -> None:
    assert_refused(network, bundle(greeting(**{key: "Shop \ud800"})), f"{key}: ")


@pytest.mark.parametrize("where", ["slug", "title", "event"])
def test_what_a_bundle_says_cannot_colour_the_screen(network: Program, where: str) -> None:
    result = take_in(network, bundle(greeting(**{where: "\x1b[31mred\x1b[0m"})))

    assert "\x1b" not in result.err + result.out


# Files and options


def test_a_hundred_megabytes_are_refused_without_being_read_whole(network: Program) -> None:
    start = bundle(saying("PLACE")).partition("PLACE")[0].encode()
    path = network.write("bundle.json", start + b"x" * 100_000_000)
    before = network.dump()

    tracemalloc.start()
    result = network("emails", "import", "--from", path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert result.code == 2
    assert f"--from: {path} has more than 10,240 KiB; that is not a bundle of emails" in result.err
    assert peak < 3 * MOST_BYTES
    assert network.dump() == before


def test_more_than_a_bundle_can_hold_is_refused_on_standard_input(network: Program) -> None:
    assert_refused(network, bundle(GREETING) + " " * MOST_BYTES, "standard input has more than 10,240 KiB")


def test_what_just_fits_is_read(network: Program) -> None:
    content = bundle(GREETING)

    take_in_done(network, content + " " * (MOST_BYTES - len(content)))


@pytest.mark.parametrize(("name", "why"), [("nowhere.json", "No such file"), ("folder", "directory")])
def test_a_file_that_cannot_be_read_is_named(network: Program, name: str, why: str) -> None:
    (network.folder / "folder").mkdir()
    before = network.dump()

    result = network("emails", "import", "--from", network.folder / name)

    assert result.code == 2
    assert f"--from: {network.folder / name} cannot be read" in result.err
    assert why in result.err
    assert network.dump() == before


@pytest.mark.parametrize("option", ["payment_received_customer", "--all"])
def test_from_takes_the_whole_file(network: Program, option: str) -> None:
    assert_refused(network, bundle(GREETING), "--from takes all emails of the file", options=(option,))


@pytest.mark.parametrize("options", [("--on-conflict", "skip"), ("--dry-run",), ("--activate",)])
def test_what_goes_with_from_goes_with_nothing_else(network: Program, options: tuple[str, ...]) -> None:
    before = network.dump()

    result = network("emails", "import", "payment_received_customer", *options)

    assert result.code == 2
    assert f"{options[0]}" in result.err
    assert "go with --from" in result.err
    assert network.dump() == before


def test_a_decision_that_there_is_not_is_refused(network: Program) -> None:
    assert_refused(network, bundle(GREETING), "'--on-conflict'", "overwrite", options=("--on-conflict", "merge"))


def test_a_copy_of_before_does_not_keep_the_original_from_being_overwritten(network: Program) -> None:
    other = bundle(GREETING)
    install(network, "greeting", "Something else.")
    take_in(network, other, "--on-conflict", "copy")

    result = take_in(network, other, "--on-conflict", "overwrite", "--yes")

    assert result.code == 0, result.err
    assert show(network, "greeting")["texts"]["en"]["content"] == GREETING["texts"]["en"]["content"] + "\n"


def test_a_copy_that_is_there_already_is_not_made_again(network: Program) -> None:
    install(network, "greeting", "Something else.")
    take_in(network, bundle(GREETING), "--on-conflict", "copy")
    before = network.dump()

    assert take_in(network, bundle(GREETING), "--on-conflict", "copy").code == 0
    assert network.dump() == before


def test_what_arrived_inactive_can_be_activated_by_the_same_file(network: Program) -> None:
    take_in(network, bundle(GREETING))

    result = take_in(network, bundle(GREETING), "--activate")

    assert result.code == 0, result.err
    assert show(network, "greeting")["active"] is True
    assert network("emails", "history", "greeting", "--format", "count").out == "0\n"
