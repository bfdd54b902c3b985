"""A command line of `broadcast new` as far as its answers: the real parser, and nothing sent."""

from typing import Any

import pytest

from ummsg.cli import broadcast_new
from ummsg.cli.answers import Answers
from ummsg.cli.main import run
from ummsg.runtime import Runtime


def parse_new(argv: list[str], runtime: Runtime) -> Answers:
    """What `ummsg broadcast new ARGV…` collects from its options."""
    collected: list[Answers] = []

    def collect(ummsg: Runtime, answers: Answers, how: Any, *, ask: bool) -> int:
        collected.append(answers)
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broadcast_new, "compose", collect)
        assert run(["broadcast", "new", *argv], runtime) == 0
    return collected[0]
