"""The terminal prompter, driven through prompt_toolkit's pipe input."""

import io
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from ummsg.cli.asking import Back, Choice, Line
from ummsg.cli.editor import edit_file
from ummsg.cli.prompter import TerminalPrompter
from ummsg.errors import Cancelled, InvalidInput

DOWN, ENTER, ESC, CTRL_C, CTRL_D, CTRL_O = "\x1b[B", "\r", "\x1b", "\x03", "\x04", "\x0f"
COLOURS = [Choice("red", "Red"), Choice("green", "Green", "▌", "#00ff00"), Choice("blue", "Blue")]

_ALL = ["red", "green", "blue"]


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeInput]:
    monkeypatch.setenv("TERM", "xterm")
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


@pytest.fixture
def prompter() -> TerminalPrompter:
    return TerminalPrompter()


class TestSelect:
    @pytest.mark.parametrize(
        ("keys", "at", "chosen"),
        [(ENTER, None, "red"), (DOWN + ENTER, None, "green"), (ENTER, "blue", "blue"), (DOWN + ENTER, "blue", "red")],
    )
    def test_arrows_and_enter_choose(
        self, keyboard: PipeInput, prompter: TerminalPrompter, keys: str, at: str | None, chosen: str
    ) -> None:
        keyboard.send_text(keys)
        assert prompter.select("Which?", COLOURS, at=at) == chosen

    def test_a_key_answers_at_once(self, keyboard: PipeInput, prompter: TerminalPrompter) -> None:
        keyboard.send_text("n")
        assert prompter.select("Which?", COLOURS, keys={"n": "next", "right": "next"}) == "next"
        keyboard.send_text("\x1b[C")
        assert prompter.select("Which?", COLOURS, keys={"n": "next", "right": "after"}) == "after"

    @pytest.mark.parametrize(("key", "error"), [(ESC, Back), (CTRL_C, Cancelled)])
    def test_it_can_be_left(self, keyboard: PipeInput, prompter: TerminalPrompter, key: str, error: Any) -> None:
        keyboard.send_text(key)
        with pytest.raises(error):
            prompter.select("Which?", COLOURS)


class TestChoose:
    @pytest.mark.parametrize(
        ("keys", "chosen"),
        [(" " + ENTER, ["red"]), (" " + DOWN + DOWN + " " + ENTER, ["red", "blue"]), ("a" + ENTER, _ALL)],
        ids=["one", "several", "all"],
    )
    def test_space_chooses_and_enter_goes_on(
        self, keyboard: PipeInput, prompter: TerminalPrompter, keys: str, chosen: list[str]
    ) -> None:
        keyboard.send_text(keys)
        assert prompter.choose("Which?", COLOURS) == chosen

    def test_none_is_no_answer(self, keyboard: PipeInput, prompter: TerminalPrompter) -> None:
        keyboard.send_text(ENTER + DOWN + " " + ENTER)
        assert prompter.choose("Which?", COLOURS) == ["green"]

    @pytest.mark.parametrize(("key", "error"), [(ESC, Back), (CTRL_C, Cancelled)])
    def test_it_can_be_left(self, keyboard: PipeInput, prompter: TerminalPrompter, key: str, error: Any) -> None:
        keyboard.send_text(" " + key)
        with pytest.raises(error):
            prompter.choose("Which?", COLOURS)


def line(kept: list[str], typed: str = "") -> Line:
    return Line("Subject:", typed, complain=lambda text: "" if len(text.strip()) > 1 else "too short", keep=kept.append)


class TestText:
    def test_what_stands_there_can_be_accepted_or_added_to(
        self, keyboard: PipeInput, prompter: TerminalPrompter
    ) -> None:
        keyboard.send_text(ENTER)
        assert prompter.text(line([], "Hello")) == "Hello"
        keyboard.send_text(" you " + ENTER)
        assert prompter.text(line([], "Hello")) == "Hello you"

    def test_what_does_not_do_is_not_accepted(self, keyboard: PipeInput, prompter: TerminalPrompter) -> None:
        keyboard.send_text("H" + ENTER + "i" + ENTER)
        assert prompter.text(line([])) == "Hi"

    @pytest.mark.parametrize(("key", "error"), [(ESC, Back), (CTRL_C, Cancelled)])
    def test_what_was_typed_is_kept_when_it_is_left(
        self, keyboard: PipeInput, prompter: TerminalPrompter, key: str, error: Any
    ) -> None:
        kept: list[str] = []
        keyboard.send_text("o" + key)
        with pytest.raises(error):
            prompter.text(line(kept, "Hell"))
        assert kept == ["Hello"]


