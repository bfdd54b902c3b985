"""The rows of the table that compare rates: who against whom, over which way, with how many messages."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from figures import Figure, Limit, Pair, Row, Run
from letter import Letter
from measuring import Failed, measure
from ours import network_of, recipients
from peers.peer import Errand, Peer
from sink import Sink


@dataclass(frozen=True)
class Comparison:
    """ummsg beside a peer."""

    name: str
    title: str
    peer: Peer
    content: str
    messages: int
    """Of ours, a run."""
    peer_messages: int
    rate: Limit | None = None
    cpu: Limit | None = None
    cpu_advantage: Limit | None = None

    def figures(self, pairs: tuple[Pair, ...]) -> tuple[Figure, ...]:
        """Those with a limit, and always the rate."""
        possible = (
            ("rate", "times the peer's", self.rate, lambda pair: pair.rate_ratio),
            ("CPU a message", "times the peer's", self.cpu, lambda pair: pair.cpu_ratio),
            ("messages a CPU second", "times the peer's", self.cpu_advantage, lambda pair: pair.cpu_advantage),
        )
        return tuple(
            Figure(what, unit, tuple(map(value, pairs)), limit)
            for what, unit, limit, value in possible
            if limit is not None or what == "rate"
        )


def compare(comparison: Comparison, letter: Letter, pairs: int, tell: Callable[[str], None]) -> Row:
    """So many adjacent pairs, ours first and the peer first in turn."""
    if why := comparison.peer.lacking():
        return Row(comparison.name, comparison.title, not_measured=why)
    measured = tuple(_pair(comparison, letter, number, tell) for number in range(pairs))
    return Row(comparison.name, comparison.title, comparison.figures(measured), measured)


def _pair(comparison: Comparison, letter: Letter, number: int, tell: Callable[[str], None]) -> Pair:
    with TemporaryDirectory(prefix="ummsg-benchmark-") as name:
        folder = Path(name)
        network = network_of(comparison.messages, folder / "ours")
        network.queue(comparison.content)
        with Sink() as sink:
            runs = {}
            for side in ("ours", "peer") if number % 2 == 0 else ("peer", "ours"):
                before = sink.received()
                if side == "ours":
                    runs[side] = network.drain(sink.port, comparison.messages)
                else:
                    runs[side] = _run_of_peer(comparison, letter, sink.port, folder / "peer")
                _check(side, runs[side], sink.received() - before)
    pair = Pair(runs["ours"], runs["peer"])
    tell(f"{pair.ours.rate:,.0f}/s beside {pair.peer.rate:,.0f}/s: {pair.rate_ratio:.2f}, CPU {pair.cpu_ratio:.2f}")
    return pair


def _run_of_peer(comparison: Comparison, letter: Letter, port: int, folder: Path) -> Run:
    folder.mkdir()
    errand = Errand(port, comparison.peer_messages, letter, recipients(comparison.messages), folder)
    done = measure(comparison.peer.command(errand), folder=folder)
    return Run(comparison.peer_messages, done.seconds, done.cpu, done.peak)


def _check(side: str, run: Run, received: int) -> None:
    if received != run.messages:
        raise Failed(f"{side}: {run.messages:,} messages were to be sent, and smtp-sink counted {received:,}")
