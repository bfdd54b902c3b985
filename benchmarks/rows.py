"""The rows of the table that compare rates: who against whom, over which way, with how many messages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from delay import Delay
from figures import Figure, Limit, Pair, Row, Run
from letter import PLAIN, Letter
from measuring import measure
from ours import Network, network_of, recipients
from peers.peer import Errand, Peer
from sink import Sink

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """ummsg beside a peer."""

    name: str
    title: str
    peer: Peer
    messages: int
    """Of ours, a run."""
    peer_messages: int
    """Fewer for a slow peer: what is compared is messages a second."""
    content: str = PLAIN
    round_trip: float = 0.0
    rate: Limit | None = None
    cpu: Limit | None = None
    cpu_advantage: Limit | None = None
    notes: tuple[str, ...] = ()

    def figures(self, pairs: tuple[Pair, ...]) -> tuple[Figure, ...]:
        """Those that have a limit, and always the rate."""
        possible = (
            ("rate", "times the peer's", self.rate, [pair.rate_ratio for pair in pairs]),
            ("CPU a message", "times the peer's", self.cpu, [pair.cpu_ratio for pair in pairs]),
            ("messages a CPU second", "times the peer's", self.cpu_advantage, [pair.cpu_advantage for pair in pairs]),
        )
        return tuple(
            Figure(what, unit, tuple(values), limit)
            for what, unit, limit, values in possible
            if limit is not None or what == "rate"
        )


def compare(comparison: Comparison, letter: Letter, pairs: int, tell: Tell) -> Row:
    """So many adjacent pairs, ours first and the peer first in turn."""
    if why := comparison.peer.lacking():
        return Row(comparison.name, comparison.title, not_measured=why)
    measured = tuple(_pair(comparison, letter, number, tell) for number in range(pairs))
    notes = comparison.notes + (_about_the_delay(comparison) if comparison.round_trip else ())
    return Row(comparison.name, comparison.title, comparison.figures(measured), measured, notes)


def _pair(comparison: Comparison, letter: Letter, number: int, tell: Tell) -> Pair:
    with _folder() as folder:
        network = network_of(comparison.messages, folder / "ours")
        network.queue(comparison.content)
        errand = _errand(comparison, letter, folder / "peer")
        runs = {}
        for side in ("ours", "peer") if number % 2 == 0 else ("peer", "ours"):
            runs[side] = _ours(comparison, network) if side == "ours" else _peers(comparison, errand)
    pair = Pair(runs["ours"], runs["peer"])
    tell(
        f"pair {number + 1}: {pair.ours.rate:,.0f}/s beside {pair.peer.rate:,.0f}/s, {pair.rate_ratio:.2f} times;"
        f" CPU a message {pair.cpu_ratio:.2f} times"
    )
    return pair


def _ours(comparison: Comparison, network: Network) -> Run:
    with Sink(comparison.messages) as sink, _way_to(sink, comparison.round_trip) as port:
        run = network.drain(port, comparison.messages)
        sink.check()
        return run


def _peers(comparison: Comparison, errand: Errand) -> Run:
    with Sink(errand.messages) as sink, _way_to(sink, comparison.round_trip) as port:
        done = measure(comparison.peer.command(errand, port), folder=errand.folder)
        sink.check()
        return Run(errand.messages, done.seconds, done.cpu, done.peak)


def _errand(comparison: Comparison, letter: Letter, folder: Path) -> Errand:
    folder.mkdir()
    return Errand(comparison.peer_messages, letter, recipients(comparison.messages), folder)


def _about_the_delay(comparison: Comparison) -> tuple[str, ...]:
    """That the proxy adds its delay and takes nothing else: the time of a reply, and what it lets through undelayed."""
    with Sink(0) as sink, Delay(sink.port, comparison.round_trip) as slow:
        took = slow.round_trip()
    with _folder() as folder, Sink(comparison.messages) as sink, Delay(sink.port, 0) as fast:
        network = network_of(comparison.messages, folder / "ours")
        network.queue(comparison.content)
        ceiling = network.drain(fast.port, comparison.messages).rate
    reply = f"a reply took {1000 * took:.1f} ms"
    return (f"{reply}; with its delay at 0, the proxy let {ceiling:,.0f} of our messages a second through.",)


@contextmanager
def _way_to(sink: Sink, round_trip: float) -> Iterator[int]:
    """The port to send to."""
    if not round_trip:
        yield sink.port
        return
    with Delay(sink.port, round_trip) as delay:
        yield delay.port


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="ummsg-benchmark-") as name:
        yield Path(name)
