"""The chart: ratios on a logarithmic axis with what they have to reach, and below it how much of each limit is used."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from figures import Figure, Row

WIDTH = 880
LEFT, RIGHT = 320, 110
"""Room for the names and for the figures."""
STEP = 44
TOP = 84
GAP = 92
"""Between the two panels."""

STYLE = """\
text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; fill: #1f2328; }
.page { fill: #ffffff; }
.title { font-size: 17px; font-weight: 600; }
.small { font-size: 11.5px; fill: #59636e; }
.value { font-weight: 600; font-variant-numeric: tabular-nums; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.one { stroke: #8c959f; stroke-width: 1.5; }
.track { fill: #eff2f5; }
.target { stroke: #1f2328; stroke-width: 2; }
.met { fill: #1a7f64; stroke: #1a7f64; }
.missed { fill: #ffffff; stroke: #cf4a22; }
.free { fill: #8c959f; stroke: #8c959f; }
.bar { stroke: none; }
.bar.missed { fill: #cf4a22; }
.spread { stroke: none; opacity: 0.35; }
.spread.missed { fill: #cf4a22; }
.dot { stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .page { fill: #0d1117; }
  .small { fill: #9198a1; }
  .grid { stroke: #2a313c; }
  .one { stroke: #6e7681; }
  .track { fill: #1b212a; }
  .target { stroke: #e6edf3; }
  .met { fill: #3fbf97; stroke: #3fbf97; }
  .missed { fill: #0d1117; stroke: #ff7b54; }
  .bar.missed, .spread.missed { fill: #ff7b54; }
  .free { fill: #6e7681; stroke: #6e7681; }
}"""


@dataclass(frozen=True)
class _Line:
    """A figure and what it is called in the chart."""

    title: str
    figure: Figure

    @property
    def kind(self) -> str:
        return {True: "met", False: "missed", None: "free"}[self.figure.met]


def draw(rows: Iterable[Row]) -> str:
    """An SVG for light pages and dark ones."""
    ratios, limited = _lines(rows)
    middle = TOP + STEP * len(ratios) + GAP
    height = middle + STEP * len(limited) + 34
    parts = [*_ratio_panel(ratios, TOP), *_limit_panel(limited, middle)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'{head} role="img" aria-label="Rates beside peers, and limits">',
            f"<style>\n{STYLE}\n</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _lines(rows: Iterable[Row]) -> tuple[list[_Line], list[_Line]]:
    """Ratios that are the better the larger, and figures that must not be too large."""
    ratios, limited = [], []
    for row in rows:
        for figure in row.figures:
            if figure.limit is not None and figure.limit.at_most is not None:
                limited.append(_Line(row.title, figure))
            elif figure is _headline(row):
                ratios.append(_Line(row.title, figure))
    return ratios, limited


def _headline(row: Row) -> Figure | None:
    """The one ratio of a row that is drawn: that with a target, if there is one."""
    if not row.pairs:
        return None
    at_least = [figure for figure in row.figures if figure.limit is not None and figure.limit.at_least is not None]
    return [*at_least, *row.figures][0]


# Ratios


@dataclass(frozen=True)
class LogAxis:
    """From one power of ten to another, over the plot's width."""

    low: int
    high: int

    @classmethod
    def over(cls, values: Sequence[float]) -> "LogAxis":
        """The decades that hold all of them, and 1."""
        low = math.floor(math.log10(min([*values, 1])))
        return cls(low, max(low + 1, math.ceil(math.log10(max([*values, 1])))))

    def x(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    @property
    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _ratio_panel(lines: Sequence[_Line], top: float) -> list[str]:
    if not lines:
        return []
    values = [value for line in lines for value in (line.figure.least, line.figure.most, *_bounds(line.figure))]
    axis = LogAxis.over(values)
    bottom = top + STEP * len(lines)
    parts = [
        _text(24, 34, "ummsg beside its peers", "title"),
        _text(24, 55, "times the peer’s, on a logarithmic scale", "small"),
        _text(WIDTH - 24, 55, "dot: median · band: least to most · mark: target · hollow: missed", "small", "end"),
    ]
    for decade in axis.decades:
        x = axis.x(decade)
        parts.append(_line(x, top, x, bottom, "one" if decade == 1 else "grid"))
        parts.append(_text(x, bottom + 18, f"{decade:g}×", "small", "middle"))
    for number, line in enumerate(lines):
        parts += _ratio(line, axis, top + STEP * (number + 0.5))
    return parts


def _ratio(line: _Line, axis: LogAxis, y: float) -> list[str]:
    figure = line.figure
    parts = _names(line, y)
    parts.append(_bar(axis.x(figure.least), y, axis.x(figure.most) - axis.x(figure.least), f"spread {line.kind}"))
    for bound in _bounds(figure):
        parts.append(_line(axis.x(bound), y - 12, axis.x(bound), y + 12, "target"))
    parts.append(f'<circle class="dot {line.kind}" cx="{axis.x(figure.median)}" cy="{y:g}" r="4"/>')
    parts.append(_text(WIDTH - 24, y + 4.5, f"{number_in_words(figure.median)}×", "value", "end"))
    return parts


def _bounds(figure: Figure) -> list[float]:
    return [] if figure.limit is None else [figure.limit.bound]


# Limits


def _limit_panel(lines: Sequence[_Line], top: float) -> list[str]:
    if not lines:
        return []
    full = max(1.2, *(line.figure.judged / line.figure.limit.bound for line in lines if line.figure.limit))
    width = WIDTH - LEFT - RIGHT
    bottom = top + STEP * len(lines)
    x = round(LEFT + width / full, 1)
    parts = [_text(24, top - 20, "How much of each limit is used", "title")]
    for number, line in enumerate(lines):
        parts += _limit(line, top + STEP * (number + 0.5), width / full)
    parts.append(_line(x, top, x, bottom, "target"))
    parts.append(_text(x, bottom + 18, "the limit", "small", "middle"))
    return parts


def _limit(line: _Line, y: float, width: float) -> list[str]:
    figure = line.figure
    assert figure.limit is not None
    share = max(0.0, figure.judged / figure.limit.bound)
    return [
        *_names(line, y),
        _bar(LEFT, y, WIDTH - LEFT - RIGHT, "track"),
        _bar(LEFT, y, share * width, f"bar {line.kind}"),
        _text(WIDTH - 24, y + 4.5, _quantity(figure), "value", "end"),
    ]


def _quantity(figure: Figure) -> str:
    return f"{number_in_words(figure.judged)}{'×' if figure.unit.startswith('times') else f' {figure.unit}'}"


# Parts


def _names(line: _Line, y: float) -> list[str]:
    return [_text(24, y - 2, line.title), _text(24, y + 14, _asked(line.figure), "small")]


def _asked(figure: Figure) -> str:
    if figure.limit is None:
        return "for information"
    unit = "" if figure.unit.startswith("times") else f", {figure.unit}"
    return f"{figure.what}{unit}: {figure.limit}"


def number_in_words(value: float) -> str:
    """With as many digits as tell something: 0.97, 3.4, 26.2, 1,200."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 3 else f"{value:.2f}"


def _text(x: float, y: float, content: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text{named} x="{x:g}" y="{y:g}"{placed}>{escape(content)}</text>'


def _bar(x: float, y: float, width: float, kind: str) -> str:
    """Around the height y; one without a width is still seen."""
    return f'<rect class="{kind}" x="{x:g}" y="{y - 8:g}" width="{max(width, 1):.1f}" height="16" rx="3"/>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'
