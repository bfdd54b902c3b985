"""The arithmetic of the benchmarks: ratios, spread, what is met and what is missed."""

import pytest

from figures import Figure, Limit, Pair, Row
from tests.unit.benchmarks.runs import OURS, PEER, row, row_of_limit


def test_rates_and_processor_time_are_by_message() -> None:
    assert OURS.rate == 5_000
    assert OURS.cpu_per_thousand == pytest.approx(0.15)


def test_a_pair_compares_what_a_message_takes_however_many_each_sent() -> None:
    pair = Pair(OURS, PEER)

    assert pair.rate_ratio == pytest.approx(10)
    assert pair.cpu_ratio == pytest.approx(0.15)
    assert pair.cpu_advantage == pytest.approx(1 / 0.15)


def test_a_figure_has_a_median_and_its_spread() -> None:
    figure = Figure("rate", "", (1.2, 0.9, 1.0, 5.0))

    assert (figure.least, figure.median, figure.most) == (0.9, pytest.approx(1.1), 5.0)
    assert figure.met is None


@pytest.mark.parametrize(
    ("values", "limit", "met"),
    [
        ((0.9, 1.0, 1.1), Limit(at_least=1.0), True),
        ((0.9, 0.99, 1.1), Limit(at_least=1.0), False),
        ((0.9, 1.0, 1.1), Limit(at_least=1.0, worst=True), False),
        ((1.2, 1.3, 1.5), Limit(at_most=1.3), True),
        ((1.2, 1.31, 1.5), Limit(at_most=1.3), False),
        ((0.1, 0.1, 0.26), Limit(at_most=0.25, worst=True), False),
        ((0.1, 0.1, 0.25), Limit(at_most=0.25, worst=True), True),
    ],
)
def test_a_limit_is_kept_at_the_median_or_at_every_run(values: tuple[float, ...], limit: Limit, met: bool) -> None:
    assert Figure("", "", values, limit).met is met


def test_a_row_is_missed_if_one_of_its_figures_is() -> None:
    assert not row("peer", 2.0, limit=Limit(at_least=1)).missed
    assert row("peer", 0.5, limit=Limit(at_least=1)).missed
    assert not row("peer", 0.5).missed


@pytest.mark.parametrize(
    "kept",
    [
        row("peer", 1.5, 2.5, limit=Limit(at_least=2)),
        row_of_limit("memory", 20, at_most=64),
        Row("php", "beside php", not_measured="php is not installed"),
        Row("peer", "beside peer", not_measured="void: it counted 3", void=True, notes=("a note",)),
    ],
    ids=lambda kept: kept.name,
)
def test_a_row_comes_back_from_json_as_it_was(kept: Row) -> None:
    assert Row.from_json(kept.to_json()) == kept
