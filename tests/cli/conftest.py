from pathlib import Path

import pytest

from tests.program import Program, with_network


@pytest.fixture
def ummsg(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program with an empty database."""
    monkeypatch.setenv("COLUMNS", "200")
    program = Program(tmp_path, capsys, monkeypatch)
    assert program("init").code == 0
    return program


@pytest.fixture
def network(ummsg: Program) -> Program:
    return with_network(ummsg)
