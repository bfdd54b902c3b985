"""The installed emails by whole command lines: changing, making, looking at, trying out and deleting them."""

import json
import shlex
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.cli.scripted import BACK, ENTER, STOP, ScriptedPrompter, back_after, stop_after
from tests.cli.test_editor import MakeEditor, editor
from tests.program import Program, Result
from tests.smtp_server import SmtpServer
from tests.system_emails import PAYMENT, Box, box, install
from ummsg.domain.email import EmailText
from ummsg.runtime import Runtime

__all__ = ["box", "editor"]

NEW = {
    "slug": "thanks",
    "event": "payment_received",
    "target": "customer",
    "title": "Our thanks",
    "subject": "Thank you",
    "content": "Dear {{ customer_name }}.",
}


def ran(program: Program, *arguments: object, **options: Any) -> Result:
    result = program(*arguments, **options)
    assert result.code == 0, result.err
    return result


def refused(program: Program, *arguments: object, code: int = 2, **options: Any) -> str:
    """What it says when it is refused, in one message, with everything as it was."""
    before = program.dump()
    result = program(*arguments, **options)
    assert result.code == code, result.err
    assert result.err.count("Error: ") == 1, result.err
    assert program.dump() == before
    return result.err


def shown(program: Program, slug: str = "receipt") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran(program, "emails", "show", slug, "--format", "json").out)
    return found


def listed(program: Program, *options: str) -> dict[str, dict[str, Any]]:
    rows = json.loads(ran(program, "emails", "list", "--format", "json", *options).out)
    return {row["slug"]: row for row in rows}


def fire(program: Program, **changes: Any) -> Result:
    payload = program.write("payload.json", json.dumps(PAYMENT | changes))
    return program("events", "fire", "payment_received", "--payload", payload)


def flags(**changes: str | None) -> list[str]:
    """`emails new` with all that it needs."""
    given = {name: value for name, value in {**NEW, **changes}.items() if value is not None}
    return ["emails", "new", *(word for name, value in given.items() for word in (f"--{name}", value))]


def answering(*script: Any) -> tuple[ScriptedPrompter, Callable[[Runtime], None]]:
    """Somebody who is there and answers from a script."""
    prompter = ScriptedPrompter(*script)
    return prompter, lambda runtime: runtime.__dict__.update(prompter=prompter)


def asked(program: Program, *arguments: object, script: tuple[Any, ...], code: int = 0) -> tuple[ScriptedPrompter, str]:
    """Run it with the script's answers, all of which are used up; returns the prompter and what was said."""
    prompter, set_up = answering(*script)
    result = program(*arguments, set_up=set_up)
    assert result.code == code, result.err
    assert prompter.left == []
    return prompter, result.err


class TestByFlags:
    @pytest.mark.parametrize(
        ("words", "key", "value"),
        [
            (["--title", "Another"], "title", "Another"),
            (["--subject", "Paid {{ payment_total }}"], "subject", "Paid {{ payment_total }}"),
            (["--description", "For later"], "description", "For later"),
            (["--target", "admin"], "target", "admin"),
            (["--style", "plain"], "style", "plain"),
            (["--inactive"], "active", False),
            (["--after", "3d"], "after", "3d"),
            (["--after", "2h30m"], "after", "2h30m"),
            (["--after", "90m"], "after", "1h30m"),
            (["--from", "Shop <shop@example.com>"], "from", "Shop <shop@example.com>"),
            (["--copy-to-admins"], "copy_to_admins", True),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_one_setting_changes_and_the_others_stay(
        self, network: Program, words: list[str], key: str, value: Any
    ) -> None:
        install(network)
        before = shown(network)
        assert before[key] != value

        ran(network, "emails", "edit", "receipt", *words)

        after = shown(network)
        assert after[key] == value
        text = {"en": {**before["texts"]["en"], "subject": after["subject"]}}
        state = "no default" if after["active"] else "inactive"
        assert after == {**before, key: value, "texts": text, "state": state}

    def test_the_content_changes_with_its_format(self, network: Program) -> None:
        install(network)
        ran(network, "emails", "edit", "receipt", "--content", "<p>Thanks</p>", "--content-format", "html")
        assert shown(network)["texts"]["en"] == {
            "subject": "We got {{ payment_total }}",
            "content": "<p>Thanks</p>\n",
            "format": "html",
        }

    @pytest.mark.parametrize("source", ["file", "-"])
    def test_the_content_can_come_from_a_file(self, network: Program, source: str) -> None:
        install(network)
        content = "Dear {{ customer_name }},\n\nthank you.\n"
        source = str(network.write("mail.md", content)) if source == "file" else source

        ran(network, "emails", "edit", "receipt", "--content-file", source, stdin=content)

        assert shown(network)["texts"]["en"]["content"] == content

    def test_what_was_set_can_be_taken_back(self, network: Program) -> None:
        install(network, sender="Shop <shop@example.com>", copy_to_admins=True, active=False)
        ran(network, "emails", "edit", "receipt", "--from", "", "--no-copy-to-admins", "--active", "--after", "0")
        after = shown(network)
        assert (after["from"], after["copy_to_admins"], after["active"], after["after"]) == (None, False, True, "0")

    @pytest.mark.parametrize("time", ["soon", "", "3", "-3d", "3d3d", "30m2h", "1.5h", "3 weeks", "366d", "999999d"])
    def test_a_delay_that_will_not_do_is_refused(self, network: Program, time: str) -> None:
        install(network)
        said = refused(network, "emails", "edit", "receipt", "--after", time)
        assert "after: " in said
        assert "2h30m" in said or "365 days" in said

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--content", "Dear {{ customer_nam }}"], "content: customer_nam is not known (line 1); did you mean cus"),
            (["--subject", "Paid {{ payment_totl }}"], "subject: payment_totl is not known"),
            (["--subject", "{{ form_slug }}", "--title", "Another"], "subject: form_slug is not known"),
        ],
    )
    def test_a_placeholder_that_is_not_known_is_refused_with_the_closest_one(
        self, network: Program, words: list[str], said: str
    ) -> None:
        install(network)
        assert said in refused(network, "emails", "edit", "receipt", *words)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--subject", ""], "subject: needs at least"),
            (["--subject", "two\nlines"], "subject: has a line break"),
            (["--content", " "], "content: needs at least"),
            (["--content", "Dear {{ customer_name"], "content: "),
            (["--title", ""], "title: needs 1 to 255"),
            (["--from", "nobody"], "from: 'nobody' is no email address"),
            (["--locale", "klingon!", "--subject", "Hello"], "--locale: 'klingon!' is no language"),
            (["--target", "everybody"], "--target"),
            (["--style", "pretty"], "--style"),
            (["--content", "a", "--content-file", "b"], "--content and --content-file do not go together"),
            (["--content-file", "/nowhere"], "--content-file: /nowhere cannot be read"),
            (["--editor", "--title", "Another"], "--editor changes the whole email"),
            ([], "Nothing to change was given"),
        ],
    )
    def test_what_will_not_do_is_refused(self, network: Program, words: list[str], said: str) -> None:
        install(network)
        assert said in refused(network, "emails", "edit", "receipt", *words)

    def test_everything_that_is_wrong_is_told_at_once(self, network: Program) -> None:
        install(network)
        words = ("--title", "", "--subject", "{{ payment_totl }}", "--from", "nobody", "--after", "400d")
        said = refused(network, "emails", "edit", "receipt", *words)
        assert all(f"  {name}: " in said for name in ("title", "subject", "from", "after"))

    @pytest.mark.parametrize("title", ["خانه\u200cام", "Family 👩\u200d👧"])
    def test_a_title_may_hold_the_joiners_of_persian_and_of_emoji(self, network: Program, title: str) -> None:
        install(network)
        ran(network, "emails", "edit", "receipt", "--title", title)
        assert shown(network)["title"] == title

    def test_the_same_again_changes_nothing_and_says_so(self, network: Program) -> None:
        install(network)
        before = network.dump()
        result = ran(network, "emails", "edit", "receipt", "--subject", "We got {{ payment_total }}")
        assert "Nothing was changed" in result.err
        assert network.dump() == before

    @pytest.mark.parametrize("command", ["edit", "show", "preview", "enable", "disable", "delete"])
    def test_an_email_that_is_not_there_is_told_with_the_closest_one(self, network: Program, command: str) -> None:
        install(network)
        said = refused(network, "emails", command, "reciept")
        assert "There is no email 'reciept'" in said
        assert "did you mean receipt?" in said

    def test_the_text_that_was_replaced_is_in_the_history(self, network: Program) -> None:
        install(network)
        ran(network, "emails", "edit", "receipt", "--subject", "Another")
        (version,) = json.loads(ran(network, "emails", "history", "receipt", "--format", "json").out)
        assert (version["subject"], version["why"]) == ("We got {{ payment_total }}", "edited")


