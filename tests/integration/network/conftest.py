"""A server that stands where a network is expected."""

from collections.abc import Iterator

import pytest

from tests.json_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()
