"""The HTTP surface against its own description: what that allows is answered as it says, and so is what it does not.

Schemathesis asks, as somebody without any token and as somebody whose tokens are all good.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.integration.web.test_unsubscribing import SETTINGS, link
from tests.program import Program
from tests.system_emails import install
from tests.web import publish, token
from ummsg import web
from ummsg.runtime import Runtime
from ummsg.web.buckets import Buckets

ASKED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class Good:
    """What opens everything."""

    def __init__(self, program: Program) -> None:
        self.network, self.webhook = token(program, "network"), token(program, "webhook")
        self.unsubscribing = link().removeprefix("/u/")

    def on(self, case: Any) -> dict[str, str]:
        """Put into the path what opens it; the headers that do."""
        case.path_parameters.update(
            {name: value for name, value in self._parts.items() if name in case.path_parameters}
        )
        if case.path.startswith(("/v1/notices", "/v1/tokens")):
            case.query.setdefault("customer", "1")
            return {"Authorization": f"Bearer {self.network}"}
        return {}

    @property
    def _parts(self) -> dict[str, str]:
        return {"secret": self.webhook, "token": self.unsubscribing, "slug": "payment_received"}


@pytest.fixture
def good(network: Program) -> Good:
    publish(network, "--everyone")
    install(network)
    return Good(network)


@pytest.fixture
def app(network: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(Buckets, "wait", lambda self, who: 0)  # nobody else asks so much; it has tests of its own
    network.environ |= {f"UMMSG_{name}": value for name, value in SETTINGS.items()}
    runtime = Runtime(environ=network.environ, directory=network.folder, clock=lambda: network.now)
    yield runtime.server.application
    runtime.close()


def ask(case: Any, app: Any, **how: Any) -> None:
    case.operation.schema.app = app  # for what it asks by itself besides
    case.call_and_validate(app=app, **how)


schema = schemathesis.openapi.from_path(Path(web.__file__).with_name("openapi.json"))


@schema.parametrize()
@ASKED
def test_whatever_a_stranger_asks_is_answered_as_described(case: Any, app: Any) -> None:
    ask(case, app)


@schema.parametrize()
@ASKED
def test_whatever_is_asked_with_good_tokens_is_answered_as_described(case: Any, app: Any, good: Good) -> None:
    headers = good.on(case)
    excluded = []
    if "slug" in case.path_parameters:  # which fields a payload needs is its event's to say (`ummsg events show`)
        excluded.append(positive_data_acceptance)
    if headers:  # what was wrong may have been the token that is right now
        excluded.append(negative_data_rejection)
    ask(case, app, headers=headers, excluded_checks=excluded)
