"""The page about a report, and its summary for the terminal: every number in them is in the report."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from chart import number_in_words
from figures import Figure, Row, Run, median_of
from report import Report

_TEMPLATE = Path(__file__).with_name("page.md")


def compose(report: Report) -> str:
    """In Markdown."""
    compared = [row for row in report.rows if row.pairs]
    large = [row for row in report.rows if row.figures and not row.pairs]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        pairs=_number_of_pairs(compared),
        ratios=_table(("beside", "", "ratio", "least to most", "target", ""), map(_ratio_cells, _figures(compared))),
        runs=_table(
            ("", "messages a run", "messages/s", "CPU s per 1,000", "peak MiB"),
            (_medians(*side) for row in compared for side in _sides(row)),
        ),
        large=_table(("", "", "median", "least to most", "target", ""), map(_large_cells, _figures(large))),
        notes=_list(f"{row.title}: {note}" for row in report.rows for note in row.notes),
        not_measured=_list(f"{row.title}: {row.not_measured}" for row in report.rows if row.not_measured),
        body=f"{report.message['body_bytes']:,}",
        headers=f"{report.message['bytes'] - report.message['body_bytes']:,}",
        made=report.made.replace("T", " ").replace("+00:00", " UTC"),
        minutes=f"{report.minutes:.0f}",
        machine=_table(("", ""), [*report.machine.items(), *report.versions.items()]),
        commands=_list(f"{name}: `{command}`" for name, command in report.commands.items()),
    )


def summary(report: Report) -> str:
    """A line a figure."""
    return "\n".join(line for row in report.rows for line in _summary_of(row))


def _summary_of(row: Row) -> list[str]:
    if row.not_measured:
        return [f"{row.title:<42} not measured: {row.not_measured}"]
    figures = [
        f"{row.title:<42} {figure.what:<30} {number_in_words(figure.median):>8} {figure.unit:<16}"
        f" {_spread(figure):<18} {' '.join(_target_cells(figure)).replace('*', '')}"
        for figure in row.figures
    ]
    return [*figures, *(_run_in_words(*_medians(*side)) for side in _sides(row))]


def _run_in_words(who: str, messages: str, rate: str, cpu: str, peak: str) -> str:
    return f"  {who}: {messages} messages a run, {rate}/s, {cpu} s of CPU for 1,000, {peak} MiB"


# Tables


def _figures(rows: Iterable[Row]) -> list[tuple[Row, Figure]]:
    return [(row, figure) for row in rows for figure in row.figures]


def _ratio_cells(line: tuple[Row, Figure]) -> list[str]:
    row, figure = line
    return [row.title, figure.what, f"**{number_in_words(figure.median)}**", _spread(figure), *_target_cells(figure)]


def _large_cells(line: tuple[Row, Figure]) -> list[str]:
    row, figure = line
    value = f"**{number_in_words(figure.median)}** {figure.unit}"
    return [row.title, figure.what, value, _spread(figure), *_target_cells(figure)]


def _spread(figure: Figure) -> str:
    if len(figure.values) == 1:
        return "once"
    return f"{number_in_words(figure.least)} to {number_in_words(figure.most)}"


def _target_cells(figure: Figure) -> list[str]:
    if figure.limit is None:
        return ["for information", ""]
    return [str(figure.limit), "met" if figure.met else "**missed**"]


def _sides(row: Row) -> list[tuple[str, list[Run]]]:
    """Our runs and the peer's, where there are pairs."""
    ours, peers = [pair.ours for pair in row.pairs], [pair.peer for pair in row.pairs]
    return [(f"ummsg beside {row.title}", ours), (row.title, peers)] if row.pairs else []


def _medians(title: str, runs: Sequence[Run]) -> list[str]:
    return [
        title,
        f"{runs[0].messages:,}",
        number_in_words(median_of(runs, lambda run: run.rate)),
        f"{median_of(runs, lambda run: run.cpu_per_thousand):.3f}",
        f"{median_of(runs, lambda run: run.peak):.0f}",
    ]


# Markdown


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [" | ".join(cells) for cells in (heads, ["---"] * len(heads), *lines)]
    return "".join(f"| {row} |\n" for row in rows)


def _list(points: Iterable[str]) -> str:
    return "".join(f"- {point}\n" for point in points)


def _number_of_pairs(rows: Sequence[Row]) -> str:
    number = max((len(row.pairs) for row in rows), default=0)
    return "1 pair" if number == 1 else f"{number} pairs"
