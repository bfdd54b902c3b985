"""Defaults and the copies made of them, by whole command lines: import, reset, update, history, restore, status."""

import json
import sqlite3
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.scripted import BACK, STOP, ScriptedPrompter
from tests.earlier import migrations_up_to
from tests.program import Program, Result
from tests.system_emails import PAYMENT, Box, box, change, install
from ummsg.runtime import Runtime
from ummsg.store.migrations import upgrade

__all__ = ["box"]

CONTENT = "Hello {{ customer_name }},\n\nwe got {{ payment_total }}.\n\nThank you.\n"
GREETING = CONTENT.replace("Hello", "Dear")
"""Changed in its first line."""
THANKS = CONTENT.replace("Thank you.", "Many thanks.")
"""Changed in its last line."""
HALLO = CONTENT.replace("Hello", "Hallo")
"""Changed in its first line, otherwise."""
SHIPPED = 14


def set_default(program: Program, slug: str = "receipt", content: str = CONTENT, **head: object) -> Path:
    """Write a default into a folder of the operator's."""
    folder = program.folder / "templates"
    folder.mkdir(exist_ok=True)
    program.environ["UMMSG_TEMPLATE_PATH"] = str(folder)
    values = {"event": "payment_received", "target": "customer", "title": "Your receipt"} | head
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in values.items()]
    path = folder / f"{slug}.md"
    path.write_text(f"---\nslug: {slug}\n{''.join(lines)}---\n{content}", encoding="utf-8")
    return path


def translate(program: Program, content: str, *, slug: str = "receipt", title: str = "Ditt kvitto") -> Path:
    path = program.folder / "templates" / f"{slug}.sv.md"
    path.write_text(f"---\nslug: {slug}\ntitle: {title}\n---\n{content}", encoding="utf-8")
    return path


def set_event(program: Program, *fields: str) -> None:
    """An add-on's event `shop_opened`, whose payload has these fields."""
    kind = {
        "slug": "shop_opened",
        "description": "A shop was opened.",
        "fields": [{"name": name, "example": name} for name in fields],
    }
    (program.folder / "templates").mkdir(exist_ok=True)
    (program.folder / "templates" / "events.json").write_text(json.dumps([kind]))
    program.environ["UMMSG_TEMPLATE_PATH"] = str(program.folder / "templates")


def done(program: Program, *arguments: object, **options: Any) -> Result:
    result = program(*arguments, **options)
    assert result.code == 0, result.err
    return result


def edit(program: Program, content: str | None = None, *options: object, slug: str = "receipt") -> None:
    given = () if content is None else ("--content", content)
    done(program, "emails", "edit", slug, *given, *options)


def shown(program: Program, slug: str = "receipt") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done(program, "emails", "show", slug, "--format", "json").out)
    return found


def text_of(program: Program, locale: str = "en", slug: str = "receipt") -> str:
    return str(shown(program, slug)["texts"][locale]["content"])


def installed(program: Program) -> list[str]:
    return done(program, "emails", "list", "--format", "ids").out.split()


def statuses(program: Program) -> dict[str, dict[str, Any]]:
    return {row["slug"]: row for row in json.loads(done(program, "emails", "status", "--format", "json").out)}


def state(program: Program, slug: str = "receipt") -> str:
    return str(statuses(program)[slug]["state"])


def versions(program: Program, slug: str = "receipt") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done(program, "emails", "history", slug, "--format", "json").out)
    return found


def asking(prompter: ScriptedPrompter) -> Callable[[Runtime], None]:
    def set_up(runtime: Runtime) -> None:
        runtime.__dict__["prompter"] = prompter

    return set_up


def answering(*script: Any) -> Callable[[Runtime], None]:
    return asking(ScriptedPrompter(*script))


@pytest.fixture
def shop(ummsg: Program) -> Program:
    """The program with one default more, `receipt`, which is not installed."""
    set_default(ummsg)
    return ummsg


@pytest.fixture
def receipt(shop: Program) -> Program:
    """The program with `receipt` imported."""
    done(shop, "emails", "import", "receipt")
    return shop


# What is installed by itself


def test_of_all_defaults_init_installs_only_what_signing_up_needs(ummsg: Program) -> None:
    assert installed(ummsg) == ["confirm_email_address"]
    assert len(statuses(ummsg)) == SHIPPED


def test_init_says_what_it_installed(ummsg: Program) -> None:
    done(ummsg, "emails", "delete", "confirm_email_address", "--yes")

    assert "confirm_email_address: Confirm your email address" in done(ummsg, "init").err
    assert "confirm_email_address" not in done(ummsg, "init").err


def test_init_never_replaces_one_that_was_edited(ummsg: Program) -> None:
    edit(ummsg, None, "--subject", "Is this you?", "--inactive", slug="confirm_email_address")
    before = ummsg.dump()

    done(ummsg, "init")

    assert ummsg.dump() == before


def test_no_other_command_brings_back_what_was_deleted(ummsg: Program) -> None:
    done(ummsg, "emails", "delete", "confirm_email_address", "--yes")

    assert installed(ummsg) == []


@pytest.mark.parametrize("schema", ["0001", "0002"])
def test_upgrading_an_older_database_installs_it_too(ummsg: Program, tmp_path: Path, schema: str) -> None:
    (tmp_path / "ummsg.db").unlink()
    upgrade(ummsg.environ["UMMSG_DATABASE_URL"], migrations_up_to(schema, tmp_path))

    done(ummsg, "init")

    assert installed(ummsg) == ["confirm_email_address"]


def test_upgrading_on_the_way_into_another_command_installs_it_too(ummsg: Program, tmp_path: Path) -> None:
    (tmp_path / "ummsg.db").unlink()
    upgrade(ummsg.environ["UMMSG_DATABASE_URL"], migrations_up_to("0002", tmp_path))

    done(ummsg, "customers", "list", set_up=answering(True))

    assert installed(ummsg) == ["confirm_email_address"]


# Import by name


def test_those_that_are_named_are_imported_and_no_other(shop: Program) -> None:
    result = done(shop, "emails", "import", "receipt", "payment_failed_admin")

    assert installed(shop) == ["confirm_email_address", "payment_failed_admin", "receipt"]
    assert "receipt is installed and active: Your receipt" in result.err


def test_all_are_imported_with_all_and_once(shop: Program) -> None:
    done(shop, "emails", "import", "--all")
    before = shop.dump()

    again = done(shop, "emails", "import", "--all")

    assert len(installed(shop)) == SHIPPED + 1
    assert "Every default is installed." in again.err
    assert shop.dump() == before