class TestLanguages:
    @pytest.mark.parametrize("locale", ["sv", "SV", "sv_SE", "sv-se"])
    def test_a_translation_begins_as_a_copy(self, network: Program, locale: str) -> None:
        install(network)
        english = shown(network)["texts"]["en"]

        ran(network, "emails", "edit", "receipt", "--locale", locale, "--subject", "Tack")

        name = "sv" if len(locale) == 2 else "sv_SE"
        assert shown(network)["texts"] == {"en": english, name: {**english, "subject": "Tack"}}

    def test_a_translation_is_sent_to_those_who_read_it(self, network: Program, box: Box) -> None:
        install(network)
        network("customers", "import", network.write("c.csv", "id,email,locale\n2,bo@example.com,sv_SE\n"))
        ran(network, "emails", "edit", "receipt", "--locale", "sv", "--subject", "Tack", "--content", "Tack så mycket.")

        fire(network)
        fire(network, customer_id=2)
        ran(network, "outbox", "run")

        assert box.subjects == ["Example Network - We got €29.00", "Example Network - Tack"]

    def test_without_a_language_the_networks_own_is_meant(self, network: Program) -> None:
        install(network, texts={"en": EmailText("Hello", "Good day."), "sv": EmailText("Hej", "God dag.")})
        network.environ["UMMSG_LOCALE"] = "sv"
        ran(network, "emails", "edit", "receipt", "--subject", "Hejsan")
        assert [text["subject"] for text in shown(network)["texts"].values()] == ["Hello", "Hejsan"]

    def test_what_is_wrong_is_told_with_its_language(self, network: Program) -> None:
        install(network)
        said = refused(network, "emails", "edit", "receipt", "--locale", "sv", "--content", "Hej {{ customer_nam }}")
        assert "content (sv): customer_nam is not known" in said

    def test_a_new_email_can_be_in_another_language(self, network: Program) -> None:
        ran(network, *flags(), "--locale", "pt-br")
        assert list(shown(network, "thanks")["texts"]) == ["pt_BR"]

    def test_a_language_of_a_new_email_that_is_none_is_told_as_it_was_typed(self, network: Program) -> None:
        assert "'klingon!' is no language" in refused(network, *flags(), "--locale", "klingon!")

    def test_the_same_spelling_is_understood_when_it_is_looked_at(self, network: Program, box: Box) -> None:
        install(network)
        ran(network, "emails", "edit", "receipt", "--locale", "sv-se", "--subject", "Tack")
        assert "Tack" in ran(network, "emails", "preview", "receipt", "--locale", "sv-se").out
        ran(network, "emails", "test", "receipt", "--to", "me@example.com", "--locale", "sv-se")
        assert box.subjects == ["[Test] Example Network - Tack"]


