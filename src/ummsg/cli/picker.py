"""The picker: type to search the directory, pick several, see each with name and address.

`Picking` decides what a key does; `picker` draws it with prompt_toolkit and sends it the keys. Nothing is picked but
the one line that is highlighted, or the addresses that are written out.
"""

import re
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

from ummsg.cli import views
from ummsg.cli.prompter import ESCAPE_SECONDS, STYLE, Back, P, Source, wrapped

ROWS = 8
"""Matches shown at once; fewer on a terminal of few lines."""
CHIP_LINES = 4
NAMED_UNKNOWN = 5
LONGEST_SEARCH = 120
"""What is longer is a list of addresses, or a mistake; nobody is looked for."""
KEYS = "Type to search · Enter, or ↓ and Space: pick · Backspace: remove · Enter on an empty line: done · Esc: back"
PICKER_STYLE = (
    *STYLE,
    ("chip", "fg:ansicyan"),
    ("match", ""),
    ("current", "bold"),
    ("message", "fg:ansiyellow"),
)


class Picking(Generic[P]):
    """What is picked, what the search found, and which line is highlighted (`at`).

    `navigating` is true from an arrow key to the next letter: only then does Space pick, so that it can be typed.
    """

    def __init__(self, source: Source[P], picked: list[P]) -> None:
        self.source = source
        self.picked = picked
        self.message = ""
        self.search("")

    def search(self, query: str) -> None:
        found = self.source.search(query.strip()) if len(query) <= LONGEST_SEARCH else None
        self.found = list(found.items) if found else []
        self.more = found.more if found else 0
        self.navigating = False
        self.at = 0 if self.found and query.strip() else None
        self.message = ""

    def move(self, step: int) -> None:
        """Highlight the next or previous match; up from the first one is back on the line."""
        if not self.found:
            return
        target = (-1 if self.at is None else self.at) + step
        if target < 0:
            self.navigating = False
            return
        self.at = min(target, len(self.found) - 1)
        self.navigating = True

    def enter(self, query: str) -> str | None:
        """What Enter leaves on the line; None when they are done."""
        if not self.navigating and not query.strip():
            if self.picked:
                return None
            return self._say(query, f"Pick at least one of the {self.source.noun}, or go back with Esc")
        if not self.navigating and self.source.resolve and "@" in query:
            return self.resolve(query)
        if self.at is None:
            return self._say(query, f"None of the {self.source.noun} match")
        return self._add([self.found[self.at]])

    def toggle(self) -> None:
        if self.at is None:
            return
        item = self.found[self.at]
        if self.has(item):
            self.picked[:] = [other for other in self.picked if other.id != item.id]
        else:
            self.picked.append(item)

    def has(self, item: P) -> bool:
        return any(other.id == item.id for other in self.picked)

    def remove_last(self) -> None:
        if self.picked:
            self.message = f"Removed {self.show(self.picked.pop())}"

    def paste(self, query: str, text: str) -> str:
        """What a paste leaves on the line: addresses are picked at once, anything else is typed."""
        if self.source.resolve and "@" in text and (not query.strip() or len(_pieces(text)) > 1):
            return self.resolve(f"{query}\n{text}")
        return query + " ".join(views.printable_line(text).split())

    def resolve(self, text: str) -> str:
        """Pick the addresses in `text`; the unknown ones, and what is no address, are named and stay on the line."""
        if self.source.resolve is None:
            return text
        known, unknown = self.source.resolve(text)
        unknown += [piece for piece in _pieces(text) if "@" not in piece]
        self._add(known)
        return self._say(", ".join(unknown), self._unknown(len(known), unknown)) if unknown else ""

    def _unknown(self, picked: int, unknown: list[str]) -> str:
        named = ", ".join(map(views.printable_line, unknown[:NAMED_UNKNOWN]))
        rest = f" and {len(unknown) - NAMED_UNKNOWN:,} more" if len(unknown) > NAMED_UNKNOWN else ""
        choose = "" if picked or len(unknown) > 1 or not self.found else " (↓ chooses from the list)"
        return (f"{picked:,} picked. " if picked else "") + f"Unknown: {named}{rest}{choose}"

    def show(self, item: P) -> str:
        return views.printable_line(self.source.label(item))

    def _add(self, items: Sequence[P]) -> str:
        have = {item.id for item in self.picked}
        new = list({item.id: item for item in items if item.id not in have}.values())
        self.picked.extend(new)
        return self._say("", "" if new or not items else f"{self.show(items[0])} is picked already")

    def _say(self, query: str, message: str) -> str:
        self.message = message
        return query


def picker(question: str, source: Source[P], picked: list[P]) -> Application[None]:
    """The application; its run changes `picked` in place, and raises Back on Esc, KeyboardInterrupt on Ctrl-C."""
    picking = Picking(source, picked)
    line = Buffer(multiline=False)
    app: Application[None] = Application(
        layout=_layout(question, picking, line),
        key_bindings=_bindings(picking, line),
        style=Style(list(PICKER_STYLE)),
        erase_when_done=True,
    )
    app.ttimeoutlen = ESCAPE_SECONDS
    # Drawn anew each time: terminals disagree on how wide a composed emoji is, and a changed cell would then land in
    # the middle of another address.
    app.before_render += lambda _: app.renderer.erase()
    line.on_text_changed += lambda _: _guarded(lambda: picking.search(line.text))
    return app


def _pieces(text: str) -> list[str]:
    return [piece.strip() for piece in re.split(r"[,;\r\n]", text) if piece.strip()]


def clip(text: str, width: int) -> str:
    """`text` in at most `width` columns, cut in the middle: the end, where the address is, says more."""
    if get_cwidth(text) <= width:
        return text
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


def _bindings(picking: Picking[P], line: Buffer) -> KeyBindings:
    bindings = KeyBindings()

    def on(*keys: str) -> Callable[[Callable[[KeyPressEvent], None]], None]:
        def bind(act: Callable[[KeyPressEvent], None]) -> None:
            for key in keys:
                bindings.add(key, eager=True)(lambda event: _guarded(lambda: act(event)))

        return bind

    def leave(text: str) -> None:
        """Put `text` on the line, and search for it without losing the message."""
        message = picking.message
        line.document = Document(text, len(text))
        picking.search(text)
        picking.message = message

    @on("enter", "c-j")
    def enter(event: KeyPressEvent) -> None:
        rest = picking.enter(line.text)
        if rest is None:
            event.app.exit()
        elif rest != line.text or picking.navigating:
            leave(rest)

    @on(" ")
    def space(event: KeyPressEvent) -> None:
        if picking.navigating:
            picking.toggle()
        else:
            line.insert_text(" ")

    @on("backspace", "c-h")
    def backspace(event: KeyPressEvent) -> None:
        if line.text:
            line.delete_before_cursor()
        else:
            picking.remove_last()

    @on("escape")
    def escape(event: KeyPressEvent) -> None:
        if line.text:
            leave("")
        else:
            event.app.exit(exception=Back())

    @on(Keys.BracketedPaste)
    def paste(event: KeyPressEvent) -> None:
        leave(picking.paste(line.text, event.data))

    on("down", "tab", "c-n")(lambda event: picking.move(1))
    on("up", "s-tab", "c-p")(lambda event: picking.move(-1))
    on("c-c", "<sigint>")(lambda event: event.app.exit(exception=KeyboardInterrupt()))
    return bindings


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