def test_one_that_is_named_twice_is_imported_once(shop: Program) -> None:
    done(shop, "emails", "import", "receipt", "receipt")

    assert installed(shop) == ["confirm_email_address", "receipt"]


def test_an_imported_email_has_the_settings_and_all_languages_of_its_default(shop: Program) -> None:
    set_default(shop, after="2h30m", style="plain", target="admin", subject="Paid", description="Told at once.")
    translate(shop, "Tack.\n")

    done(shop, "emails", "import", "receipt")

    email = shown(shop)
    assert (email["after"], email["style"], email["target"], email["active"]) == ("2h30m", "plain", "admin", True)
    assert (email["title"], email["description"]) == ("Your receipt", "Told at once.")
    assert email["texts"] == {
        "en": {"subject": "Paid", "content": CONTENT, "format": "markdown"},
        "sv": {"subject": "Ditt kvitto", "content": "Tack.\n", "format": "markdown"},
    }


def test_without_a_name_off_a_terminal_what_there_is_is_listed(shop: Program) -> None:
    before = shop.dump()

    result = shop("emails", "import")

    assert (result.code, result.out) == (2, "")
    assert "receipt: Your receipt" in result.err
    assert "payment_received_customer: Payment received" in result.err
    assert "confirm_email_address" not in result.err
    assert "ummsg emails import --all" in result.err
    assert shop.dump() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["confirm_email_address"], "confirm_email_address is installed already"),
        (["receipt", "confirm_email_address"], "confirm_email_address is installed already"),
        (["payment_recieved_customer"], "did you mean payment_received_customer?"),
        (["receipt", "reciept"], "did you mean receipt?"),
        (["receipt", "unlike_any_other"], "There is no default 'unlike_any_other'"),
        (["receipt", "broken"], "payment_totl"),
        (["--all"], "broken"),
        (["receipt", "--all"], "--all"),
        (["receipt", "--activate"], "--from"),
        (["--dry-run"], "--from"),
    ],
    ids=" ".join,
)
def test_an_import_that_is_refused_imports_nothing(shop: Program, arguments: list[str], said: str) -> None:
    set_default(shop, "broken", "You paid {{ payment_totl }}.\n")
    before = shop.dump()

    result = shop("emails", "import", *arguments)

    assert result.code == 2
    assert said in result.err
    assert shop.dump() == before


def test_a_default_that_cannot_be_sent_says_where_it_comes_from(shop: Program) -> None:
    folder = set_default(shop, "broken", "You paid {{ payment_totl }}.\n").parent

    result = shop("emails", "import", "broken")

    assert f"the default broken, from {folder}" in result.err


@pytest.mark.parametrize(("title", "content"), [("Ditt kvitto", "\n"), ("x", "Tack.\n")], ids=["content", "subject"])
def test_a_translation_that_is_no_message_is_not_installed(shop: Program, title: str, content: str) -> None:
    translate(shop, content, title=title)

    result = shop("emails", "import", "receipt")

    assert "sv" in result.err
    assert not any('"sv"' in texts for (texts,) in shop.rows("SELECT texts FROM emails WHERE slug = 'receipt'"))


def test_an_installed_one_is_to_be_reset_instead(receipt: Program) -> None:
    assert "ummsg emails reset receipt" in receipt("emails", "import", "receipt").err


# A copy of its own


def test_a_default_that_changes_changes_nothing_in_the_copy(receipt: Program) -> None:
    before = receipt.dump()

    set_default(receipt, content=THANKS, title="Thank you")
    done(receipt, "emails", "list")

    assert receipt.dump() == before
    assert text_of(receipt) == CONTENT


def test_a_default_that_is_gone_leaves_the_copy_to_be_sent(network: Program, box: Box) -> None:
    path = set_default(network)
    done(network, "emails", "import", "receipt")
    path.unlink()

    fire(network)

    assert box.recipients == ["anna@example.com"]
    assert "we got €29.00." in box.text()


def test_an_edit_of_the_copy_changes_nothing_in_the_default(receipt: Program) -> None:
    path = receipt.folder / "templates" / "receipt.md"
    before = path.read_bytes()

    edit(receipt, GREETING)

    assert path.read_bytes() == before


# Import from a menu


TWO = ["Your receipt", "An invoice"]


def test_several_are_chosen_and_looked_at_before_they_are_imported(shop: Program) -> None:
    prompter = ScriptedPrompter(TWO, "Look at receipt", "Import 2 emails")

    result = done(shop, "emails", "import", set_up=asking(prompter))

    assert "we got €30.00." in result.err
    assert installed(shop) == ["confirm_email_address", "invoice_sent_customer", "receipt"]
    assert prompter.left == []


def test_looking_is_not_importing(shop: Program) -> None:
    before = shop.dump()

    result = shop("emails", "import", set_up=answering(TWO, "Look at receipt", "Look at invoice", STOP))

    assert result.code == 130
    assert shop.dump() == before


def test_esc_goes_back_to_choosing(shop: Program) -> None:
    prompter = ScriptedPrompter(TWO, BACK, ["Your receipt"], "Import 1 email")

    done(shop, "emails", "import", set_up=asking(prompter))

    assert installed(shop) == ["confirm_email_address", "receipt"]
    assert prompter.asked[0] == prompter.asked[2]


@pytest.mark.parametrize("script", [[BACK], [STOP], [TWO, BACK, BACK], [TWO, STOP]])
def test_leaving_the_menu_imports_nothing(shop: Program, script: list[Any]) -> None:
    before = shop.dump()

    result = shop("emails", "import", set_up=answering(*script))

    assert (result.code, result.out) == (130, "")
    assert shop.dump() == before


def test_the_menu_offers_what_is_not_installed_and_says_what_it_is(shop: Program) -> None:
    offered: dict[str, str] = {}

    class Looking(ScriptedPrompter):
        def choose(self, question: str, choices: Any, *, chosen: Any = ()) -> Any:
            offered.update({choice.value.slug: f"{choice.title} {choice.more}" for choice in choices})
            return super().choose(question, choices)

    shop("emails", "import", set_up=asking(Looking(STOP)))

    assert len(offered) == SHIPPED
    assert "confirm_email_address" not in offered
    for part in ("A recurring payment failed", "payment_failed_admin", "to the admin", "from ummsg"):
        assert part in offered["payment_failed_admin"]
    assert f"from {shop.folder / 'templates'}" in offered["receipt"]


def test_when_all_are_installed_nothing_is_asked(shop: Program) -> None:
    done(shop, "emails", "import", "--all")

    assert "Every default is installed." in done(shop, "emails", "import", set_up=answering()).err


