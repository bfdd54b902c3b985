"""One run of the suite, as it is kept: what was measured, where, and with which versions."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import machine
from figures import Row
from letter import Letter
from peers.peer import Peer


@dataclass(frozen=True)
class Report:
    made: str
    """When, in UTC."""
    minutes: float
    """What it took."""
    machine: dict[str, str]
    versions: dict[str, str]
    commands: dict[str, str]
    message: dict[str, int]
    """The size of ours, whole and without its headers, in bytes."""
    rows: tuple[Row, ...]

    @classmethod
    def of(
        cls, rows: Iterable[Row], letter: Letter, peers: Iterable[Peer], *, minutes: float, load_before: float
    ) -> Self:
        there = [peer for peer in peers if not peer.lacking()]
        return cls(
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            minutes=round(minutes, 1),
            machine=machine.facts() | {"load before": f"{load_before:.2f}"},
            versions=machine.own_versions() | {peer.name: peer.version() for peer in there},
            commands={peer.name: peer.in_words for peer in there},
            message={"bytes": letter.size, "body_bytes": letter.body_size},
            rows=tuple(rows),
        )

    @property
    def in_order(self) -> bool:
        """Whether every figure that was measured is within its limit, and none is void."""
        return not any(row.missed or row.void for row in self.rows)

    def write(self, path: Path) -> None:
        kept = vars(self) | {"rows": [row.to_json() for row in self.rows]}
        path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**kept | {"rows": tuple(Row.from_json(row) for row in kept["rows"])})
