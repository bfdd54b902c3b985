"""Fixtures for all tests."""

from collections.abc import Iterator

import pytest

from tests.smtp_server import SmtpServer


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """A real SMTP server on loopback, without TLS or login; `smtp_server.url` is its mail URL."""
    with SmtpServer() as server:
        yield server