# Reset


def test_the_difference_is_shown_before_the_question(receipt: Program) -> None:
    edit(receipt, GREETING, "--subject", "Paid")
    before = receipt.dump()

    result = receipt("emails", "reset", "receipt", set_up=answering(False))

    assert result.code == 130
    lines = [line.rstrip() for line in result.err.splitlines()]
    for line in (
        "-Subject: Paid",
        "+Subject: Your receipt",
        "-Dear {{ customer_name }},",
        "+Hello {{ customer_name }},",
    ):
        assert line in lines
    assert receipt.dump() == before


def test_the_difference_is_shown_of_settings_that_would_be_reset(receipt: Program) -> None:
    edit(receipt, None, "--after", "2h", "--from", "Shop <shop@example.com>", "--inactive", "--copy-to-admins")

    result = receipt("emails", "reset", "receipt", "--settings", set_up=answering(False))

    lines = [line.rstrip() for line in result.err.splitlines()]
    for line in (
        *("-after: 2h", "+after: 0", "-from: Shop <shop@example.com>", "+from: as in the settings"),
        *("-active: no", "+active: yes", "-copy to admins: yes", "+copy to admins: no"),
    ):
        assert line in lines


@pytest.fixture
def sent(network: Program, box: Box) -> Program:
    """`receipt` has been imported, given other texts and settings, and sent once; an hour has passed since each."""
    set_default(network)
    done(network, "emails", "import", "receipt")
    network.now += timedelta(hours=1)
    edit(network, GREETING, "--subject", "Paid", "--from", "Shop <shop@example.com>")
    edit(network, None, "--style", "plain", "--title", "Mine", "--description", "Of the shop.", "--copy-to-admins")
    fire(network)
    edit(network, None, "--after", "2h", "--inactive")
    network.now += timedelta(hours=1)
    return network


def fire(program: Program) -> None:
    done(program, "events", "fire", "payment_received", "--payload", program.write("p.json", json.dumps(PAYMENT)))
    done(program, "outbox", "run")


KEPT = ("id", "sent", "failed", "last_sent", "counts", "created_at")
SETTINGS = ("title", "description", "target", "style", "active", "after", "from", "copy_to_admins")


def test_a_reset_keeps_everything_but_the_text(sent: Program) -> None:
    before = shown(sent)

    done(sent, "emails", "reset", "receipt", "--yes")

    after = shown(sent)
    assert before["sent"] == 3
    assert before["last_sent"] == "2026-11-23T13:00:00Z"
    assert {name: after[name] for name in (*KEPT, *SETTINGS)} == {name: before[name] for name in (*KEPT, *SETTINGS)}
    assert after["texts"]["en"] == {"subject": "Your receipt", "content": CONTENT, "format": "markdown"}


def test_a_reset_with_settings_keeps_who_it_is_and_what_was_sent(sent: Program) -> None:
    before = shown(sent)

    done(sent, "emails", "reset", "receipt", "--settings", "--yes")

    after = shown(sent)
    assert {name: after[name] for name in KEPT} == {name: before[name] for name in KEPT}
    assert {name: after[name] for name in SETTINGS} == {
        "title": "Your receipt",
        "description": "",
        "target": "customer",
        "style": "default",
        "active": True,
        "after": "0",
        "from": None,
        "copy_to_admins": False,
    }


def test_what_was_waiting_is_still_sent_after_a_reset(network: Program, box: Box) -> None:
    set_default(network)
    done(network, "emails", "import", "receipt")
    edit(network, GREETING)
    done(network, "events", "fire", "payment_received", "--payload", network.write("p.json", json.dumps(PAYMENT)))

    done(network, "emails", "reset", "receipt", "--yes")
    done(network, "outbox", "run")

    assert box.text().startswith("Hello Anna Björk")


def test_the_text_that_is_replaced_is_kept_as_a_version(receipt: Program) -> None:
    edit(receipt, GREETING, "--subject", "Paid")

    done(receipt, "emails", "reset", "receipt", "--yes")

    newest = versions(receipt)[0]
    assert (newest["why"], newest["subject"]) == ("reset", "Paid")
    assert GREETING in done(receipt, "emails", "history", "receipt", "--version", newest["number"]).out


def test_a_reset_goes_to_the_default_as_it_is_now(receipt: Program) -> None:
    edit(receipt, GREETING)
    set_default(receipt, content=THANKS)

    done(receipt, "emails", "reset", "receipt", "--yes")

    assert (text_of(receipt), state(receipt)) == (THANKS, "as default")


def test_languages_of_ones_own_go_with_a_reset(receipt: Program) -> None:
    edit(receipt, "Danke.\n", "--locale", "de")

    result = done(receipt, "emails", "reset", "receipt", "--yes")

    assert list(shown(receipt)["texts"]) == ["en"]
    assert "-Danke." in result.err


def test_several_are_reset_by_name(receipt: Program) -> None:
    done(receipt, "emails", "import", "payment_failed_admin", "payment_failed_customer")
    for slug in ("receipt", "payment_failed_admin", "payment_failed_customer"):
        edit(receipt, "Mine.", slug=slug)

    done(receipt, "emails", "reset", "receipt", "payment_failed_admin", "--yes")

    found = [state(receipt, slug) for slug in ("receipt", "payment_failed_admin", "payment_failed_customer")]
    assert found == ["as default", "as default", "edited"]


def test_all_that_are_not_as_their_default_are_reset_with_all(receipt: Program) -> None:
    edit(receipt, GREETING, "--inactive")
    edit(receipt, None, "--subject", "Is this you?", slug="confirm_email_address")
    install(receipt, "own")

    result = done(receipt, "emails", "reset", "--all", "--yes")

    assert text_of(receipt) == CONTENT
    assert state(receipt, "confirm_email_address") == "as default"
    assert "own" not in result.err.split()


def test_all_with_settings_are_those_with_other_settings_too(receipt: Program) -> None:
    edit(receipt, None, "--after", "2h")

    done(receipt, "emails", "reset", "--all", "--settings", "--yes")

    assert shown(receipt)["after"] == "0"


def test_one_is_chosen_from_those_that_differ(receipt: Program) -> None:
    edit(receipt, GREETING)
    edit(receipt, None, "--subject", "Is this you?", slug="confirm_email_address")

    done(receipt, "emails", "reset", set_up=answering(["receipt"], True))

    assert [state(receipt), state(receipt, "confirm_email_address")] == ["as default", "edited"]


