"""The program under test: whole command lines, run in this process or in one of their own."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ummsg.cli.main import run
from ummsg.runtime import Runtime

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

CUSTOMERS = """\
id,email,name,city,products
1,anna@example.com,Anna Björk,Lund,pro
2,bo@example.com,Bo Ek,,pro:trialing;extra
3,cleo@example.com,Cléo Dubois,Lyon,pro:expired
4,dan@example.com,Dan O'Brien,Cork,starter
5,eve@example.com,,Oslo,starter
"""
PRODUCTS = "id,slug,name\n1,pro,Pro\n2,starter,Starter\n3,extra,Extra storage\n4,empty,Nobody's\n"


@dataclass
class Result:
    code: int
    out: str
    err: str


class Program:
    """Calls `ummsg` with this folder's database, settings and clock; nothing of the machine's own gets in."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.environ = {
            "UMMSG_DATABASE_URL": f"sqlite:///{folder / 'ummsg.db'}?timeout=0.2",
            "UMMSG_MAIL_URL": f"maildir:{folder / 'mail'}",
            "UMMSG_FROM": "Example Network <hello@example.com>",
            "UMMSG_NETWORK_NAME": "Example Network",
        }
        self.now = NOW
        self._capture = capture
        self._patch = patch

    def __call__(
        self, *arguments: object, stdin: str | bytes = "", set_up: Callable[[Runtime], Any] | None = None
    ) -> Result:
        """In this process, without a terminal, on this program's clock."""
        content = stdin.encode() if isinstance(stdin, str) else stdin
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        self._capture.readouterr()
        runtime = Runtime(environ=self.environ, directory=self.folder, clock=lambda: self.now, chance=lambda: 0.5)
        if set_up is not None:
            set_up(runtime)
        code = run([str(argument) for argument in arguments], runtime)
        captured = self._capture.readouterr()
        return Result(code, captured.out, captured.err)

    def alone(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """In a process of its own, with the machine's clock."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", **self.environ}
        return subprocess.run(
            [sys.executable, "-m", "ummsg", *map(str, arguments)],
            cwd=self.folder,
            env=environ | options.pop("env", {}),
            capture_output=options.pop("capture_output", True),
            stdin=options.pop("stdin", subprocess.DEVNULL) if "input" not in options else None,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers to a query."""
        import sqlite3

        connection = sqlite3.connect(self.folder / "ummsg.db")
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def execute(self, statement: str) -> None:
        """Change the database behind the program's back."""
        import sqlite3

        connection = sqlite3.connect(self.folder / "ummsg.db")
        try:
            connection.execute(statement)
            connection.commit()
        finally:
            connection.close()

    def dump(self) -> str:
        """Everything the database holds, to compare before and after."""
        import sqlite3

        connection = sqlite3.connect(self.folder / "ummsg.db")
        try:
            return "\n".join(connection.iterdump())
        finally:
            connection.close()


def with_network(program: Program) -> Program:
    """A database with five customers on four products, one of them nobody's."""
    for noun, content in (("products", PRODUCTS), ("customers", CUSTOMERS)):
        result = program(noun, "import", program.write(f"{noun}.csv", content))
        assert result.code == 0, result.err
    return program
