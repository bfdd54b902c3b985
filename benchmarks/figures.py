"""What was measured, and whether it is enough: runs, figures with their spread and their limits, rows of the table."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Run:
    """One command from its start to its end, and what it delivered."""

    messages: int
    seconds: float
    cpu: float
    """Seconds of processor, user and system, of the command and of all that it started."""
    peak: float
    """MiB of resident memory, at most."""

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        return 1000 * self.cpu / self.messages


@dataclass(frozen=True)
class Pair:
    """Two runs, one right after the other: what a busy machine does to one it does to both."""

    ours: Run
    peer: Run

    @property
    def rate_ratio(self) -> float:
        """How many times as fast we are."""
        return self.ours.rate / self.peer.rate

    @property
    def cpu_ratio(self) -> float:
        """How much processor time a message of ours takes of what one of the peer's takes."""
        return self.ours.cpu_per_thousand / self.peer.cpu_per_thousand

    @property
    def cpu_advantage(self) -> float:
        return 1 / self.cpu_ratio


def median_of(runs: Sequence[Run], what: Callable[[Run], float]) -> float:
    return statistics.median(map(what, runs))


@dataclass(frozen=True)
class Limit:
    """What a figure must keep. `worst`: at every single run, and not only at the median."""

    at_least: float | None = None
    at_most: float | None = None
    worst: bool = False

    @property
    def bound(self) -> float:
        bound = self.at_most if self.at_least is None else self.at_least
        assert bound is not None
        return bound

    def __str__(self) -> str:
        words = f"{'at most' if self.at_least is None else 'at least'} {self.bound:g}"
        return f"{words}, every time" if self.worst else words


@dataclass(frozen=True)
class Figure:
    """One number of a row, as it came out of each run."""

    what: str
    unit: str
    values: tuple[float, ...]
    limit: Limit | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)

    @property
    def judged(self) -> float:
        """The value that the limit is about."""
        if self.limit is None or not self.limit.worst:
            return self.median
        return self.least if self.limit.at_most is None else self.most

    @property
    def met(self) -> bool | None:
        """None where there is nothing to meet."""
        if self.limit is None:
            return None
        if self.limit.at_most is None:
            return self.judged >= self.limit.bound
        return self.judged <= self.limit.bound


@dataclass(frozen=True)
class Row:
    """One line of the table: what was compared, and what came of it, or why nothing did."""

    name: str
    title: str
    figures: tuple[Figure, ...] = ()
    pairs: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = ()
    not_measured: str = ""
    """Why there are no figures."""
    void: bool = False
    """Whether that is because a run did not do what it was measured for."""

    @property
    def missed(self) -> bool:
        return any(figure.met is False for figure in self.figures)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "not_measured": self.not_measured,
            "void": self.void,
            "figures": [_figure_to_json(figure) for figure in self.figures],
            "runs": {side: _runs_to_json([getattr(pair, side) for pair in self.pairs]) for side in ("ours", "peer")},
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        sides = [[_run_from_json(run) for run in row["runs"][side]] for side in ("ours", "peer")]
        return cls(
            name=row["name"],
            title=row["title"],
            figures=tuple(_figure_from_json(figure) for figure in row["figures"]),
            pairs=tuple(Pair(*runs) for runs in zip(*sides, strict=True)),
            notes=tuple(row["notes"]),
            not_measured=row["not_measured"],
            void=row["void"],
        )


def _runs_to_json(runs: Sequence[Run]) -> list[dict[str, float]]:
    return [asdict(run) | {"rate": run.rate, "cpu_per_thousand": run.cpu_per_thousand} for run in runs]


def _run_from_json(run: dict[str, Any]) -> Run:
    return Run(run["messages"], run["seconds"], run["cpu"], run["peak"])


def _figure_to_json(figure: Figure) -> dict[str, Any]:
    return {
        "what": figure.what,
        "unit": figure.unit,
        "values": list(figure.values),
        "median": figure.median,
        "least": figure.least,
        "most": figure.most,
        "limit": None if figure.limit is None else asdict(figure.limit),
        "met": figure.met,
    }


def _figure_from_json(figure: dict[str, Any]) -> Figure:
    limit = None if figure["limit"] is None else Limit(**figure["limit"])
    return Figure(figure["what"], figure["unit"], tuple(figure["values"]), limit)