@pytest.mark.parametrize("script", [[BACK], [STOP], [["receipt"], STOP], [["receipt"], False]])
def test_leaving_the_menu_resets_nothing(receipt: Program, script: list[Any]) -> None:
    edit(receipt, GREETING)
    before = receipt.dump()

    result = receipt("emails", "reset", set_up=answering(*script))

    assert result.code == 130
    assert receipt.dump() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["receipt"], "--yes"),
        (["--all"], "--yes"),
        ([], "receipt: Your receipt"),
        (["own", "--yes"], "own has no default"),
        (["receipt", "own", "--yes"], "own has no default"),
        (["receipt", "reciept", "--yes"], "did you mean receipt?"),
        (["payment_failed_admin", "--yes"], "There is no email 'payment_failed_admin'"),
        (["receipt", "--all", "--yes"], "Give slugs, or --all"),
    ],
    ids=" ".join,
)
def test_a_reset_that_is_refused_changes_nothing(receipt: Program, arguments: list[str], said: str) -> None:
    edit(receipt, GREETING)
    install(receipt, "own")
    before = receipt.dump()

    result = receipt("emails", "reset", *arguments)

    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert receipt.dump() == before


def test_a_default_that_cannot_be_sent_resets_nothing(receipt: Program) -> None:
    edit(receipt, None, "--subject", "Is this you?", slug="confirm_email_address")
    set_default(receipt, content="You paid {{ payment_totl }}.\n")
    before = receipt.dump()

    result = receipt("emails", "reset", "confirm_email_address", "receipt", "--yes")

    assert result.code == 2
    assert "payment_totl" in result.err
    assert receipt.dump() == before


@pytest.mark.parametrize("options", [["receipt"], ["receipt", "--settings"], ["--all"], ["--all", "--settings"], []])
def test_one_that_is_as_its_default_is_left_alone_and_nothing_is_asked(receipt: Program, options: list[str]) -> None:
    before = receipt.dump()
    receipt.now += timedelta(hours=1)

    result = done(receipt, "emails", "reset", *options, set_up=answering())

    assert "as its default" in result.err
    assert receipt.dump() == before


def test_among_several_those_as_their_default_are_told_and_the_others_reset(receipt: Program) -> None:
    edit(receipt, GREETING)

    result = done(receipt, "emails", "reset", "receipt", "confirm_email_address", "--yes")

    assert "confirm_email_address is as its default" in result.err
    assert state(receipt) == "as default"
    assert versions(receipt, "confirm_email_address") == []


def test_an_email_that_changes_while_they_are_asked_is_not_reset(receipt: Program) -> None:
    edit(receipt, GREETING)

    class Slow(ScriptedPrompter):
        def confirm(self, question: str, *, default: bool = False) -> bool:
            change(receipt, "receipt", title="Of somebody else")
            return True

    result = receipt("emails", "reset", "receipt", set_up=asking(Slow()))

    assert result.code == 2
    assert "changed by somebody else meanwhile" in result.err
    assert (shown(receipt)["title"], text_of(receipt)) == ("Of somebody else", GREETING)


# History and restore


def test_the_history_tells_what_replaced_each_text_and_when(receipt: Program) -> None:
    edit(receipt, None, "--subject", "Second")
    receipt.now += timedelta(hours=1)
    done(receipt, "emails", "reset", "receipt", "--yes")
    receipt.now += timedelta(hours=1)
    done(receipt, "emails", "restore", "receipt", "--version", 2, "--yes")
    set_default(receipt, content=THANKS)
    done(receipt, "emails", "update", "receipt", "--yes")

    assert [(row["number"], row["why"], row["subject"]) for row in versions(receipt)] == [
        (4, "updated", "Second"),
        (3, "restored", "Your receipt"),
        (2, "reset", "Second"),
        (1, "edited", "Your receipt"),
    ]
    assert [row["replaced_at"] for row in versions(receipt)][-2:] == ["2026-11-23T13:00:00Z", "2026-11-23T12:00:00Z"]
    assert versions(receipt)[0].keys() == {"number", "replaced_at", "why", "subject", "languages"}


def test_the_history_is_a_table_for_people(receipt: Program) -> None:
    edit(receipt, None, "--subject", "Second")

    title, row = done(receipt, "emails", "history", "receipt").out.splitlines()

    assert title.split() == ["number", "replaced", "at", "why", "subject"]
    assert row.split()[0] == "1"
    assert row.rstrip().endswith("edited  Your receipt")


def test_an_email_that_was_never_changed_has_no_history(receipt: Program) -> None:
    assert versions(receipt) == []
    assert done(receipt, "emails", "history", "receipt", "--format", "count").out == "0\n"


def test_settings_make_no_version(receipt: Program) -> None:
    edit(receipt, None, "--after", "2h", "--inactive")

    assert versions(receipt) == []


def test_a_version_is_printed_in_all_its_languages(receipt: Program) -> None:
    edit(receipt, "Tack.\n", "--locale", "sv", "--subject", "Kvitto")
    edit(receipt, GREETING)

    printed = done(receipt, "emails", "history", "receipt", "--version", 2).out

    for part in ("[en] Your receipt", CONTENT, "[sv] Kvitto", "Tack."):
        assert part in printed
    assert "Dear" not in printed


def test_a_restored_text_is_back_and_the_present_one_becomes_a_version(receipt: Program) -> None:
    edit(receipt, GREETING, "--subject", "Mine", "--after", "2h")
    edit(receipt, THANKS)
    before = shown(receipt)

    done(receipt, "emails", "restore", "receipt", "--version", 1, "--yes")

    after = shown(receipt)
    assert after["texts"]["en"] == {"subject": "Your receipt", "content": CONTENT, "format": "markdown"}
    assert [after[name] for name in (*KEPT, *SETTINGS)] == [before[name] for name in (*KEPT, *SETTINGS)]
    assert [row["number"] for row in versions(receipt)] == [3, 2, 1]
    assert THANKS in done(receipt, "emails", "history", "receipt", "--version", 3).out


def test_a_restore_can_itself_be_undone(receipt: Program) -> None:
    edit(receipt, GREETING)

    done(receipt, "emails", "restore", "receipt", "--version", 1, "--yes")
    done(receipt, "emails", "restore", "receipt", "--version", 2, "--yes")

    assert text_of(receipt) == GREETING


def test_a_restore_shows_the_difference_and_asks(receipt: Program) -> None:
    edit(receipt, GREETING)
    before = receipt.dump()

    result = receipt("emails", "restore", "receipt", "--version", 1, set_up=answering(False))

    assert result.code == 130
    assert "+Hello {{ customer_name }}," in result.err
    assert receipt.dump() == before


