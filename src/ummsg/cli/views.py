"""What people and scripts see: data on stdout, talk on stderr.

Colour is Rich's business: it leaves it out off a terminal, under `NO_COLOR` and on `TERM=dumb`.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from ummsg.errors import InvalidInput, UmmsgError
from ummsg.moments import rfc3339
from ummsg.vocabulary import ListFormat

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Row = Mapping[str, Any]

NARROW = 60
"""Columns of a terminal below which a table is printed as blocks."""

NOTICE_COLOURS = {"success": "#00a32a", "info": "#72aee6", "warning": "#dba617", "error": "#d63638"}
STATE_COLOURS = {
    "sent": "green",
    "live": "green",
    "published": "green",
    "finished": "green",
    "failed": "red",
    "unknown": "magenta",
    "deferred": "yellow",
    "paused": "yellow",
    "queued": "cyan",
    "scheduled": "cyan",
    "draft": "dim",
    "ended": "dim",
    "withdrawn": "dim",
    "cancelled": "dim",
    "suppressed": "dim",
    "as default": "green",
    "edited": "cyan",
    "default changed": "yellow",
    "missing": "dim",
    "inactive": "dim",
}


@cache
def _console(stderr: bool) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def out() -> "Console":
    """The console for data."""
    return _console(stderr=False)


def err() -> "Console":
    """The console for talk."""
    return _console(stderr=True)


def talk(message: "str | RenderableType", style: str = "") -> None:
    """Say something to the person; never parsed, so never on stdout. Text is printed as it is, without markup."""
    if isinstance(message, str):
        from rich.text import Text

        message = Text(message, style=style)
    err().print(message)


def so_many(number: int, one: str, more: str) -> str:
    """`1 is queued`, `2 are queued`."""
    return f"{number:,} {one if number == 1 else more}"


def warnings(problems: Iterable[str]) -> None:
    """What does not work, and keeps nothing else from working."""
    for problem in problems:
        talk(f"Warning: {printable(problem)}", "yellow")


def next_step(command: str, why: str = "Next") -> None:
    """The command to type next, alone on its line so that it can be copied whole."""
    from rich.text import Text

    err().print(Text(f"{why}: ", style="dim"), end="", soft_wrap=True)
    err().print(Text(command, style="bold"), soft_wrap=True)


def command(line: str) -> None:
    """A command that was run, or may be, as it is typed; one line however long, so that it can be copied."""
    from rich.text import Text

    err().print(Text("$ ", style="dim") + Text(line, style="bold"), soft_wrap=True)


def error(problem: UmmsgError) -> None:
    from rich.text import Text

    whole = not err().is_terminal  # in a log a message stays on its line
    err().print(Text("Error: ", style="bold red") + Text(printable(problem.what), style="bold"), soft_wrap=whole)
    for line in problem.details:
        err().print(Text(f"  {printable(line)}"), soft_wrap=whole)
    if problem.hint:
        next_step(problem.hint, "Try")


def usage_error(problem: Exception) -> None:
    """A command line that could not be parsed, in Typer's words and our layout."""
    context = getattr(problem, "ctx", None)
    message = getattr(problem, "format_message", lambda: str(problem))()
    message = message.expandtabs(2)  # Click lists what there is to choose from with tabs
    error(InvalidInput(message, hint=f"{context.command_path} --help" if context else "ummsg --help"))


def unexpected(problem: Exception) -> None:
    error(
        UmmsgError(
            f"ummsg failed in a way it did not expect: {type(problem).__name__}: {problem}",
            details=["This is a fault of ours. What had been stored is still stored."],
            hint="the same command again with --debug right after `ummsg`, and report what it prints",
        )
    )


def listing(
    rows: Iterable[Row],
    format: ListFormat,
    fields: str = "",
    *,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    key: str = "id",
) -> None:
    """Print rows of equal keys. `columns` are the table's, of which `optional` are left out where they do not fit,
    empty ones first, then the last; `key` is what `--format ids` prints.

    Raises InvalidInput for a field in `fields` that the rows do not have.
    """
    iterator = iter(rows)
    first = next(iterator, None)
    rows = iterator if first is None else chain([first], iterator)
    chosen = _chosen_fields(fields, first)
    if format is ListFormat.TABLE and optional and not chosen:
        rows = list(rows)
        chosen = _fitting(rows, columns, optional)
    _PRINTERS[format](rows, chosen or (list(columns) if format is ListFormat.TABLE else list(first or columns)), key)


def _fitting(rows: Sequence[Row], columns: Sequence[str], optional: Sequence[str]) -> list[str]:
    """The columns that stand beside each other on this screen; which are missing is said."""
    from rich.cells import cell_len

    widths = {name: max(map(cell_len, (name, *(cell(name, row[name]).plain for row in rows)))) for name in columns}
    left_out: list[str] = []
    if out().width < NARROW:
        return list(columns)
    empty = [name for name in optional if all(row[name] is None for row in rows)]
    for name in [*empty, *(name for name in reversed(optional) if name not in empty)]:
        if sum(widths.values()) + 2 * len(widths) <= out().width:
            break
        del widths[name]
        if name not in empty:
            left_out.insert(0, name)
    if left_out:
        talk(f"Too narrow to show: {', '.join(left_out)} (--fields chooses, --format json has all)", "dim")
    return list(widths)


