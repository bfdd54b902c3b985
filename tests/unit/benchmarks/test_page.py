"""The page of the benchmarks says what the report says."""

from dataclasses import replace
from pathlib import Path

from chart import draw
from figures import Limit, Row
from page import compose, summary
from report import Report
from tests.unit.benchmarks.runs import row, row_of_limit

DOCS = Path(__file__).parents[3] / "docs"

REPORT = Report(
    made="2026-11-25T05:00:00+00:00",
    minutes=12.3,
    machine={"processors": "2"},
    versions={"ummsg": "0.1.0"},
    commands={"peer": "peer --fast"},
    message={"bytes": 4500, "body_bytes": 4136},
    rows=(
        row("peer", 1.5, 2.5, 2.0, limit=Limit(at_least=1)),
        row_of_limit("memory", 70, at_most=64),
        Row("php", "PHPMailer", not_measured="php is not installed"),
    ),
)


def test_the_page_in_docs_is_made_of_the_figures_beside_it() -> None:
    report = Report.read(DOCS / "benchmarks.json")

    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == compose(report), "benchmarks/delivery.py --redraw"
    assert (DOCS / "benchmarks.svg").read_text(encoding="utf-8") == draw(report.rows), "benchmarks/delivery.py --redraw"


def test_ratios_have_their_spread_and_a_verdict() -> None:
    page = compose(REPORT)

    assert "| beside peer | rate | **2.00** | 1.50 to 2.50 | at least 1 | met |" in page
    assert "| memory | peak memory | **70.0** MiB | once | at most 64, every time | **missed** |" in page


def test_what_each_side_did_is_shown() -> None:
    assert "| ummsg beside beside peer | 10,000 | 5,000 | 0.150 | 60 |" in compose(REPORT)


def test_what_was_not_measured_is_said_with_the_reason() -> None:
    assert "- PHPMailer: php is not installed\n" in compose(REPORT)
    assert "not measured: php is not installed" in summary(REPORT)


def test_a_report_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "report.json")

    assert Report.read(tmp_path / "report.json") == REPORT


def test_a_missed_target_and_a_void_run_are_out_of_order() -> None:
    assert not REPORT.in_order
    assert replace(REPORT, rows=REPORT.rows[::2]).in_order
    assert not replace(REPORT, rows=(Row("peer", "peer", not_measured="void", void=True),)).in_order