def saving(line: str) -> str:
    """The body of an editor that replaces a line of the head: `saving("subject: Hello")`."""
    return f"sed -i 's/^{line.partition(':')[0]}: .*/{line}/' \"$1\""


class TestInTheEditor:
    def test_what_is_saved_is_stored(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        editor(f"{saving('subject: Paid {{ payment_total }}')}; {saving('after: 3d')}; echo 'PS: come again' >> \"$1\"")

        ran(network, "emails", "edit", "receipt", "--editor")

        after = shown(network)
        assert (after["subject"], after["after"]) == ("Paid {{ payment_total }}", "3d")
        assert after["texts"]["en"]["content"].endswith("{{ payment_total }}.\nPS: come again\n")

    def test_the_file_is_the_whole_email(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        editor(f'cp "$1" {network.folder}/seen')

        ran(network, "emails", "edit", "receipt", "--editor")

        seen = (network.folder / "seen").read_text()
        assert seen.startswith("---\nslug: receipt\nevent: payment_received\ntarget: customer\n")
        assert seen.endswith("\n---\nThank you, {{ customer_name }}: {{ payment_total }}.\n")

    @pytest.mark.parametrize("content", ["One line", "Two\nlines\n", "\n\nOn the third\n\n\n", "With\r\nCRLF\r\n"])
    @pytest.mark.parametrize("body", ["true", 'cat "$1" > "$1.new"; mv "$1.new" "$1"'], ids=["closed", "saved"])
    def test_a_file_that_is_left_as_it_was_changes_nothing(
        self, network: Program, editor: MakeEditor, content: str, body: str
    ) -> None:
        install(network, content=content)
        editor(body)
        before = network.dump()

        result = ran(network, "emails", "edit", "receipt", "--editor")

        assert "Nothing was changed" in result.err
        assert network.dump() == before

    def test_another_language_begins_as_a_copy(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        editor(saving("subject: Tack"))
        ran(network, "emails", "edit", "receipt", "--editor", "--locale", "sv")
        assert [text["subject"] for text in shown(network)["texts"].values()] == ["We got {{ payment_total }}", "Tack"]

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (saving("style: pretty"), "the file: style: must be html or plain or default"),
            (saving("title: [a, b]"), "the file: title: must be text, and is a list"),
            (saving("slug: invoice"), "the file: slug: stays receipt"),
            (saving("after: soon"), "the file: after: 'soon' is no length of time"),
            ("sed -i 's/^subject:/sbject:/' \"$1\"", "the file: sbject: is not known; did you mean subject?"),
            ("sed -i 's/^event: .*/event: payment_recieved/' \"$1\"", "did you mean payment_received?"),
            (saving("subject: {{ payment_total }} paid"), "the head cannot be read in line"),
            ("sed -i 1d \"$1\"", "the head is missing"),
            ("sed -i 's/customer_name/customer_nam/' \"$1\"", "customer_nam is not known"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_stored_is_kept_beside_the_operator(
        self, network: Program, editor: MakeEditor, body: str, said: str
    ) -> None:
        install(network)
        editor(f'{body}; cp "$1" {network.folder}/typed')

        told = refused(network, "emails", "edit", "receipt", "--editor")

        kept = network.folder / "receipt.rejected.md"
        assert said in told
        assert f"you wrote is in: {kept}" in told
        assert kept.read_text() == (network.folder / "typed").read_text()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    def test_what_was_kept_before_is_not_overwritten(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        network.write("receipt.rejected.md", "precious")
        editor('echo typed > "$1"')

        told = refused(network, "emails", "edit", "receipt", "--editor")

        assert "receipt.rejected-1.md" in told
        assert (network.folder / "receipt.rejected.md").read_text() == "precious"
        assert (network.folder / "receipt.rejected-1.md").read_text().startswith("typed")

    def test_what_is_typed_while_the_database_is_busy_is_kept(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        editor(saving("subject: A long evening of work"))
        with closing(sqlite3.connect(network.folder / "ummsg.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            result = network("emails", "edit", "receipt", "--editor")

        assert result.code == 1
        assert "A long evening of work" in (network.folder / "receipt.rejected.md").read_text()

    def test_what_is_typed_while_somebody_else_changes_the_email_is_kept(
        self, network: Program, editor: MakeEditor
    ) -> None:
        install(network)
        database = network.folder / "ummsg.db"
        other = "UPDATE emails SET title = 'Theirs', updated_at = '2027-01-01 00:00:00.000000' WHERE slug = 'receipt'"
        program = f'import sqlite3; c = sqlite3.connect("{database}"); c.execute("""{other}"""); c.commit()'
        script = network.write("other.py", program)
        editor(f"{sys.executable} {script}; {saving('subject: Mine')}")

        result = network("emails", "edit", "receipt", "--editor")

        assert result.code == 2
        assert "changed by somebody else" in result.err
        assert shown(network)["title"] == "Theirs"
        assert "subject: Mine" in (network.folder / "receipt.rejected.md").read_text()

    @pytest.mark.parametrize(
        ("body", "said"),
        [("exit 1", "exit code 1"), (': > "$1"', "left nothing"), ('rm "$1"', "left nothing")],
    )
    def test_an_editor_that_fails_changes_nothing(
        self, network: Program, editor: MakeEditor, body: str, said: str
    ) -> None:
        install(network)
        editor(body)
        assert said in refused(network, "emails", "edit", "receipt", "--editor")
        assert not (network.folder / "receipt.rejected.md").exists()

    def test_an_editor_that_is_missing_is_told(self, network: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        install(network)
        monkeypatch.setenv("VISUAL", "/nowhere/editor")
        said = refused(network, "emails", "edit", "receipt", "--editor")
        assert "/nowhere/editor cannot be started" in said
        assert "export EDITOR=nano" in said

    def test_on_a_terminal_it_opens_again_with_what_was_typed(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        editor(f"""if grep -q "^after: soon" "$1"; then {saving("after: 3d")}; else {saving("after: soon")}; fi""")

        _, said = asked(network, "emails", "edit", "receipt", "--editor", script=(True,))

        assert "'soon' is no length of time" in said
        assert shown(network)["after"] == "3d"

    def test_who_does_not_want_to_edit_again_keeps_what_was_typed(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        editor(saving("after: soon"))
        asked(network, "emails", "edit", "receipt", "--editor", script=(False,), code=2)
        assert "after: soon" in (network.folder / "receipt.rejected.md").read_text()

    def test_an_editor_that_fails_the_second_time_loses_nothing(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        editor(f'if grep -q "^after: soon" "$1"; then exit 1; fi; {saving("after: soon")}')
        asked(network, "emails", "edit", "receipt", "--editor", script=(True,), code=2)
        assert "after: soon" in (network.folder / "receipt.rejected.md").read_text()

    def test_whatever_flags_stored_can_be_edited_here(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        network("emails", "edit", "receipt", "--description", "x" * 20_000)
        editor(saving("subject: Another"))
        ran(network, "emails", "edit", "receipt", "--editor")


class TestByQuestions:
    def test_one_thing_after_the_other_is_changed(self, network: Program) -> None:
        install(network)

        asked(
            network,
            *("emails", "edit", "receipt"),
            script=(
                *("Subject", "Paid", "Content", "Dear {{ customer_name }}", "Title", "Another", "To", "The network's"),
                *("Style", "plain", "Active", "Delay", "2h30m", "From", "Shop <s@example.com>", "Copies", "Store"),
            ),
        )

        after = shown(network)
        assert after["texts"] == {
            "en": {"subject": "Paid", "content": "Dear {{ customer_name }}\n", "format": "markdown"}
        }
        assert [after[key] for key in ("title", "target", "style", "active", "after", "from", "copy_to_admins")] == [
            *("Another", "admin", "plain", False, "2h30m", "Shop <s@example.com>", True)
        ]

    def test_what_is_there_is_there_to_be_changed(self, network: Program) -> None:
        install(network)
        prompter, said = asked(
            network, "emails", "edit", "receipt", script=("Subject", ENTER, "Content", ENTER, "Store")
        )
        assert prompter.prefilled == [
            "We got {{ payment_total }}",
            "Thank you, {{ customer_name }}: {{ payment_total }}.\n",
        ]
        assert "{{payment_id}}" in prompter.notes[0]
        assert "Nothing was changed" in said

    @pytest.mark.parametrize(
        ("choice", "wrong", "right", "complaint"),
        [
            ("Subject", "Paid {{ payment_totl }}", "Paid", "did you mean payment_total?"),
            ("Subject", "", "Paid", "needs at least"),
            ("Content", "Dear {{ customer_name", "Thanks", "line 1"),
            ("Title", "", "Another", "needs 1 to 255"),
            ("Delay", "soon", "3d", "no length of time"),
            ("Delay", "400d", "3d", "365 days"),
            ("From", "nobody", "s@example.com", "no email address"),
        ],
    )
    def test_what_will_not_do_is_told_at_its_question(
        self, network: Program, choice: str, wrong: str, right: str, complaint: str
    ) -> None:
        install(network)
        prompter, _ = asked(network, "emails", "edit", "receipt", script=(choice, wrong, right, "Store"))
        (told,) = prompter.complaints
        assert complaint in told

    @pytest.mark.parametrize(
        "script", [(BACK,), (STOP,), ("Subject", STOP), ("Subject", "Another", BACK), ("Subject", "Another", STOP)]
    )
    def test_whoever_leaves_stores_nothing(self, network: Program, script: tuple[Any, ...]) -> None:
        install(network)
        before = network.dump()
        _, said = asked(network, "emails", "edit", "receipt", script=script, code=130)
        assert network.dump() == before
        kept = network.folder / "receipt.rejected.md"
        assert kept.exists() == ("Another" in script)
        assert "Another" not in script or ("subject: Another" in kept.read_text() and str(kept) in said)

    def test_esc_at_a_question_leaves_its_answer_as_it_was(self, network: Program) -> None:
        install(network)
        script = ("Subject", back_after("Ano"), "Style", BACK, "Title", "Another", "Store")
        asked(network, "emails", "edit", "receipt", script=script)
        after = shown(network)
        assert (after["subject"], after["style"], after["title"]) == (
            "We got {{ payment_total }}",
            "default",
            "Another",
        )

    def test_it_can_be_looked_at_before_it_is_stored(self, network: Program) -> None:
        install(network)
        _, said = asked(
            network, "emails", "edit", "receipt", script=("Subject", "Paid {{ payment_total }}", "Look", BACK), code=130
        )
        assert "Paid €30.00" in said

    def test_the_language_that_is_edited_is_what_is_looked_at(self, network: Program) -> None:
        install(network)
        script = ("Subject", "Tack så mycket", "Look", "Store")
        _, said = asked(network, "emails", "edit", "receipt", "--locale", "sv", script=script)
        assert "Example Network - Tack så mycket" in said

    def test_what_was_changed_is_there_in_the_editor(self, network: Program, editor: MakeEditor) -> None:
        install(network)
        editor(saving("subject: From the editor"))
        asked(network, "emails", "edit", "receipt", script=("Title", "From the menu", "All of it in"))
        after = shown(network)
        assert (after["title"], after["subject"]) == ("From the menu", "From the editor")

    def test_what_cannot_be_stored_leads_back_to_the_menu_with_everything_there(self, network: Program) -> None:
        install(network, content="Dear {{ customer_nam }}")
        script = ("Title", "Another", "Store", "Content", "Dear {{ customer_name }}", "Store")

        _, said = asked(network, "emails", "edit", "receipt", script=script)

        assert "customer_nam is not known" in said
        assert shown(network)["title"] == "Another"


class TestNew:
    def test_an_email_of_ones_own_is_sent_after_its_event(self, network: Program, box: Box) -> None:
        ran(network, *flags())
        fire(network)
        ran(network, "outbox", "run")
        assert box.subjects == ["Example Network - Thank you"]
        assert box.text().startswith("Dear Anna Björk.")

    def test_every_setting_has_its_flag(self, network: Program) -> None:
        words = ("--description", "Later", "--style", "plain", "--inactive", "--after", "3d", "--copy-to-admins")
        result = ran(network, *flags(), *words, "--from", "s@example.com", "--content-format", "text")

        made = shown(network, "thanks")
        assert "thanks is installed and inactive" in result.err
        assert {key: made[key] for key in NEW if key != "content"} == {
            name: value for name, value in NEW.items() if name != "content"
        }
        assert [made[key] for key in ("description", "style", "active", "after", "from", "copy_to_admins")] == [
            *("Later", "plain", False, "3d", "s@example.com", True)
        ]
        assert made["texts"]["en"] == {
            "subject": "Thank you",
            "content": "Dear {{ customer_name }}.\n",
            "format": "text",
        }

    def test_off_a_terminal_everything_that_is_missing_is_listed(self, network: Program) -> None:
        said = refused(network, "emails", "new", "--style", "plain")
        assert all(f"  --{name}\n" in said for name in NEW)
        assert "ummsg emails new --help" in said

    @pytest.mark.parametrize("name", NEW)
    def test_off_a_terminal_one_that_is_missing_is_named_alone(self, network: Program, name: str) -> None:
        said = refused(network, *flags(**{name: None}))
        assert [line.strip() for line in said.splitlines() if line.startswith("  --")] == [f"--{name}"]

    def test_with_no_input_nobody_is_asked(self, network: Program) -> None:
        _, set_up = answering()
        assert "  --slug\n" in refused(network, "emails", "new", "--no-input", set_up=set_up)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"slug": "receipt"}, "The email receipt is installed already"),
            ({"slug": "My receipt"}, "slug: 'My receipt' is no slug"),
            ({"slug": "x" * 81}, "is no slug"),
            ({"event": "payment_recieved"}, "There is no event 'payment_recieved': did you mean payment_received?"),
            ({"content": "Dear {{ customer_nam }}"}, "content: customer_nam is not known"),
            ({"subject": "In {{ form_slug }}"}, "subject: form_slug is not known"),
        ],
    )
    def test_what_will_not_do_is_refused(self, network: Program, changes: dict[str, str], said: str) -> None:
        install(network)
        assert said in refused(network, *flags(**changes))

    def test_the_hint_for_a_slug_that_is_taken_can_be_typed(self, network: Program) -> None:
        ran(network, *flags())
        said = refused(network, *flags())
        assert "ummsg emails show thanks" in said
        assert "ummsg emails reset thanks" not in said  # it has no default to go back to

    ANSWERS = (
        "payment_received",
        "The customer",
        "Our thanks",
        ENTER,
        "Thank you",
        "Dear {{ customer_name }}.",
        "Make",
    )

    def test_on_a_terminal_what_is_missing_is_asked_for(self, network: Program) -> None:
        prompter, said = asked(network, "emails", "new", script=self.ANSWERS)
        assert prompter.asked == [
            *("After which event?", "To whom?", "Its name in lists:", "Its name in commands:"),
            *("Subject:", "Content (markdown):", "What now?"),
        ]
        assert prompter.prefilled[1] == "our_thanks"
        assert "our_thanks is installed and active" in said

    def test_what_the_flags_gave_is_not_asked_for(self, network: Program) -> None:
        prompter, _ = asked(network, *flags(subject=None), script=("Thank you", "Make"))
        assert prompter.asked == ["Subject:", "What now?"]

    @pytest.mark.parametrize(
        "script",
        [
            ANSWERS,
            (*ANSWERS[:4], "It's \"$HOME\" `x`", "Dear {{ customer_name }},\n\n- it's\n- $HOME\n", "Make"),
            (*ANSWERS[:4], "--to", "- a list", "Make"),
            (*ANSWERS[:-1], "Active", "Delay", "1d2h", "Copies", "From", "Shop <s@a.se>", "Style", "plain", "Make"),
            ("payment_failed", "The network's", "Fel på betalning", "failed", "Hej", "Hej då", "Make"),
        ],
        ids=["plain", "quotes", "dashes", "settings", "admins"],
    )  # fmt: skip
    def test_the_command_that_is_printed_makes_the_same_email(self, network: Program, script: tuple[Any, ...]) -> None:
        _, said = asked(network, "emails", "new", script=script)
        command = shlex.split(said.partition("$ ")[2].rpartition("\nNext: ")[0])
        slug = command[command.index("--slug") + 1]
        made = shown(network, slug)
        ran(network, "emails", "delete", slug, "--yes")

        assert command[:3] == ["ummsg", "emails", "new"]
        ran(network, *command[1:])

        assert {**shown(network, slug), "id": made["id"]} == made

    @pytest.mark.parametrize(("leave", "at"), [*((STOP, at) for at in range(7)), (BACK, 0), (BACK, 6)])
    def test_whoever_leaves_stores_nothing(self, network: Program, leave: Any, at: int) -> None:
        before = network.dump()
        asked(network, "emails", "new", script=(*self.ANSWERS[:at], leave), code=130)
        assert network.dump() == before

    def test_esc_goes_back_to_the_question_before(self, network: Program) -> None:
        again = ("Thanks from us", "our_other", BACK, BACK, *self.ANSWERS[2:])
        asked(network, "emails", "new", script=(*self.ANSWERS[:2], *again))
        assert shown(network, "our_thanks")["title"] == self.ANSWERS[2]

    def test_what_was_typed_is_in_a_file_when_it_ends_before_it_is_stored(self, network: Program) -> None:
        _, said = asked(
            network,
            "emails",
            "new",
            script=(
                *self.ANSWERS[:5],
                stop_after("A long text."),
            ),
            code=130,
        )
        kept = network.folder / "email.rejected.md"
        assert kept.read_text().endswith("---\nA long text.\n")
        assert str(kept) in said

    @pytest.mark.parametrize(
        ("at", "wrong", "complaint"),
        [
            (2, "", "needs 1 to 255"),
            (3, "My receipt", "is no slug"),
            (3, "receipt", "there is an email receipt already"),
            (4, "", "needs at least"),
            (5, "Dear {{ customer_nam }}", "did you mean customer_name?"),
        ],
        ids=["title", "slug", "slug that is taken", "subject", "content"],
    )
    def test_what_will_not_do_is_told_at_its_question(
        self, network: Program, at: int, wrong: str, complaint: str
    ) -> None:
        install(network)
        prompter, _ = asked(network, "emails", "new", script=(*self.ANSWERS[:at], wrong, *self.ANSWERS[at:]))
        (told,) = prompter.complaints
        assert complaint in told

    def test_what_cannot_be_made_leads_back_to_the_menu_with_everything_there(self, network: Program) -> None:
        script = (*self.ANSWERS[:2], "our_thanks", *self.ANSWERS[4:], "Title", "Thanks", "Make")
        _, said = asked(network, "emails", "new", "--title", " ", script=script)
        assert "title: needs 1 to 255" in said
        assert shown(network, "our_thanks")["title"] == "Thanks"


class TestPreview:
    def test_the_example_of_the_event_fills_it_in(self, network: Program) -> None:
        install(network)
        result = ran(network, "emails", "preview", "receipt")
        assert "Message · en" in result.out
        assert "To: Anna Björk <anna@example.com>" in result.out
        assert "Example Network - We got €30.00" in result.out
        assert "Thank you, Anna Björk: €30.00." in result.out

    def test_a_customer_takes_the_place_of_the_examples(self, network: Program) -> None:
        install(network, content="Dear {{ customer_name }} in {{ customer_city }}, of {{ customer_id }}.")
        result = ran(network, "emails", "preview", "receipt", "--customer", "cleo@example.com")
        assert "To: Cléo Dubois <cleo@example.com>" in result.out
        assert "Dear Cléo Dubois in Lyon, of 3." in result.out

    @pytest.mark.parametrize("source", ["file", "-", "pairs"])
    def test_a_payload_fills_it_in(self, network: Program, source: str) -> None:
        install(network)
        content = json.dumps(PAYMENT | {"customer_id": 2})
        words = {
            "file": ["--payload", str(network.write("payload.json", content))],
            "-": ["--payload", "-"],
            "pairs": ["--payload", "customer_id=2", "--payload", "payment_id=7", "--payload", "payment_total=€29.00"],
        }

        result = ran(network, "emails", "preview", "receipt", *words[source], stdin=content)

        assert "To: Bo Ek <bo@example.com>" in result.out
        assert "Thank you, Bo Ek: €29.00." in result.out

    def test_it_is_addressed_as_the_event_would_send_it(self, network: Program, box: Box) -> None:
        install(network)
        payload = PAYMENT | {"customer_id": 2, "customer_user_email": "bo.new@example.com"}
        fire(network, **payload)
        ran(network, "outbox", "run")
        assert box.recipients == ["bo.new@example.com"]

        result = ran(network, "emails", "preview", "receipt", "--payload", network.folder / "payload.json")

        assert "To: Bo Ek <bo.new@example.com>" in result.out

    def test_what_goes_to_the_admins_is_addressed_to_one_of_them(self, network: Program) -> None:
        network.environ["UMMSG_ADMIN_EMAILS"] = "Ada <ada@example.org>"
        install(network, target="admin")
        result = ran(network, "emails", "preview", "receipt")
        assert "To: Ada <ada@example.org>" in result.out
        assert "Thank you, Anna Björk" in result.out

    @pytest.mark.parametrize(
        ("payload", "said"),
        [
            ('{"payment_id": 7}', "payment_total: is required"),
            ('{"payment_id": "seven", "payment_total": "1"}', "payment_id: is 'seven', which is no integer"),
            ("[]", "must be one JSON object"),
            ("{", "payload.json"),
        ],
    )
    def test_a_payload_that_is_not_the_events_is_refused(self, network: Program, payload: str, said: str) -> None:
        install(network)
        file = network.write("payload.json", payload)
        assert said in refused(network, "emails", "preview", "receipt", "--payload", file)

    def test_a_language_is_chosen_by_name(self, network: Program) -> None:
        install(network, texts={"en": EmailText("Hello", "Good day."), "sv": EmailText("Hej", "God dag.")})
        result = ran(network, "emails", "preview", "receipt", "--locale", "sv")
        assert "Message · sv" in result.out
        assert "God dag." in result.out

    def test_a_language_that_it_does_not_have_is_refused(self, network: Program) -> None:
        install(network)
        said = refused(network, "emails", "preview", "receipt", "--locale", "fi")
        assert "receipt has no text in 'fi'" in said
        assert "there are en" in said

    def test_a_customer_sees_their_own_language(self, network: Program) -> None:
        install(network, texts={"en": EmailText("Hello", "Good day."), "sv": EmailText("Hej", "God dag.")})
        network("customers", "import", network.write("c.csv", "id,email,locale\n2,bo@example.com,sv_SE\n"))
        assert "God dag." in ran(network, "emails", "preview", "receipt", "--customer", "2").out

    def test_the_html_goes_into_a_file(self, network: Program) -> None:
        install(network)
        file = network.folder / "mail.html"
        result = ran(network, "emails", "preview", "receipt", "--html", file)
        assert f"Written to {file}" in result.err
        assert result.out == ""
        html = file.read_text()
        assert html.startswith("<!DOCTYPE html>")
        assert "Thank you, Anna Björk: €30.00." in html

    def test_the_plain_style_has_no_html(self, network: Program) -> None:
        install(network, style="plain")
        file = network.folder / "mail.html"
        said = refused(network, "emails", "preview", "receipt", "--html", file)
        assert "it has no HTML" in said
        assert not file.exists()
        assert "Thank you, Anna Björk" in ran(network, "emails", "preview", "receipt").out

    def test_a_file_that_cannot_be_written_is_told(self, network: Program) -> None:
        install(network)
        file = network.folder / "nowhere" / "mail.html"
        assert f"{file} cannot be written" in refused(network, "emails", "preview", "receipt", "--html", file)

    def test_a_value_of_the_event_that_is_empty_is_told_with_what_to_type(self, network: Program) -> None:
        install(network, content="See {{ payment_invoice_url }}")
        payload = network.write("payload.json", json.dumps(PAYMENT))
        said = refused(network, "emails", "preview", "receipt", "--payload", payload)
        assert "payment_invoice_url" in said
        assert '{{ payment_invoice_url or "…" }}' in said

    def test_a_value_that_only_the_directory_knows_is_told_with_the_flag_that_gives_it(self, network: Program) -> None:
        install(network, content="Dear friend in {{ customer_city }}.")
        said = refused(network, "emails", "preview", "receipt")
        assert "customer_city" in said
        assert "--customer" in said


class TestSendingATest:
    def test_it_goes_out_marked_and_nothing_counts_it(self, network: Program, box: Box) -> None:
        install(network)
        before = network.dump()

        result = ran(network, "emails", "test", "receipt", "--to", "me@example.com", "--customer", "2")

        (message,) = box
        assert box.recipients == ["me@example.com"]
        assert message["X-Ummsg-Test"] == "yes"
        assert box.subjects == ["[Test] Example Network - We got €30.00"]
        assert box.text().startswith("Thank you, Bo Ek")
        assert "receipt, to me@example.com: accepted" in result.err
        assert network.dump() == before
        assert (listed(network)["receipt"]["sent"], listed(network)["receipt"]["last_sent"]) == (0, None)

    def test_the_plain_style_has_no_html(self, network: Program, box: Box) -> None:
        install(network, style="plain")
        ran(network, "emails", "test", "receipt", "--to", "me@example.com")
        (message,) = box
        assert message.get_content_type() == "text/plain"

    def test_one_that_is_switched_off_can_be_tried(self, network: Program, box: Box) -> None:
        install(network, active=False)
        ran(network, "emails", "test", "receipt", "--to", "me@example.com")
        assert box.recipients == ["me@example.com"]

    def test_nobody_but_the_address_gets_it(self, network: Program, box: Box) -> None:
        install(network, target="admin", copy_to_admins=True)
        ran(network, "emails", "test", "receipt", "--to", "me@example.com")
        assert box.recipients == ["me@example.com"]

    @pytest.mark.parametrize("to", ["nobody", "", "a@example.com, b@example.com", "a@example.com\nBcc: b@example.com"])
    def test_an_address_that_is_none_is_refused(self, network: Program, box: Box, to: str) -> None:
        install(network)
        refused(network, "emails", "test", "receipt", "--to", to)
        assert box.recipients == []

    def test_without_an_address_it_says_what_is_missing(self, network: Program) -> None:
        install(network)
        assert "--to" in refused(network, "emails", "test", "receipt")

    def test_a_server_that_refuses_is_told_with_its_words(self, network: Program, smtp_server: SmtpServer) -> None:
        network.environ["UMMSG_MAIL_URL"] = smtp_server.url
        smtp_server.script("RCPT", "550 5.1.1 no such user", recipient="me@example.com")
        install(network)

        result = network("emails", "test", "receipt", "--to", "me@example.com")

        assert result.code == 3
        assert "no such user" in result.err
        assert network.rows("SELECT count(*) FROM deliveries") == [(0,)]

    def test_without_a_sender_it_says_what_to_set(self, network: Program, box: Box) -> None:
        install(network)
        del network.environ["UMMSG_FROM"]
        assert "UMMSG_FROM" in refused(network, "emails", "test", "receipt", "--to", "me@example.com", code=4)


class TestSwitching:
    def test_what_is_off_is_not_sent_and_what_is_on_again_is(self, network: Program, box: Box) -> None:
        install(network)

        ran(network, "emails", "disable", "receipt")
        off = fire(network)
        ran(network, "emails", "enable", "receipt")
        fire(network)
        ran(network, "outbox", "run")

        assert "No active email is bound to payment_received" in off.err
        assert box.recipients == ["anna@example.com"]

    @pytest.mark.parametrize("command", ["enable", "disable"])
    def test_twice_is_once(self, network: Program, command: str) -> None:
        install(network)
        ran(network, "emails", command, "receipt")
        before = network.dump()
        ran(network, "emails", command, "receipt")
        assert network.dump() == before

    def test_what_cannot_be_sent_cannot_be_switched_on(self, network: Program) -> None:
        install(network, content="Dear {{ customer_nam }}", active=False)
        assert "customer_nam is not known" in refused(network, "emails", "enable", "receipt")

    def test_what_cannot_be_sent_can_be_switched_off(self, network: Program) -> None:
        install(network, content="Dear {{ customer_nam }}")
        ran(network, "emails", "disable", "receipt")
        assert shown(network)["active"] is False


class TestList:
    def test_its_columns(self, network: Program) -> None:
        install(network)
        head, *rows = ran(network, "emails", "list").out.splitlines()
        assert head.split() == ["slug", "event", "target", "active", "state", "sent", "failed", "last", "sent"]
        (row,) = [row for row in rows if row.startswith("receipt")]
        assert row.split() == ["receipt", "payment_received", "customer", "yes", "no", "default", "0", "0", "–"]

    def test_its_keys(self, network: Program) -> None:
        install(network)
        assert list(listed(network)["receipt"])[:10] == [
            *("slug", "event", "target", "title", "subject", "active", "state", "sent", "failed", "last_sent")
        ]
        assert listed(network)["receipt"]["title"] == "The receipt"

    def test_the_numbers_are_what_became_of_its_messages(self, network: Program, box: Box) -> None:
        install(network, content="Paid by {{ payment_gateway }}")
        install(network, "quiet", event="payment_failed")

        fire(network)
        fire(network, customer_id=2)
        fire(network, payment_gateway="")
        queued = listed(network)["receipt"]
        ran(network, "outbox", "run")
        sent = listed(network)["receipt"]

        assert (queued["queued"], queued["sent"], queued["failed"], queued["last_sent"]) == (2, 0, 1, None)
        assert (sent["queued"], sent["sent"], sent["failed"]) == (0, 2, 1)
        assert sent["last_sent"] == "2026-11-23T12:00:00Z"
        assert (listed(network)["quiet"]["sent"], listed(network)["quiet"]["last_sent"]) == (0, None)
        assert shown(network)["counts"]["targeted"] == 3

    @pytest.mark.parametrize(
        ("options", "slugs"),
        [
            (["--event", "payment_received"], {"receipt", "sale"}),
            (["--target", "admin"], {"sale"}),
            (["--event", "payment_received", "--target", "customer"], {"receipt"}),
            (["--event", "checkout_failed"], set()),
        ],
    )
    def test_it_can_be_narrowed(self, network: Program, options: list[str], slugs: set[str]) -> None:
        install(network)
        install(network, "sale", target="admin")
        install(network, "other", event="payment_failed", subject="Failed", content="Failed.")
        assert set(listed(network, *options)) == slugs

    def test_an_event_that_is_not_known_is_told_with_the_closest_one(self, network: Program) -> None:
        said = refused(network, "emails", "list", "--event", "payment_recieved")
        assert "There is no event 'payment_recieved'" in said
        assert "did you mean payment_received?" in said

    def test_the_slugs_alone_can_be_piped(self, network: Program) -> None:
        install(network)
        assert ran(network, "emails", "list", "--format", "ids").out.split() == ["confirm_email_address", "receipt"]

    @pytest.mark.parametrize("locale", ["en", "sv"])
    def test_the_subject_is_that_of_the_networks_language(self, network: Program, locale: str) -> None:
        install(network, texts={"en": EmailText("Hello", "Good day."), "sv": EmailText("Hej", "God dag.")})
        network.environ["UMMSG_LOCALE"] = locale
        assert listed(network)["receipt"]["subject"] == {"en": "Hello", "sv": "Hej"}[locale]


class TestShow:
    def test_its_settings_texts_and_placeholders(self, network: Program) -> None:
        install(network, texts={"en": EmailText("Hello", "Good day."), "sv": EmailText("Hej", "God dag.")})
        result = ran(network, "emails", "show", "receipt")
        for text in ("payment_received", "payment_total", "customer_city", "network_name", "Good day.", "God dag."):
            assert text in result.out

    def test_where_its_default_is_from(self, network: Program) -> None:
        ran(network, "emails", "import", "payment_received_customer")
        install(network)
        assert shown(network, "payment_received_customer")["default"] == "version 1, from ummsg"
        assert shown(network)["default"] is None

    def test_what_a_text_holds_cannot_move_the_cursor(self, network: Program) -> None:
        install(network, content="Good \x1b[2Jday")
        result = ran(network, "emails", "show", "receipt")
        assert "Good " in result.out
        assert "\x1b" not in result.out


class TestDelete:
    def test_off_a_terminal_it_has_to_be_confirmed(self, network: Program) -> None:
        install(network)
        assert "--yes" in refused(network, "emails", "delete", "receipt")

    def test_it_says_what_goes_and_what_to_do_instead(self, network: Program, box: Box) -> None:
        ran(network, "emails", "import", "payment_received_customer")
        fire(network)
        ran(network, "outbox", "run")
        fire(network)

        said = refused(network, "emails", "delete", "payment_received_customer")

        assert "Its numbers go with it: 1 sent, 0 failed" in said
        assert "1 waiting will not be sent" in said
        assert "ummsg emails reset payment_received_customer" in said

    def test_an_email_without_a_default_is_not_told_to_be_reset(self, network: Program) -> None:
        install(network)
        assert "reset" not in refused(network, "emails", "delete", "receipt")

    @pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 130)])
    def test_on_a_terminal_they_are_asked(self, network: Program, answer: bool, code: int) -> None:
        install(network)
        prompter, _ = asked(network, "emails", "delete", "receipt", script=(answer,), code=code)
        assert prompter.asked == ["Delete the email receipt?"]
        assert ("receipt" in listed(network)) is not answer

    def test_imported_again_it_starts_from_zero(self, network: Program, box: Box) -> None:
        ran(network, "emails", "import", "payment_received_customer")
        ran(network, "emails", "edit", "payment_received_customer", "--subject", "Another")
        fire(network)
        ran(network, "outbox", "run")
        assert listed(network)["payment_received_customer"]["sent"] == 1

        ran(network, "emails", "delete", "payment_received_customer", "--yes")
        assert "payment_received_customer" not in listed(network)
        ran(network, "emails", "import", "payment_received_customer")

        row = listed(network)["payment_received_customer"]
        assert (row["sent"], row["last_sent"], row["state"]) == (0, None, "as default")
        assert json.loads(ran(network, "emails", "history", row["slug"], "--format", "json").out) == []

    def test_what_waits_of_it_is_not_sent(self, network: Program, box: Box) -> None:
        install(network)
        install(network, "other")
        fire(network)
        ran(network, "emails", "delete", "receipt", "--yes")
        ran(network, "outbox", "run")
        assert len(box.recipients) == 1
        assert listed(network)["other"]["sent"] == 1
