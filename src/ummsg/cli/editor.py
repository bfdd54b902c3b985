"""Long texts in the operator's own editor."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ummsg.errors import InvalidInput
from ummsg.vocabulary import ContentFormat

SUFFIXES = {ContentFormat.MARKDOWN: ".md", ContentFormat.HTML: ".html", ContentFormat.TEXT: ".txt"}
FALLBACKS = ("sensible-editor", "nano", "vim", "vi")


def edit_text(text: str, format: ContentFormat) -> str:
    """`text` as the operator leaves it in their editor, in a file named for its format.

    Raises InvalidInput if the editor is missing, fails, or leaves nothing; the caller still has `text`.
    """
    return edit_file(text, SUFFIXES[format])


def edit_file(text: str, suffix: str) -> str:
    """As `edit_text`, by the suffix of the temporary file. The file is the operator's alone, and gone afterwards."""
    command = editor_command()
    with tempfile.TemporaryDirectory(prefix="ummsg-") as folder:
        file = Path(folder) / f"message{suffix}"
        file.write_text(text, encoding="utf-8")
        _run([*command, str(file)])
        edited = _read(file, command[0])
    if not edited.strip():
        raise InvalidInput(f"{command[0]} left nothing; the text is as it was")
    return edited if text.endswith("\n") else edited.removesuffix("\n")


def editor_command() -> list[str]:
    """`$VISUAL`, else `$EDITOR`, else the first editor that this machine has. Raises InvalidInput for none."""
    for name in ("VISUAL", "EDITOR"):
        if chosen := os.environ.get(name, "").strip():
            return _split(name, chosen)
    for fallback in FALLBACKS:
        if shutil.which(fallback):
            return [fallback]
    raise InvalidInput("There is no editor here; the text is as it was", hint="export EDITOR=nano")


def _split(name: str, chosen: str) -> list[str]:
    try:
        return shlex.split(chosen)
    except ValueError as error:
        raise InvalidInput(f"${name} cannot be read: {chosen} ({error})", hint="export EDITOR=nano") from None


def _run(command: list[str]) -> None:
    # An editor needs the terminal even when what ummsg prints goes into a pipe.
    stdout = sys.stderr if not sys.stdout.isatty() and sys.stderr.isatty() else None
    try:
        code = subprocess.run(command, stdout=stdout, check=False).returncode
    except OSError as error:
        raise InvalidInput(
            f"The editor {command[0]} cannot be started ({error.strerror}); the text is as it was",
            hint="export EDITOR=nano",
        ) from None
    if code != 0:
        raise InvalidInput(f"{command[0]} ended with exit code {code}; the text is as it was")


def _read(file: Path, editor: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise InvalidInput(f"What {editor} saved is not UTF-8 text; the text is as it was") from None
