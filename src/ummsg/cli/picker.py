"""The picker on the terminal: type to search the directory, pick several, see each with name and address.

picking.py decides what a key does; here prompt_toolkit draws it and hands it the keys.
"""

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, Generic

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import BufferControl, FormattedTextControl, HSplit, Layout, VSplit, Window
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from ummsg.cli.asking import ESCAPE_SECONDS, STYLE, Back, P, Source, wrapped
from ummsg.cli.picking import Picking

ROWS = 8
"""Matches shown at once; fewer on a terminal of few lines."""
CHIP_LINES = 4
KEYS = (
    "Type to search · Enter: pick · ↓ and Space: pick others · Backspace: remove · "
    "Enter on an empty line: done · Esc: back"
)
PICKER_STYLE = (
    *STYLE,
    ("chip", "fg:ansicyan"),
    ("match", ""),
    ("current", "bold"),
    ("message", "fg:ansiyellow"),
)


def picker(question: str, source: Source[P], picked: list[P]) -> Application[None]:
    """The application; its run changes `picked` in place, and raises Back on Esc, KeyboardInterrupt on Ctrl-C."""
    picking = Picking(source, picked)
    line = Buffer(multiline=False)
    app: Application[None] = Application(
        layout=_layout(question, picking, line),
        key_bindings=_Keyboard(picking, line).bindings(),
        style=Style(list(PICKER_STYLE)),
        erase_when_done=True,
    )
    app.ttimeoutlen = ESCAPE_SECONDS
    # Drawn anew each time: terminals disagree on how wide a composed emoji is, and a changed cell would then land in
    # the middle of another address.
    app.before_render += lambda _: app.renderer.erase()
    line.on_text_changed += lambda _: _guarded(lambda: picking.search(line.text))
    return app


