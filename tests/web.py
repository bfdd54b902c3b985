"""The served application in this process, on a test's clock, and tokens for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient

from tests.program import Program
from ummsg.runtime import Runtime


@contextmanager
def served(program: Program, **settings: str) -> Iterator[TestClient]:
    """Asked as over the wire, with everything of the application but uvicorn."""
    environ = program.environ | {f"UMMSG_{name}": value for name, value in settings.items()}
    runtime = Runtime(environ=environ, directory=program.folder, clock=lambda: program.now)
    try:
        with TestClient(runtime.server.application, raise_server_exceptions=False) as client:
            yield client
    finally:
        runtime.close()


def token(program: Program, kind: str, *options: str) -> str:
    made = program("tokens", "create", kind, *options)
    assert made.code == 0, made.err
    return made.out.strip()


def bearer(text: str, **headers: str) -> dict[str, Any]:
    """For a request's `headers`."""
    return {"Authorization": f"Bearer {text}", **headers}


def publish(program: Program, *options: object, subject: str = "Hello", content: str = "Good **morning**.") -> int:
    words = ("--type", "notice", "--subject", subject, "--content", content, "--yes", "--porcelain")
    made = program("broadcast", "new", *words, *options)
    assert made.code == 0, made.err
    return int(made.out)
