"""Asking on a terminal: the one file that talks to questionary."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ummsg.cli.asking import ESCAPE_SECONDS, STYLE, Back, Choice, Line, P, Source, T, wrapped
from ummsg.errors import Cancelled, InvalidInput, UmmsgError

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.layout import Layout


class TerminalPrompter:
    """Asks on the terminal; prompts are drawn on stderr when stdout is piped away."""

    @property
    def interactive(self) -> bool:
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str, *, default: bool = False) -> bool:
        if _is_dumb():
            return _confirm_plainly(question, default)
        try:
            return bool(self._ask("confirm", question, default=default))
        except Back:
            return False

    def confirm_destructive(self, question: str, *, yes: bool) -> None:
        if yes:
            return
        if not self.interactive:
            raise InvalidInput(
                "This has to be confirmed, and nobody is there to answer",
                details=[question],
                hint="the same command with --yes",
            )
        if not self.confirm(question):
            raise Cancelled("Nothing was changed")

    def select(
        self, question: str, choices: Sequence[Choice[T]], *, at: T | None = None, keys: Mapping[str, T] | None = None
    ) -> T:
        import questionary

        shown = [questionary.Choice(_title(choice), value=choice) for choice in choices]
        start = next((item for item, choice in zip(shown, choices, strict=True) if choice.value == at), None)
        bindings = _answering(keys or {})
        chosen = self._ask("select", question, bindings, choices=shown, default=start, instruction=" ")
        return chosen.value if isinstance(chosen, Choice) else chosen  # type: ignore[no-any-return]

    def choose(self, question: str, choices: Sequence[Choice[T]], *, chosen: Sequence[T] = ()) -> list[T]:
        import questionary

        shown = [
            questionary.Choice(choice.title, value=number, checked=choice.value in chosen)
            for number, choice in enumerate(choices)
        ]
        numbers = self._ask(
            "checkbox",
            question,
            below=lambda: wrapped(choices[_pointed_at()].more),
            choices=shown,
            instruction="(Space: choose · a: all · Enter: go on)",
            validate=lambda numbers: bool(numbers) or "Choose at least one with Space, or leave with Ctrl-C",
        )
        return [choices[number].value for number in numbers]

    def text(self, line: Line) -> str:
        return str(self._ask("text", line.question, **_line_options(line), instruction="")).strip()

    def secret(self, question: str) -> str:
        return str(self._ask("password", question)).strip()

    def content(self, line: Line, *, suffix: str, notes: Sequence[str] = ()) -> str:
        keys = "Enter: new line · Ctrl-D: done · Ctrl-O: editor · Esc: back"
        problem: list[str] = []
        return str(
            self._ask(
                "text",
                line.question,
                _writing(suffix, problem),
                **_line_options(line),
                multiline=True,
                instruction="\n",
                below=lambda: wrapped(*problem, *notes, keys),
            )
        )

    def pick(self, question: str, source: Source[P], picked: list[P]) -> None:
        from ummsg.cli.picker import picker

        with _on_the_terminal():
            picker(question, source, picked).run()

    def _ask(
        self,
        kind: str,
        question: str,
        bindings: "KeyBindings | None" = None,
        keep: Callable[[str], None] | None = None,
        below: Callable[[], str] | None = None,
        **options: Any,
    ) -> Any:
        import questionary
        from prompt_toolkit.filters import Always
        from prompt_toolkit.key_binding import merge_key_bindings

        with _on_the_terminal():
            style = questionary.Style(list(STYLE))
            app = getattr(questionary, kind)(question, style=style, **options).application
            extra = [bindings] if bindings else []
            app.key_bindings = merge_key_bindings([app.key_bindings, _escape(), *extra])
            app.ttimeoutlen = ESCAPE_SECONDS
            app.erase_when_done = True
            for window in app.layout.find_all_windows():
                window.dont_extend_height = Always()
            if below:
                app.layout = _with_text_below(app.layout, below)
            try:
                return app.run()
            finally:
                if keep:
                    keep(app.current_buffer.text)


def _is_dumb() -> bool:
    return os.environ.get("TERM") == "dumb"


def _confirm_plainly(question: str, default: bool) -> bool:
    print(f"{question} ({'Y/n' if default else 'y/N'}) ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        answer = ""
    if not answer:
        raise Cancelled("Cancelled")
    return answer.strip().lower() in ("y", "yes") if answer.strip() else default


@contextmanager
def _on_the_terminal() -> Iterator[None]:
    """Where prompts can be drawn. Raises InvalidInput where they cannot, Cancelled when they are interrupted."""
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.output import create_output

    if _is_dumb():
        raise InvalidInput(
            "This terminal cannot draw questions (TERM=dumb)",
            details=["every answer can be given by an option"],
            hint="the same command with --help",
        )
    elsewhere = not sys.stdout.isatty() and sys.stderr.isatty()
    try:
        with create_app_session(output=create_output(sys.stderr) if elsewhere else None):
            yield
    except (KeyboardInterrupt, EOFError):
        raise Cancelled("Cancelled") from None


def _escape() -> "KeyBindings":
    from prompt_toolkit.key_binding import KeyBindings

    bindings = KeyBindings()
    bindings.add("escape", eager=True)(lambda event: event.app.exit(exception=Back()))
    return bindings


def _with_text_below(layout: "Layout", below: Callable[[], str]) -> "Layout":
    """Not a bottom toolbar: those stay away where the terminal does not tell its cursor's position."""
    from prompt_toolkit.layout import FormattedTextControl, HSplit, Layout, Window

    text = FormattedTextControl(lambda: [("class:keys", below())])
    rows = HSplit([layout.container, Window(text, dont_extend_height=True)])
    return Layout(rows, focused_element=layout.current_window)


def _pointed_at() -> Any:
    """The value of the choice that is highlighted in the running menu."""
    from prompt_toolkit.application import get_app
    from questionary.prompts.common import InquirerControl

    controls = (window.content for window in get_app().layout.find_all_windows())
    return next(control for control in controls if isinstance(control, InquirerControl)).get_pointed_at().value


def _answering(keys: Mapping[str, T]) -> "KeyBindings":
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    bindings = KeyBindings()

    def answer(event: KeyPressEvent) -> None:
        event.app.exit(result=keys[event.key_sequence[0].key])

    for key in keys:
        bindings.add(key, eager=True)(answer)
    return bindings


def _writing(suffix: str, problem: list[str]) -> "KeyBindings":
    """Ctrl-D ends the text, Ctrl-O takes it to the editor; what goes wrong there is shown, and the text kept."""
    from prompt_toolkit.application import run_in_terminal
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    bindings = KeyBindings()
    bindings.add("c-d", eager=True)(lambda event: event.current_buffer.validate_and_handle())

    @bindings.add("c-o", eager=True)
    def edit(event: KeyPressEvent) -> None:
        buffer = event.current_buffer

        def run() -> None:
            from ummsg.cli.editor import edit_file

            try:
                buffer.text = edit_file(buffer.text, suffix)
                buffer.cursor_position = len(buffer.text)
                problem.clear()
            except UmmsgError as error:
                problem[:] = [error.what, *([error.hint] if error.hint else [])]

        run_in_terminal(run)

    return bindings


def _line_options(line: Line) -> dict[str, Any]:
    return {
        "default": line.typed,
        "validate": lambda text: line.complain(text) or True,
        "validate_while_typing": False,
        "keep": line.keep,
    }


def _title(choice: Choice[Any]) -> Any:
    if not choice.badge:
        return choice.title
    return [(f"fg:{choice.colour}", f"{choice.badge} "), ("class:text", choice.title)]