def test_restoring_what_is_there_already_says_so_and_changes_nothing(receipt: Program) -> None:
    edit(receipt, GREETING)
    edit(receipt, CONTENT)
    before = receipt.dump()

    result = done(receipt, "emails", "restore", "receipt", "--version", 1)

    assert "as version 1 already" in result.err
    assert receipt.dump() == before


@pytest.mark.parametrize("command", [["history"], ["restore", "--yes"]], ids=["history", "restore"])
@pytest.mark.parametrize("number", [0, 3, -1, 99])
def test_a_version_that_there_is_not_names_those_there_are(receipt: Program, command: list[str], number: int) -> None:
    edit(receipt, GREETING)
    edit(receipt, THANKS)
    before = receipt.dump()

    result = receipt("emails", *command, "receipt", "--version", number)

    assert (result.code, result.out) == (2, "")
    assert f"receipt has no version {number}" in result.err
    assert "there are 2, 1" in result.err
    assert receipt.dump() == before


def test_a_restore_has_to_be_confirmed_off_a_terminal(receipt: Program) -> None:
    edit(receipt, GREETING)
    before = receipt.dump()

    result = receipt("emails", "restore", "receipt", "--version", 1)

    assert result.code == 2
    assert "--yes" in result.err
    assert receipt.dump() == before


def test_a_version_that_cannot_be_sent_any_more_is_not_restored(ummsg: Program) -> None:
    set_event(ummsg, "shop_name", "shop_owner")
    set_default(ummsg, content="{{ shop_name }} of {{ shop_owner }}\n", event="shop_opened")
    done(ummsg, "emails", "import", "receipt")
    edit(ummsg, "{{ shop_name }}")
    set_event(ummsg, "shop_name")
    before = ummsg.dump()

    result = ummsg("emails", "restore", "receipt", "--version", 1, "--yes")

    assert result.code == 2
    assert "shop_owner" in result.err
    assert ummsg.dump() == before


@pytest.mark.parametrize(
    "command", [["history"], ["restore", "--version", "1", "--yes"], ["update", "--yes"]], ids=lambda words: words[0]
)
def test_an_unknown_email_names_the_closest(receipt: Program, command: list[str]) -> None:
    result = receipt("emails", *command, "reciept")

    assert (result.code, result.out) == (2, "")
    assert "did you mean receipt?" in result.err


# Status


def test_every_email_has_a_line_with_its_state(ummsg: Program) -> None:
    slugs = ["edited", "changed", "edited_and_changed", "turned_off", "gone", "as_it_is"]
    for slug in slugs:
        set_default(ummsg, slug)
    done(ummsg, "emails", "import", *slugs)
    edit(ummsg, GREETING, slug="edited")
    edit(ummsg, GREETING, slug="edited_and_changed")
    edit(ummsg, GREETING, "--inactive", slug="turned_off")
    for slug in ("changed", "edited_and_changed", "turned_off"):
        set_default(ummsg, slug, THANKS)
    set_default(ummsg, "gone").unlink()
    install(ummsg, "own")
    set_default(ummsg, "not_installed")

    found = {slug: row["state"] for slug, row in statuses(ummsg).items()}

    assert len(found) == SHIPPED + 8
    assert found["payment_failed_admin"] == "missing"
    assert {slug: found[slug] for slug in [*slugs, "own", "not_installed", "confirm_email_address"]} == {
        "edited": "edited",
        "changed": "default changed",
        "edited_and_changed": "default changed",
        "turned_off": "inactive",
        "gone": "no default",
        "as_it_is": "as default",
        "own": "no default",
        "not_installed": "missing",
        "confirm_email_address": "as default",
    }


def test_a_line_says_more_in_json(receipt: Program) -> None:
    set_default(receipt, content=THANKS, version=2)
    edit(receipt, GREETING)

    assert statuses(receipt)["receipt"] == {
        "slug": "receipt",
        "state": "default changed",
        "event": "payment_received",
        "target": "customer",
        "title": "Your receipt",
        "installed": True,
        "active": True,
        "edited": True,
        "default_changed": True,
        "essential": False,
        "default_version": 2,
        "source": str(receipt.folder / "templates"),
    }


def test_a_line_of_what_is_not_there_says_so_in_json(ummsg: Program) -> None:
    install(ummsg, "own")
    rows = statuses(ummsg)

    missing = {name: rows["payment_failed_admin"][name] for name in ("installed", "active", "edited", "source")}
    assert missing == {"installed": False, "active": None, "edited": None, "source": "ummsg"}
    assert {name: rows["own"][name] for name in ("installed", "essential", "default_version", "source")} == {
        "installed": True,
        "essential": None,
        "default_version": None,
        "source": None,
    }
    assert rows["confirm_email_address"]["essential"] is True


def test_the_table_has_one_line_for_each(receipt: Program) -> None:
    lines = done(receipt, "emails", "status").out.splitlines()

    assert lines[0].split() == ["slug", "state", "title"]
    assert len(lines) == SHIPPED + 2
    (line,) = [line for line in lines if line.startswith("receipt ")]
    assert line.split() == ["receipt", "as", "default", "Your", "receipt"]


def test_a_default_that_cannot_be_read_is_told_and_hides_no_other(receipt: Program) -> None:
    (receipt.folder / "templates" / "bad.md").write_text("no head\n")

    result = done(receipt, "emails", "status")

    assert "bad.md" in result.err
    assert "receipt" in result.out


# Status, for CI


def check(program: Program) -> Result:
    return program("emails", "status", "--check")


def wrong(program: Program, *said: str) -> None:
    result = check(program)
    assert (result.code, result.out) == (1, ""), result.err
    for part in said:
        assert part in result.err


def test_a_fresh_place_is_in_order(ummsg: Program) -> None:
    assert check(ummsg).code == 0


def test_what_may_differ_is_in_order(receipt: Program) -> None:
    install(receipt, "own")
    edit(receipt, GREETING)
    set_default(receipt, content=THANKS)
    install(receipt, "off_beside_one_that_is_on", active=False)

    assert check(receipt).code == 0, check(receipt).err


def test_an_essential_email_that_is_missing_is_wrong(ummsg: Program) -> None:
    done(ummsg, "emails", "delete", "confirm_email_address", "--yes")

    wrong(ummsg, "confirm_email_address", "ummsg emails import confirm_email_address")
    done(ummsg, "emails", "import", "confirm_email_address")
    assert check(ummsg).code == 0


