"""Rows of a report, made up."""

from figures import Figure, Limit, Pair, Row, Run

OURS = Run(messages=10_000, seconds=2.0, cpu=1.5, peak=60.0)
PEER = Run(messages=500, seconds=1.0, cpu=0.5, peak=30.0)


def row(name: str, *values: float, limit: Limit | None = None) -> Row:
    """A comparison with a peer whose ratios are these."""
    figure = Figure("rate", "times the peer's", values, limit)
    return Row(name, f"beside {name}", (figure,), tuple(Pair(OURS, PEER) for _ in values))


def row_of_limit(name: str, *values: float, at_most: float) -> Row:
    return Row(name, name, (Figure("peak memory", "MiB", values, Limit(at_most=at_most, worst=True)),))