def clip(text: str, width: int) -> str:
    """`text` in at most `width` columns: first the name before an address is cut, then the address in its middle."""
    if get_cwidth(text) <= width:
        return text
    name, found, address = text.rpartition(" <")
    room = width - get_cwidth(found + address) - 1
    if found and room > 0:
        return f"{_columns(name, room)}…{found}{address}"
    if found:
        return clip(address, width)
    return _columns(text, width // 3) + "…" + _columns(text[::-1], width - 1 - width // 3)[::-1]


def _columns(text: str, width: int) -> str:
    used = 0

    def fits(c: str) -> bool:
        nonlocal used
        used += get_cwidth(c)
        return used <= width

    return "".join(takewhile(fits, text))


# Keys


def _guarded(act: Callable[[], None]) -> None:
    """A failed search ends the prompt with its error; prompt_toolkit would print a traceback and wait."""
    try:
        act()
    except Exception as error:
        get_app().exit(exception=error)


class _Keyboard(Generic[P]):
    def __init__(self, picking: Picking[P], line: Buffer) -> None:
        self.picking = picking
        self.line = line

    def bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        for keys, act in (
            (("enter", "c-j"), self.enter),
            ((" ",), self.space),
            (("backspace", "c-h"), self.backspace),
            (("escape",), self.escape),
            ((Keys.BracketedPaste,), self.paste),
            (("down", "tab", "c-n"), lambda event: self.picking.move(1)),
            (("up", "s-tab", "c-p"), lambda event: self.picking.move(-1)),
            (("c-c", "<sigint>"), lambda event: event.app.exit(exception=KeyboardInterrupt())),
        ):
            for key in keys:
                bindings.add(key, eager=True)(_handler(act))
        return bindings

    def enter(self, event: KeyPressEvent) -> None:
        rest = self.picking.enter(self.line.text)
        if rest is None:
            event.app.exit()
        elif rest != self.line.text or self.picking.navigating:
            self.leave(rest)

    def space(self, event: KeyPressEvent) -> None:
        if self.picking.navigating:
            self.picking.toggle()
        else:
            self.line.insert_text(" ")

    def backspace(self, event: KeyPressEvent) -> None:
        if self.line.text:
            self.line.delete_before_cursor()
        else:
            self.picking.remove_last()

    def escape(self, event: KeyPressEvent) -> None:
        if self.line.text:
            self.picking.message = ""
            self.leave("")
        else:
            event.app.exit(exception=Back())

    def paste(self, event: KeyPressEvent) -> None:
        self.leave(self.picking.paste(self.line.text, event.data))

    def leave(self, text: str) -> None:
        """Put `text` on the line, and search for it without losing the message."""
        message = self.picking.message
        self.line.document = Document(text, len(text))
        self.picking.search(text)
        self.picking.message = message


def _handler(act: Callable[[KeyPressEvent], None]) -> Callable[[KeyPressEvent], None]:
    return lambda event: _guarded(lambda: act(event))


# Screen


def _layout(question: str, picking: Picking[Any], line: Buffer) -> Layout:
    entry = Window(BufferControl(line), height=1)
    prompt = Window(FormattedTextControl([("class:pointer", "> ")]), width=2, height=1)
    above = _text(lambda: _lines([_question(question, picking), *_chips(picking)]))
    below = _text(lambda: _lines([*_matches(picking), ("class:message", wrapped(picking.message)), *_keys()]))
    return Layout(HSplit([above, VSplit([prompt, entry]), below]), focused_element=entry)


def _text(content: Callable[[], StyleAndTextTuples]) -> Window:
    return Window(FormattedTextControl(content), dont_extend_height=True, wrap_lines=True)


def _lines(styled: Sequence[tuple[str, str]]) -> StyleAndTextTuples:
    """Those that have text, one a line."""
    lines = [(style, f"\n{text}") for style, text in styled if text]
    return [(style, text.removeprefix("\n") if index == 0 else text) for index, (style, text) in enumerate(lines)]


def _question(question: str, picking: Picking[Any]) -> tuple[str, str]:
    picked = f"  ({len(picking.picked):,} picked)" if picking.picked else ""
    return "class:question", f"? {question}{picked}"


def _keys() -> list[tuple[str, str]]:
    return [("class:keys", wrapped(KEYS))]


def _chips(picking: Picking[Any]) -> list[tuple[str, str]]:
    """The last ones picked, in as many lines as there may be; those before them are counted."""
    width = get_app().output.get_size().columns - 1
    lines: list[str] = []
    shown = 0
    for item in reversed(picking.picked):
        chip = clip(f"[{picking.show(item)}]", width)
        if lines and get_cwidth(lines[0]) + 1 + get_cwidth(chip) <= width:
            lines[0] = f"{chip} {lines[0]}"
        elif len(lines) < CHIP_LINES:
            lines.insert(0, chip)
        else:
            break
        shown += 1
    before = len(picking.picked) - shown
    return [("class:keys", f"{before:,} more, and" if before else ""), *(("class:chip", line) for line in lines)]


def _matches(picking: Picking[Any]) -> list[tuple[str, str]]:
    size = get_app().output.get_size()
    rows = max(2, min(ROWS, size.rows - CHIP_LINES - 6))
    first = max(0, (picking.at or 0) - rows + 1)
    shown = range(first, min(first + rows, len(picking.found)))
    below = len(picking.found) - shown.stop + picking.more
    lines = [_match(picking, index, size.columns - 1) for index in shown]
    or_more = " or more" if picking.more == picking.source.counted_to else " more"
    return [*lines, ("class:keys", f"    … and {below:,}{or_more}" if below > 0 else "")]


def _match(picking: Picking[Any], index: int, width: int) -> tuple[str, str]:
    item = picking.found[index]
    current = index == picking.at
    mark = f"{'»' if current else ' '} {'✓' if picking.has(item) else ' '} "
    return ("class:current" if current else "class:match", mark + clip(picking.show(item), width - len(mark)))
