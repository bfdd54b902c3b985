"""The chart of the benchmarks: what is where, for given figures."""

import re
from xml.etree import ElementTree

import pytest

from chart import LEFT, RIGHT, WIDTH, LogAxis, draw, number_in_words
from figures import Limit, Row
from tests.unit.benchmarks.runs import row, row_of_limit

SVG = "{http://www.w3.org/2000/svg}"


def elements(rows: list[Row], tag: str, kind: str) -> list[ElementTree.Element]:
    tree = ElementTree.fromstring(draw(rows))
    return [found for found in tree.iter(SVG + tag) if kind in (found.get("class") or "").split()]


def texts(rows: list[Row]) -> list[str]:
    return [found.text or "" for found in ElementTree.fromstring(draw(rows)).iter(SVG + "text")]


def test_the_axis_goes_over_whole_decades_and_shows_where_both_are_as_fast() -> None:
    axis = LogAxis.over([2.0, 30.0])

    assert axis.decades == [1, 10, 100]
    assert (axis.x(1), axis.x(10), axis.x(100)) == (LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT)


@pytest.mark.parametrize("value", [0.02, 1.0, 480.0])
def test_every_value_is_on_the_axis(value: float) -> None:
    assert LEFT <= LogAxis.over([value]).x(value) <= WIDTH - RIGHT


def test_a_ratio_is_drawn_with_its_spread_and_its_target() -> None:
    rows = [row("peer", 2.0, 3.0, 10.0, limit=Limit(at_least=5))]
    axis = LogAxis.over([2, 3, 10, 5])

    (dot,), (spread,) = elements(rows, "circle", "dot"), elements(rows, "rect", "spread")
    (target,) = elements(rows, "line", "target")

    assert float(dot.get("cx", "")) == axis.x(3)
    assert float(spread.get("x", "")) == axis.x(2)
    assert float(spread.get("width", "")) == pytest.approx(axis.x(10) - axis.x(2), abs=0.1)
    assert float(target.get("x1", "")) == axis.x(5)
    assert "missed" in (dot.get("class") or "")


@pytest.mark.parametrize(
    ("drawn", "kind"),
    [
        (row("a", 2.0, limit=Limit(at_least=1)), "met"),
        (row("b", 2.0, limit=Limit(at_least=3)), "missed"),
        (row("c", 2.0), "free"),
    ],
)
def test_what_is_met_missed_or_for_information_looks_so(drawn: Row, kind: str) -> None:
    assert len(elements([drawn], "circle", kind)) == 1


def test_the_bar_of_a_limit_ends_where_the_worst_run_is() -> None:
    rows = [row_of_limit("memory", 16, 32, at_most=64)]

    (bar,) = elements(rows, "rect", "bar")
    (limit,) = elements(rows, "line", "target")

    assert float(bar.get("width", "")) == pytest.approx((float(limit.get("x1", "")) - LEFT) / 2, abs=0.1)
    assert "32.0 MiB" in texts(rows)


def test_what_was_not_measured_is_not_drawn() -> None:
    assert not any("php" in text for text in texts([row("peer", 1.0), Row("php", "php", not_measured="not installed")]))


def test_titles_are_no_markup() -> None:
    assert "beside <&>" in texts([row("<&>", 1.0)])


@pytest.mark.parametrize(
    ("value", "words"), [(0.973, "0.97"), (1, "1.00"), (3.44, "3.4"), (26.4, "26.4"), (12345.6, "12,346"), (0, "0.00")]
)
def test_numbers_have_the_digits_that_tell_something(value: float, words: str) -> None:
    assert number_in_words(value) == words


def test_the_chart_suits_light_and_dark_pages() -> None:
    assert re.search(r"@media \(prefers-color-scheme: dark\)", draw([row("peer", 1.0)]))
