"""What somebody wrote and could not be stored is never lost: it is written into a file beside them."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from ummsg.cli import views


@contextmanager
def keeping(folder: Path, name: str, typed: Mapping[str, str]) -> Iterator[None]:
    """Whichever way it fails inside, each text that is in `typed` by then is written into a new file, and named."""
    try:
        yield
    except BaseException:
        for text in typed.values():
            views.next_step(str(_kept(folder, name, text)), "What you wrote is in")
        raise


def _kept(folder: Path, name: str, text: str) -> Path:
    """Beside them, or where everybody may write if they may not write there."""
    try:
        return _write(folder, name, text)
    except OSError:
        return _write(Path(tempfile.gettempdir()), name, text)


def _write(folder: Path, name: str, text: str) -> Path:
    """Over nothing that is there, and for its owner's eyes alone."""
    for number in count():
        path = folder / (f"{name}.rejected-{number}.md" if number else f"{name}.rejected.md")
        try:
            with path.open("x", encoding="utf-8") as file:
                path.chmod(0o600)
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise AssertionError("there is always another name")
