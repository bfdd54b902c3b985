"""The benchmarks run: small here, so that they cannot rot."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def printed(name: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs sqlite3")
def test_importing() -> None:
    out = printed("import_customers.py", "--rows", "1000", "--runs", "1")

    assert out.startswith("1,000 customers")
    assert "ratio" in out
    assert "MiB" in out


def test_searching() -> None:
    out = printed("search_customers.py", "--rows", "1000", "--runs", "4")

    assert "odd characters" in out
    assert len(out.splitlines()) == 12


def test_delivery_writes_figures_page_and_chart(tmp_path: Path) -> None:
    out = printed("delivery.py", "--only", "freeze", "--recipients", "200", "--pairs", "2", "--into", str(tmp_path))

    (row,) = json.loads((tmp_path / "benchmarks.json").read_text())["rows"]
    assert [figure["what"] for figure in row["figures"]][:2] == ["whole command", "longest write lock"]
    assert all(len(figure["values"]) == 2 for figure in row["figures"])
    assert "an audience of 200 frozen" in out
    assert "an audience of 200 frozen" in (tmp_path / "benchmarks.md").read_text()
    assert (tmp_path / "benchmarks.svg").read_text().startswith("<svg")


@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk")
def test_serving() -> None:
    out = printed(
        "feed.py", *["--customers", "300", "--few", "100", "--notices", "60", "--runs", "1", "--seconds", "1"]
    )

    assert out.startswith("answers ")
    assert "an answer's cost, 300 customers beside 100" in out
