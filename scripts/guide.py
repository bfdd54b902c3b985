"""Run the commands of docs/system-emails.md and write what they print below them; with --check, fail if it differs.

python scripts/guide.py [--check]

A line `$ …` in a ```console block is run by a shell, in one temporary folder for the whole page; what follows it, up to
the next one, is what it prints, times apart. `<!-- file: NAME -->` before a block writes the block into a file first.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "system-emails.md"
_BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<content>.*?)```", re.DOTALL)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\s+UTC|\+00:00|Z)")


def run_again(page: str, folder: Path) -> str:
    """The page with what its commands print now."""

    def block(found: re.Match[str]) -> str:
        if found["file"]:
            (folder / found["file"]).write_text(found["content"], encoding="utf-8")
        if found["kind"] != "console":
            return found[0]
        return f"```console\n{''.join(_printed(found['content'], folder))}```"

    return _BLOCK.sub(block, page)


def _printed(content: str, folder: Path) -> Iterator[str]:
    for line in content.splitlines():
        if not line.startswith("$ "):
            continue
        yield f"{line}\n"
        done = subprocess.run(
            ["bash", "-c", line.removeprefix("$ ")],
            cwd=folder,
            env=_environ(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        output = done.stdout.replace(f"{folder}/", "/srv/ummsg/")
        yield "".join(f"{printed.rstrip()}\n" for printed in output.rstrip().splitlines())


def _environ(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "80",
    }


def main() -> int:
    before = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        after = run_again(before, Path(folder).resolve())
    if _MOMENT.sub("", before) == _MOMENT.sub("", after):
        return 0
    if "--check" in sys.argv:
        import difflib

        print("".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), "page", "program", n=1)))
        print(f"{PAGE.name}: not what the program prints; run python scripts/guide.py", file=sys.stderr)
        return 1
    PAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