def test_an_essential_email_that_is_off_is_wrong_though_another_takes_its_event(ummsg: Program) -> None:
    done(ummsg, "emails", "disable", "confirm_email_address")
    install(ummsg, "own", "{{ verification_link }}", subject="Confirm", event="confirm_email_address")

    wrong(ummsg, "confirm_email_address", "ummsg emails enable confirm_email_address")
    done(ummsg, "emails", "enable", "confirm_email_address")
    assert check(ummsg).code == 0


def test_an_active_email_with_an_attribute_that_is_gone_is_wrong(network: Program) -> None:
    install(network, content="How is {{ customer_city }}?")
    before = check(network)

    with sqlite3.connect(network.folder / "ummsg.db") as connection:
        connection.execute("DELETE FROM attribute_names")
    connection.close()

    assert before.code == 0
    wrong(network, "receipt", "customer_city", "ummsg emails edit receipt")


def test_an_active_email_with_a_field_that_its_event_has_lost_is_wrong(ummsg: Program) -> None:
    set_event(ummsg, "shop_name", "shop_owner")
    install(ummsg, "opened", "{{ shop_name }}", subject="For {{ shop_owner }}", event="shop_opened")
    before = check(ummsg)

    set_event(ummsg, "shop_name")

    assert before.code == 0
    wrong(ummsg, "opened", "shop_owner")


def test_an_active_email_whose_event_is_gone_is_wrong(ummsg: Program) -> None:
    install(ummsg, "opened", "Welcome.", subject="Welcome", event="shop_opened")

    wrong(ummsg, "opened", "There is no event 'shop_opened'")


def test_what_is_wrong_with_an_email_that_is_off_does_not_matter(ummsg: Program) -> None:
    install(ummsg)
    install(ummsg, "broken", "{{ payment_totl }}", active=False)

    assert check(ummsg).code == 0, check(ummsg).err


def test_an_event_whose_emails_are_all_off_is_wrong(ummsg: Program) -> None:
    done(ummsg, "emails", "import", "payment_failed_admin", "payment_failed_customer")
    done(ummsg, "emails", "disable", "payment_failed_admin")
    one_is_on = check(ummsg)

    done(ummsg, "emails", "disable", "payment_failed_customer")

    assert one_is_on.code == 0
    wrong(ummsg, "payment_failed", "ummsg emails enable payment_failed_")


def test_an_event_that_has_fired_and_has_no_email_is_wrong(network: Program) -> None:
    before = check(network)
    done(network, "events", "fire", "payment_received", "--payload", network.write("p.json", json.dumps(PAYMENT)))

    assert before.code == 0
    wrong(network, "payment_received has fired", "ummsg emails import")
    done(network, "emails", "import", "payment_received_customer")
    assert check(network).code == 0


def test_everything_that_is_wrong_is_told_at_once(ummsg: Program) -> None:
    done(ummsg, "emails", "delete", "confirm_email_address", "--yes")
    install(ummsg, "broken", "{{ payment_totl }}")
    install(ummsg, "off", "Paid.", event="payment_failed", active=False)

    wrong(ummsg, "confirm_email_address", "payment_totl", "payment_failed")


# Update without conflict


def test_an_unedited_copy_takes_the_new_default(receipt: Program) -> None:
    set_default(receipt, content=THANKS, subject="Paid")

    done(receipt, "emails", "update", "receipt", "--yes")

    assert shown(receipt)["texts"]["en"] == {"subject": "Paid", "content": THANKS, "format": "markdown"}
    assert state(receipt) == "as default"


def test_an_edited_copy_keeps_its_changes_and_takes_the_defaults(receipt: Program) -> None:
    edit(receipt, GREETING)
    set_default(receipt, content=THANKS)

    done(receipt, "emails", "update", "receipt", "--yes")

    assert text_of(receipt) == "Dear {{ customer_name }},\n\nwe got {{ payment_total }}.\n\nMany thanks.\n"
    assert state(receipt) == "edited"
    assert [(row["why"], row["number"]) for row in versions(receipt)] == [("updated", 2), ("edited", 1)]


def test_a_subject_here_and_a_content_there_are_both_kept(receipt: Program) -> None:
    edit(receipt, None, "--subject", "Paid")
    set_default(receipt, content=GREETING)

    done(receipt, "emails", "update", "receipt", "--yes")

    assert (shown(receipt)["subject"], text_of(receipt)) == ("Paid", GREETING)


def test_an_update_keeps_settings_numbers_and_whether_it_is_on(sent: Program) -> None:
    set_default(sent, content=THANKS, after="9d", style="html")
    before = shown(sent)

    done(sent, "emails", "update", "receipt", "--yes")

    after = shown(sent)
    assert {name: after[name] for name in (*KEPT, *SETTINGS)} == {name: before[name] for name in (*KEPT, *SETTINGS)}
    assert "Many thanks." in text_of(sent)


def test_a_new_language_of_the_default_arrives(receipt: Program) -> None:
    edit(receipt, GREETING)
    translate(receipt, "Tack.\n")

    done(receipt, "emails", "update", "receipt", "--yes")

    assert [text_of(receipt), text_of(receipt, "sv")] == [GREETING, "Tack.\n"]


def test_a_language_that_the_default_has_lost_goes_unless_it_was_edited(receipt: Program) -> None:
    swedish = translate(receipt, "Tack.\n")
    done(receipt, "emails", "update", "receipt", "--yes")
    edit(receipt, "Danke.\n", "--locale", "de")
    swedish.unlink()

    done(receipt, "emails", "update", "receipt", "--yes")

    assert list(shown(receipt)["texts"]) == ["en", "de"]


def test_a_new_format_arrives_with_the_new_content(receipt: Program) -> None:
    edit(receipt, None, "--subject", "Paid")
    set_default(receipt, content="<p>We got {{ payment_total }}.</p>\n", format="html")

    done(receipt, "emails", "update", "receipt", "--yes")

    assert shown(receipt)["texts"]["en"] == {
        "subject": "Paid",
        "content": "<p>We got {{ payment_total }}.</p>\n",
        "format": "html",
    }


def test_a_heading_underlined_with_seven_signs_is_no_conflict(shop: Program) -> None:
    set_default(shop, content=f"Receipt\n=======\n\n{CONTENT}")
    done(shop, "emails", "import", "receipt")
    edit(shop, f"Receipt\n=======\n\n{GREETING}")
    set_default(shop, content=f"Receipt\n=======\n\n{THANKS}")

    done(shop, "emails", "update", "receipt", "--yes")

    assert text_of(shop).endswith("Many thanks.\n")


