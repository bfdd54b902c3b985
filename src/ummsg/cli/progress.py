"""Long work before the operator's eyes: a bar on a terminal, a line every few seconds off it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ummsg.cli import views

SECONDS_BETWEEN_LINES = 5

Show = Callable[[int, int | None, str], None]
"""Called as the work goes on, with what is done, out of how much (None: nobody knows), and the state in words."""


@contextmanager
def progress(title: str) -> Iterator[Show]:
    """While it lasts, show how far the work has come; nothing of a bar is left behind."""
    if views.err().is_terminal and not views.err().is_dumb_terminal:
        with _bar(title) as show:
            yield show
    else:
        yield _lines()


@contextmanager
def _bar(title: str) -> Iterator[Show]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (title, BarColumn(bar_width=None), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=views.err(), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, words: bar.update(task, completed=done, total=total, description=words)


def _lines() -> Show:
    last = time.monotonic()

    def show(done: int, total: int | None, words: str) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            views.talk(words + (f" ({done / total:.0%})" if total else ""))

    return show
