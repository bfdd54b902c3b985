"""Fixtures for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import Program, with_network
from tests.smtp_server import SmtpServer
from ummsg.cli import views


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=200, help="how many times test_kills.py kills a drain (200)")


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """A real SMTP server on loopback, without TLS or login; `smtp_server.url` is its mail URL."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def ummsg(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program with an empty database."""
    monkeypatch.setenv("COLUMNS", "200")
    views._console.cache_clear()  # it remembers the width of the terminal that it was made for
    program = Program(tmp_path, capsys, monkeypatch)
    assert program("init").code == 0
    return program


@pytest.fixture
def network(ummsg: Program) -> Program:
    """The program with five customers on four products, one of them nobody's."""
    return with_network(ummsg)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI nothing is skipped: a program that a test needs is installed there, or the test fails."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):  # type: ignore[attr-defined]
        report.outcome = "failed"  # type: ignore[attr-defined]
        report.longrepr = f"skipped in CI: {report.longrepr}"  # type: ignore[attr-defined]
    return report