def test_the_difference_is_shown_before_an_update(receipt: Program) -> None:
    set_default(receipt, content=THANKS)
    before = receipt.dump()

    result = receipt("emails", "update", "receipt", set_up=answering(False))

    assert result.code == 130
    assert "+Many thanks." in result.err
    assert receipt.dump() == before


def test_an_update_has_to_be_confirmed_off_a_terminal(receipt: Program) -> None:
    set_default(receipt, content=THANKS)
    before = receipt.dump()

    result = receipt("emails", "update", "receipt")

    assert result.code == 2
    assert "--yes" in result.err
    assert receipt.dump() == before


@pytest.mark.parametrize("content", [CONTENT, GREETING], ids=["unedited", "edited"])
def test_nothing_to_update_says_so_and_changes_nothing(receipt: Program, content: str) -> None:
    edit(receipt, content)
    before = receipt.dump()
    receipt.now += timedelta(hours=1)

    result = done(receipt, "emails", "update", "receipt")

    assert "receipt has nothing to update" in result.err
    assert receipt.dump() == before


def test_a_copy_that_says_already_what_the_default_says_now_is_as_its_default(receipt: Program) -> None:
    edit(receipt, THANKS)
    set_default(receipt, content=THANKS)

    assert "nothing to update" in done(receipt, "emails", "update", "receipt").err
    assert state(receipt) == "as default"
    set_default(receipt, content=HALLO)
    done(receipt, "emails", "update", "receipt", "--yes")
    assert text_of(receipt) == HALLO


def test_an_email_without_a_default_cannot_be_updated(ummsg: Program) -> None:
    install(ummsg, "own")
    before = ummsg.dump()

    result = ummsg("emails", "update", "own", "--yes")

    assert result.code == 2
    assert "own has no default" in result.err
    assert ummsg.dump() == before


def test_a_merge_that_cannot_be_sent_is_not_stored(receipt: Program) -> None:
    edit(receipt, GREETING)
    set_default(receipt, content=THANKS.replace("payment_total", "payment_totl"))
    before = receipt.dump()

    result = receipt("emails", "update", "receipt", "--yes")

    assert result.code == 2
    assert "payment_totl" in result.err
    assert receipt.dump() == before


# Update with conflicts


RESOLVED = "Subject: Your receipt\n\nDear friend {{ customer_name }},\n\nwe got {{ payment_total }}.\n\nThank you.\n"


@pytest.fixture
def conflicting(receipt: Program) -> Program:
    """The copy and the default have both changed the first line of `receipt`."""
    edit(receipt, GREETING)
    set_default(receipt, content=HALLO)
    return receipt


class Editor:
    """An `$EDITOR` that does something else each time it is opened; `$1` is the file."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        patch.delenv("VISUAL", raising=False)
        patch.setenv("EDITOR", str(folder / "editor"))
        (folder / "resolved").write_text(RESOLVED)
        self.does()

    def does(self, *steps: str) -> None:
        """Each step is shell; $resolved is a file without conflicts."""
        cases = "".join(f"{number}) {step} ;;\n" for number, step in enumerate(steps, 1))
        body = f"cd '{self._folder}'\nresolved=resolved\necho >> opened\ncp \"$1\" seen\n"
        count = 'case "$(wc -l < opened | tr -d " ")" in\n'
        (self._folder / "editor").write_text(f"#!/bin/sh\n{body}{count}{cases}*) exit 9 ;;\nesac\n")
        (self._folder / "editor").chmod(0o755)

    @property
    def opened(self) -> int:
        path = self._folder / "opened"
        return len(path.read_text().splitlines()) if path.exists() else 0

    @property
    def seen(self) -> str:
        """What the file held when it was opened last."""
        return (self._folder / "seen").read_text()


RESOLVE = 'cp $resolved "$1"'
TYPE = 'echo "typed by hand" >> "$1"'


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Editor(folder, monkeypatch)


CONFLICT = """\
<<<<<<< yours
Dear {{ customer_name }},
=======
Hallo {{ customer_name }},
>>>>>>> the new default

