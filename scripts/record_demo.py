"""Record `ummsg demo` in a real terminal as docs/demo.svg, the picture at the top of the README.

python scripts/record_demo.py
"""

import io
import re
import sys
from pathlib import Path

import pexpect
import pyte
from rich.console import Console
from rich.text import Text

TARGET = Path(__file__).parent.parent / "docs" / "demo.svg"
WIDTH, HEIGHT = 100, 200
"""The screen is higher than the demo is long, so that nothing scrolls away."""


def main() -> None:
    screen = pyte.Screen(WIDTH, HEIGHT)
    pyte.Stream(screen).feed(_output())
    lines = [_line(screen, row) for row in range(HEIGHT)]
    while not lines[-1].plain.strip():
        lines.pop()
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("\n").join(lines))
    console.save_svg(str(TARGET), title="ummsg demo")


def _output() -> str:
    program = Path(sys.executable).with_name("ummsg")
    output, status = pexpect.run(
        f"{program} demo",
        timeout=60,
        withexitstatus=True,
        dimensions=(HEIGHT, WIDTH),
        env={"TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": "/tmp", "TZ": "UTC", "COLORTERM": "truecolor"},
    )
    if status != 0:
        sys.exit(output.decode())
    return str(output.decode())


def _line(screen: pyte.Screen, row: int) -> Text:
    line = Text()
    for column in range(WIDTH):
        char = screen.buffer[row][column]
        line.append(char.data, style=f"{'bold ' if char.bold else ''}{_colour(char.fg)}")
    line.rstrip()
    return line


def _colour(name: str) -> str:
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return {"default": "", "brown": "yellow"}.get(name, name.replace("bright", "bright_"))


if __name__ == "__main__":
    main()
