"""Long texts in an editor: real programs that edit, fail, or are not there."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ummsg.cli.editor import edit_file, edit_text, editor_command
from ummsg.errors import InvalidInput
from ummsg.vocabulary import ContentFormat

MakeEditor = Callable[[str], Path]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeEditor:
    """Makes `$EDITOR` a shell script with this body; the file to edit is its "$1"."""
    monkeypatch.delenv("VISUAL", raising=False)

    def make(body: str) -> Path:
        script = tmp_path / "my editor"
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        monkeypatch.setenv("EDITOR", f"'{script}'")
        return script

    return make


def test_what_the_editor_saves_comes_back(editor: MakeEditor) -> None:
    editor('printf "Grüße\\nan alle\\n" >> "$1"')
    assert edit_text("Dear all\n", ContentFormat.MARKDOWN) == "Dear all\nGrüße\nan alle\n"


def test_the_newline_that_editors_add_is_not_part_of_the_text(editor: MakeEditor) -> None:
    editor('echo >> "$1"')
    assert edit_text("Dear all", ContentFormat.MARKDOWN) == "Dear all"


@pytest.mark.parametrize(
    ("format", "suffix"),
    [(ContentFormat.MARKDOWN, ".md"), (ContentFormat.HTML, ".html"), (ContentFormat.TEXT, ".txt")],
)
def test_the_file_is_named_for_its_format(editor: MakeEditor, format: ContentFormat, suffix: str) -> None:
    editor('printf "%s" "$1" > "$1"')
    assert edit_text("x", format).endswith(suffix)


def test_nobody_else_can_read_the_file_and_it_is_gone_afterwards(editor: MakeEditor, tmp_path: Path) -> None:
    editor(f'dirname "$1" > "$1"; stat -c %a "$(cat "$1")" > {tmp_path}/mode')
    folder = Path(edit_file("x", ".md"))
    assert stat.S_IMODE(int((tmp_path / "mode").read_text(), 8)) == 0o700
    assert not folder.exists()


def test_visual_goes_before_editor_and_may_have_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "code --wait 'a b'")
    monkeypatch.setenv("EDITOR", "vi")
    assert editor_command() == ["code", "--wait", "a b"]


def test_without_a_setting_the_first_editor_of_the_machine_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", " ")
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidInput, match="no editor") as none:
        editor_command()
    assert none.value.hint == "export EDITOR=nano"
    (tmp_path / "vi").touch(mode=0o755)
    assert editor_command() == ["vi"]
    (tmp_path / "nano").touch(mode=0o755)
    assert editor_command() == ["nano"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("exit 3", "exit code 3"),
        ('echo changed > "$1"; exit 1', "exit code 1"),
        (': > "$1"', "left nothing"),
        ('printf " \\n\\n" > "$1"', "left nothing"),
        ('rm "$1"', "left nothing"),
        ('printf "\\377\\376" > "$1"', "not UTF-8"),
    ],
)
def test_an_editor_that_fails_says_so(editor: MakeEditor, body: str, message: str) -> None:
    editor(body)
    with pytest.raises(InvalidInput, match=message) as error:
        edit_text("Dear all", ContentFormat.MARKDOWN)
    assert "the text is as it was" in error.value.what


@pytest.mark.parametrize("command", ["/nowhere/editor", "/etc/hostname"])
def test_an_editor_that_is_missing_says_what_to_type(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("VISUAL", command)
    with pytest.raises(InvalidInput, match="cannot be started") as error:
        edit_text("Dear all", ContentFormat.MARKDOWN)
    assert command in error.value.what
    assert error.value.hint == "export EDITOR=nano"


def test_a_setting_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "vi 'unfinished")
    with pytest.raises(InvalidInput, match=r"\$VISUAL"):
        editor_command()
