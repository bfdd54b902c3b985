"""Record `ummsg demo` in a real terminal as docs/demo.svg, the picture at the top of the README.

python scripts/record_demo.py
"""

import re
import sys
from pathlib import Path

import pexpect
from rich.console import Console
from rich.text import Text

TARGET = Path(__file__).parent.parent / "docs" / "demo.svg"
WIDTH = 100


def main() -> None:
    program = Path(sys.executable).with_name("ummsg")
    output, status = pexpect.run(
        f"{program} demo",
        timeout=60,
        withexitstatus=True,
        env={"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LANG": "C.UTF-8", "HOME": "/tmp", "TZ": "UTC"},
    )
    if status != 0:
        sys.exit(output.decode())
    console = Console(record=True, width=WIDTH, file=Path("/dev/null").open("w"), force_terminal=True)
    console.print(Text.from_ansi(_final_lines(output.decode())))
    console.save_svg(str(TARGET), title="ummsg demo")


def _final_lines(output: str) -> str:
    """What stands on the screen in the end: progress bars were drawn over."""
    lines = [line.rsplit("\r", 1)[-1] for line in output.replace("\r\n", "\n").split("\n")]
    return re.sub(r"\x1b\[(\?25[lh]|[0-9]*[A-K]|2K)", "", "\n".join(lines))


if __name__ == "__main__":
    main()