we got {{ payment_total }}.
"""


@pytest.mark.parametrize("options", [[], ["--yes"]], ids=["asked", "--yes"])
def test_off_a_terminal_a_conflict_is_printed_and_nothing_stored(conflicting: Program, options: list[str]) -> None:
    before = conflicting.dump()

    result = conflicting("emails", "update", "receipt", *options)

    assert result.code == 2
    assert CONFLICT in result.out
    assert "nothing was stored" in result.err
    assert conflicting.dump() == before
    assert state(conflicting) == "default changed"


def test_conflicts_are_printed_in_every_language_that_has_one(conflicting: Program) -> None:
    edit(conflicting, "Tack så mycket.\n", "--locale", "sv")
    translate(conflicting, "Tusen tack.\n")

    printed = conflicting("emails", "update", "receipt").out

    assert "Tack så mycket.\n=======\nSubject: Ditt kvitto\n\nFormat: markdown\n\nTusen tack.\n" in printed
    assert CONFLICT in printed


def test_a_conflict_opens_in_the_editor_and_what_was_made_of_it_is_stored(conflicting: Program, editor: Editor) -> None:
    editor.does(RESOLVE)

    result = done(conflicting, "emails", "update", "receipt", set_up=answering(True))

    assert CONFLICT in editor.seen
    assert "+Dear friend {{ customer_name }}," in result.err
    assert text_of(conflicting) == RESOLVED.partition("\n\n")[2]
    assert (state(conflicting), versions(conflicting)[0]["why"]) == ("edited", "updated")
    assert "nothing to update" in done(conflicting, "emails", "update", "receipt").err


def test_markers_that_are_still_there_are_refused_until_they_are_gone(conflicting: Program, editor: Editor) -> None:
    editor.does(TYPE, RESOLVE)
    prompter = ScriptedPrompter(True, True)

    result = done(conflicting, "emails", "update", "receipt", set_up=asking(prompter))

    assert "conflict markers" in result.err
    assert editor.seen.endswith("typed by hand\n")
    assert prompter.asked == ["Go on editing?", "Update receipt?"]
    assert text_of(conflicting).startswith("Dear friend")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('grep -v "^[<=>]" $resolved | grep -v Subject > "$1"', "Subject: Your receipt"),
        ('sed "s/payment_total/payment_totl/" $resolved > "$1"', "payment_totl"),
        ('sed "s/^Subject: .*/Subject: x/" $resolved > "$1"', "subject"),
    ],
    ids=["without a subject line", "an unknown placeholder", "a subject too short"],
)
def test_what_cannot_be_sent_is_refused_and_can_be_mended(
    conflicting: Program, editor: Editor, step: str, said: str
) -> None:
    editor.does(step, RESOLVE)

    result = done(conflicting, "emails", "update", "receipt", set_up=answering(True, True))

    assert said in result.err
    assert editor.opened == 2
    assert text_of(conflicting).startswith("Dear friend")


def test_each_language_with_a_conflict_is_mended_by_itself(conflicting: Program, editor: Editor) -> None:
    edit(conflicting, "Tack så mycket.\n", "--locale", "sv")
    translate(conflicting, "Tusen tack.\n")
    editor.does(RESOLVE, 'printf "Subject: Kvitto\\n\\nTack.\\n" > "$1"')

    done(conflicting, "emails", "update", "receipt", set_up=answering(True))

    assert text_of(conflicting).startswith("Dear friend")
    assert text_of(conflicting, "sv") == "Tack.\n"


GIVING_UP = [
    pytest.param([TYPE], [False], 130, id="no more editing"),
    pytest.param([TYPE], [STOP], 130, id="Ctrl-C when asked to go on"),
    pytest.param([TYPE, "exit 1"], [True], 2, id="an editor that fails the second time"),
    pytest.param([TYPE, ': > "$1"'], [True], 2, id="an empty file the second time"),
    pytest.param([f'{RESOLVE}; sed -i "s/^Thank/typed by hand/" "$1"'], [False], 130, id="no update after all"),
    pytest.param([f'{RESOLVE}; sed -i "s/^Thank/typed by hand/" "$1"'], [STOP], 130, id="Ctrl-C at the last question"),
]


@pytest.mark.parametrize(("steps", "answers", "code"), GIVING_UP)
def test_whoever_gives_up_finds_what_they_typed_in_a_file(
    conflicting: Program, editor: Editor, steps: list[str], answers: list[Any], code: int
) -> None:
    editor.does(*steps)
    before = conflicting.dump()

    result = conflicting("emails", "update", "receipt", set_up=answering(*answers))

    assert result.code == code
    assert conflicting.dump() == before
    kept = conflicting.folder / "receipt.rejected.md"
    assert "typed by hand" in kept.read_text()
    assert kept.name in result.err
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_what_was_typed_is_kept_when_somebody_else_changed_the_email_meanwhile(
    conflicting: Program, editor: Editor
) -> None:
    class Slow(ScriptedPrompter):
        def confirm(self, question: str, *, default: bool = False) -> bool:
            change(conflicting, "receipt", title="Of somebody else")
            return True

    editor.does(RESOLVE)

    result = conflicting("emails", "update", "receipt", set_up=asking(Slow()))

    assert result.code == 2
    assert (shown(conflicting)["title"], text_of(conflicting)) == ("Of somebody else", GREETING)
    assert "Dear friend" in (conflicting.folder / "receipt.rejected.md").read_text()


def test_what_was_typed_in_one_language_is_kept_when_they_give_up_in_the_next(
    conflicting: Program, editor: Editor
) -> None:
    edit(conflicting, "Tack så mycket.\n", "--locale", "sv")
    translate(conflicting, "Tusen tack.\n")
    editor.does(RESOLVE, TYPE)

    result = conflicting("emails", "update", "receipt", set_up=answering(False))

    assert result.code == 130
    kept = "".join(path.read_text() for path in conflicting.folder.glob("receipt.rejected*.md"))
    assert "typed by hand" in kept
    assert "Dear friend" in kept


def test_a_file_that_was_kept_before_is_not_overwritten(conflicting: Program, editor: Editor) -> None:
    conflicting.write("receipt.rejected.md", "of yesterday")
    editor.does(TYPE)

    conflicting("emails", "update", "receipt", set_up=answering(False))

    assert (conflicting.folder / "receipt.rejected.md").read_text() == "of yesterday"
    assert "typed by hand" in (conflicting.folder / "receipt.rejected-1.md").read_text()


def test_an_editor_that_fails_at_once_stores_nothing(conflicting: Program, editor: Editor) -> None:
    editor.does("exit 1")
    before = conflicting.dump()

    result = conflicting("emails", "update", "receipt", set_up=answering())

    assert result.code == 2
    assert "exit code 1" in result.err
    assert conflicting.dump() == before


def test_a_conflict_in_the_subject_alone_is_one_too(receipt: Program, editor: Editor) -> None:
    edit(receipt, None, "--subject", "Mine")
    set_default(receipt, subject="Theirs")
    editor.does(f'{RESOLVE}; sed -i "1s/.*/Subject: Ours/" "$1"')

    done(receipt, "emails", "update", "receipt", "--yes", set_up=answering())

    assert "<<<<<<< yours\nSubject: Mine\n=======\nSubject: Theirs\n>>>>>>> the new default\n" in editor.seen
    assert shown(receipt)["subject"] == "Ours"


# What a stranger found


def test_an_essential_email_that_follows_another_event_is_wrong(network: Program) -> None:
    rebind(network, "confirm_email_address", "payment_received")

    wrong(
        network, "is essential for confirm_email_address, and follows payment_received", "reset confirm_email_address"
    )


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("UMMSG_ADMIN_EMAILS", "", "UMMSG_ADMIN_EMAILS is not set, and the admins are to get payment_received_admin"),
        ("UMMSG_ADMIN_EMAILS", "nonsense", "UMMSG_ADMIN_EMAILS: "),
        ("UMMSG_FROM", "", "nobody is set as the sender"),
    ],
)
def test_what_no_email_can_be_sent_without_is_wrong(network: Program, setting: str, value: str, said: str) -> None:
    done(network, "emails", "import", "payment_received_admin")
    network.environ |= {"UMMSG_ADMIN_EMAILS": "ada@example.com", setting: value}

    wrong(network, said)


def test_settings_that_a_reset_took_can_be_restored(receipt: Program) -> None:
    edit(receipt, None, "--from", "Billing <billing@example.com>", "--after", "3d", "--title", "My own")
    done(receipt, "emails", "reset", "receipt", "--settings", "--yes")
    assert shown(receipt)["after"] == "0"

    done(receipt, "emails", "restore", "receipt", "--version", "1", "--settings", "--yes")

    after = shown(receipt)
    assert (after["from"], after["after"], after["title"]) == ("Billing <billing@example.com>", "3d", "My own")


def rebind(program: Program, slug: str, event: str) -> None:
    connection = sqlite3.connect(program.folder / "ummsg.db")
    with connection:
        connection.execute(
            "UPDATE emails SET event = ?, texts = replace(texts, 'verification_link', 'network_url')", (event,)
        )
    connection.close()
