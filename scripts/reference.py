"""Write docs/cli.md and the table in docs/settings.md from the program; with --check, fail if they are not up to date.

python scripts/reference.py [--check]
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from ummsg.cli.main import app
from ummsg.config import SETTINGS, Setting

DOCS = Path(__file__).parent.parent / "docs"
CLI_HEAD = """\
# Commands

What `ummsg COMMAND --help` prints, for every command. Made by `python scripts/reference.py`; CI checks that it is up to
date. Exit codes and JSON keys are explained in [automation.md](automation.md).
"""
TABLE_MARK = "<!-- made by scripts/reference.py -->\n"


def cli() -> str:
    root = typer.main.get_command(app)
    context = typer.Context(
        root, info_name="ummsg", terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"]
    )
    return CLI_HEAD + "".join(_pages(root, context))


def _pages(command: Any, context: Any) -> Iterator[str]:
    depth = context.command_path.count(" ") + 2
    yield f"\n{'#' * depth} {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
    for name in getattr(command, "list_commands", lambda _: [])(context):
        child = command.get_command(context, name)
        yield from _pages(child, typer.Context(child, info_name=name, parent=context, terminal_width=100))


def settings() -> str:
    """docs/settings.md with its table made anew; the words around it are written by hand."""
    before, _, after = (DOCS / "settings.md").read_text(encoding="utf-8").split(TABLE_MARK)
    rows = "".join(map(_row, SETTINGS))
    table = f"\n| variable | what for | default | example |\n|---|---|---|---|\n{rows}\n"
    return f"{before}{TABLE_MARK}{table}{TABLE_MARK}{after}"


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else "–"
    example = f"`{setting.example}`" if setting.example else ""
    return f"| `{setting.variable}` | {setting.help} | {default} | {example} |\n"


def main() -> int:
    stale = []
    for name, text in (("cli.md", cli()), ("settings.md", settings())):
        page = DOCS / name
        if page.exists() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            page.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(
            f"docs/{', docs/'.join(stale)}: not what the program says; run python scripts/reference.py", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
