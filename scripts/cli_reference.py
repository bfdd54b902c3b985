"""Write docs/cli.md from the program itself; with --check, fail if it is not up to date.

python scripts/cli_reference.py [--check]
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from ummsg.cli.main import app

TARGET = Path(__file__).parent.parent / "docs" / "cli.md"
HEAD = """\
# Commands

What `ummsg COMMAND --help` prints, for every command. Made by `python scripts/cli_reference.py`; CI checks that it is
up to date. Exit codes and JSON keys are explained in [automation.md](automation.md).
"""


def reference() -> str:
    root = typer.main.get_command(app)
    context = typer.Context(root, info_name="ummsg", terminal_width=100, max_content_width=100)
    return HEAD + "".join(_pages(root, context))


def _pages(command: Any, context: Any) -> Iterator[str]:
    depth = context.command_path.count(" ") + 2
    yield f"\n{'#' * min(depth, 4)} {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
    for name in getattr(command, "list_commands", lambda _: [])(context):
        child = command.get_command(context, name)
        yield from _pages(child, typer.Context(child, info_name=name, parent=context, terminal_width=100))


def main() -> int:
    text = reference()
    if "--check" not in sys.argv:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print("docs/cli.md is not what the program says: run python scripts/cli_reference.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