def record(row: Row, format: ListFormat, fields: str = "", *, key: str = "id") -> None:
    """Print one thing: as a two-column table, one JSON object, or a CSV of one row; `key` is its id."""
    chosen = _chosen_fields(fields, row) or list(row)
    match format:
        case ListFormat.JSON:
            print(as_json(_picked(row, chosen), indent=2))
        case ListFormat.TABLE:
            _print_record({name: row[name] for name in chosen})
        case _:
            _PRINTERS[format]([row], chosen, key)


def cell(name: str, value: Any) -> Any:
    """A value as a table shows it: times in the reader's zone to the minute, states in their colour."""
    from rich.text import Text

    if isinstance(value, datetime):
        return Text(local_time(value))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if value is None:
        return Text("–", style="dim")
    if isinstance(value, (dict, list, tuple)):
        return Text(_flat(value))
    if name == "notice_type":
        return notice_badge(str(value))
    return Text(printable(str(value)), style=STATE_COLOURS.get(str(value), "") if name in ("status", "state") else "")


def notice_badge(notice_type: str) -> Any:
    """A notice's type in the colour it has on the dashboard."""
    from rich.text import Text

    return Text(f"▌{notice_type}", style=NOTICE_COLOURS.get(notice_type, ""))


def printable(text: str) -> str:
    """Text from outside cannot move the cursor or colour the screen. Emoji and Persian need the two joiners."""
    return "".join(c if c.isprintable() or c in "\n\u200c\u200d" else "�" for c in text)


def printable_line(text: str) -> str:
    """As `printable`, on one line."""
    return printable(text).replace("\n", " ")


def local_time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_flat(item)}" for name, item in value.items() if item is not None)
    if isinstance(value, (list, tuple)):
        return ", ".join(_flat(item) for item in value)
    return printable(str(value))


def _chosen_fields(fields: str, first: Row | None) -> list[str]:
    chosen = [name.strip() for name in fields.split(",") if name.strip()]
    unknown = [name for name in chosen if first is not None and name not in first]
    if unknown:
        raise InvalidInput(
            f"--fields: no such field: {', '.join(unknown)}", details=[f"there are {', '.join(first or {})}"]
        )
    return chosen


def _picked(row: Row, fields: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in fields}


def as_json(value: Any, **options: Any) -> str:
    """With what standard output cannot take written as JSON's own escapes."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(value, default=_json, ensure_ascii=not utf8, **options)


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _print_json(rows: Iterable[Row], fields: Sequence[str], key: str) -> None:
    """One array, a row a line, written as the rows come: a million customers never stand in memory."""
    separator = "[\n"
    for row in rows:
        sys.stdout.write(f"{separator}  {as_json(_picked(row, fields))}")
        separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def _print_csv(rows: Iterable[Row], fields: Sequence[str], key: str) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(fields)
    for row in rows:
        writer.writerow(csv_cell(row[name]) for name in fields)


def csv_cell(value: Any) -> str:
    """A value as CSV text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return rfc3339(value)
    text = json.dumps(value, default=_json, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _print_ids(rows: Iterable[Row], fields: Sequence[str], key: str) -> None:
    for row in rows:
        print(row[key])


def _print_count(rows: Iterable[Row], fields: Sequence[str], key: str) -> None:
    print(sum(1 for _ in rows))


def _print_table(rows: Iterable[Row], fields: Sequence[str], key: str) -> None:
    from rich.table import Table

    if out().width < NARROW:
        _print_blocks(rows, fields)
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in fields:
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=name == key)
    for row in rows:
        table.add_row(*(cell(name, row[name]) for name in fields))
    if table.row_count:
        out().print(table)
    else:
        talk("Nothing to list.", "dim")


def _print_blocks(rows: Iterable[Row], fields: Sequence[str]) -> None:
    """Where columns would be cut to syllables: one row below the other."""
    number = 0
    for number, row in enumerate(rows, 1):
        if number > 1:
            out().print()
        _print_record(_picked(row, fields))
    if not number:
        talk("Nothing to list.", "dim")


def _print_record(row: Row) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in row.items():
        if value not in (None, ""):
            table.add_row(name.replace("_", " "), cell(name, value))
    out().print(table)


_PRINTERS: dict[ListFormat, Callable[[Iterable[Row], Sequence[str], str], None]] = {
    ListFormat.TABLE: _print_table,
    ListFormat.JSON: _print_json,
    ListFormat.CSV: _print_csv,
    ListFormat.IDS: _print_ids,
    ListFormat.COUNT: _print_count,
}
