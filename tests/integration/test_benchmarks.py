"""The benchmarks run: small here, so that they cannot rot."""

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
