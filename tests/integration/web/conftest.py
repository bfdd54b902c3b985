"""A client of the served application, over a network with five customers."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.program import Program
from tests.web import served


@pytest.fixture
def web(network: Program) -> Iterator[TestClient]:
    with served(network) as client:
        yield client