class TestContent:
    def test_enter_begins_a_line_and_ctrl_d_ends_the_text(
        self, keyboard: PipeInput, prompter: TerminalPrompter
    ) -> None:
        keyboard.send_text("Dear all," + ENTER + ENTER + "bye" + CTRL_D)
        assert prompter.content(line([]), suffix=".md") == "Dear all,\n\nbye"

    def test_ctrl_d_does_not_end_what_does_not_do(self, keyboard: PipeInput, prompter: TerminalPrompter) -> None:
        keyboard.send_text(CTRL_D + "x" + CTRL_D + "y" + CTRL_D)
        assert prompter.content(line([]), suffix=".md") == "xy"

    @pytest.mark.parametrize(("key", "error"), [(ESC, Back), (CTRL_C, Cancelled)])
    def test_what_was_typed_is_kept_when_it_is_left(
        self, keyboard: PipeInput, prompter: TerminalPrompter, key: str, error: Any
    ) -> None:
        kept: list[str] = []
        keyboard.send_text("one" + ENTER + "two" + key)
        with pytest.raises(error):
            prompter.content(line(kept), suffix=".md")
        assert kept == ["one\ntwo"]

    @pytest.mark.parametrize(
        ("command", "text"),
        [
            ("sed -i s/all/everyone/", "Dear everyone!"),
            ("false", "Dear all!"),
            ("/nowhere/editor", "Dear all!"),
            ("truncate -s 0", "Dear all!"),
        ],
    )
    def test_ctrl_o_takes_the_text_to_the_editor_and_back(
        self,
        keyboard: PipeInput,
        prompter: TerminalPrompter,
        monkeypatch: pytest.MonkeyPatch,
        command: str,
        text: str,
    ) -> None:
        """An editor that fails leaves the text as it was."""
        monkeypatch.setenv("VISUAL", command)

        def edit_and_type_on(text: str, suffix: str) -> str:
            keyboard.send_text("!" + CTRL_D)
            return edit_file(text, suffix)

        monkeypatch.setattr("ummsg.cli.editor.edit_file", edit_and_type_on)
        keyboard.send_text("Dear all" + CTRL_O)
        assert prompter.content(line([]), suffix=".md") == text


class TestConfirm:
    @pytest.mark.parametrize(("keys", "agreed"), [("y", True), ("n", False), (ENTER, False), (ESC, False)])
    def test_only_yes_is_yes(self, keyboard: PipeInput, prompter: TerminalPrompter, keys: str, agreed: bool) -> None:
        keyboard.send_text(keys)
        assert prompter.confirm("Sure?") is agreed

    def test_ctrl_c_cancels(self, keyboard: PipeInput, prompter: TerminalPrompter) -> None:
        keyboard.send_text(CTRL_C)
        with pytest.raises(Cancelled):
            prompter.confirm("Sure?")

    def test_where_nobody_is_there_only_a_flag_agrees(self, prompter: TerminalPrompter) -> None:
        assert not prompter.interactive
        prompter.confirm_destructive("Delete it?", yes=True)
        with pytest.raises(InvalidInput, match="nobody is there") as error:
            prompter.confirm_destructive("Delete it?", yes=False)
        assert "--yes" in error.value.hint


class TestDumbTerminal:
    """TERM=dumb cannot move its cursor: nothing is drawn there."""

    @pytest.fixture(autouse=True)
    def dumb(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "dumb")

    @pytest.mark.parametrize(
        ("typed", "default", "agreed"),
        [
            ("y\n", False, True),
            ("YES\n", False, True),
            ("n\n", True, False),
            ("what\n", True, False),
            ("\n", False, False),
            ("\n", True, True),
        ],
    )
    def test_yes_and_no_are_a_plain_line(
        self,
        prompter: TerminalPrompter,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        typed: str,
        default: bool,
        agreed: bool,
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert prompter.confirm("Sure?", default=default) is agreed
        assert capsys.readouterr().err == ("Sure? (Y/n) " if default else "Sure? (y/N) ")

    def test_the_end_of_input_cancels(self, prompter: TerminalPrompter, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(Cancelled):
            prompter.confirm("Sure?")

    def test_other_questions_are_left_to_the_options(self, prompter: TerminalPrompter) -> None:
        with pytest.raises(InvalidInput, match="TERM=dumb") as error:
            prompter.select("Which?", COLOURS)
        assert "--help" in error.value.hint


def test_importing_the_prompter_imports_no_terminal_library() -> None:
    code = "import sys, ummsg.cli.prompter; print({'questionary', 'prompt_toolkit', 'rich'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "set()"
