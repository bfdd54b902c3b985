"""The rows about a million recipients: how long freezing their audience takes, and how much memory their drain."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from figures import Figure, Limit, Row, Run
from measuring import Failed, Measured
from ours import Network, network_of
from rows import Tell
from sink import Sink

FEW = 10
MANY = 1_000_000
"""What the targets are about; with fewer, figures are for information."""

_WATCH = Path(__file__).with_name("write_lock.py")


@dataclass
class Watch:
    """What was seen of the write lock from outside, in seconds."""

    longest_hold: float = 0.0
    longest_wait: float = 0.0


def freezing(customers: int, runs: int, tell: Tell) -> Row:
    """`broadcast new --everyone --queue`: the whole command on its own, and once more with its write lock watched."""
    seconds, watches = [], []
    for number in range(runs):
        done, _ = _freeze(customers, watched=False)
        _, watch = _freeze(customers, watched=True)
        seconds.append(done.seconds)
        watches.append(watch)
        tell(
            f"run {number + 1}: {done.seconds:.1f} s, {done.cpu:.1f} s of CPU, {done.peak:.0f} MiB;"
            f" lock held {watch.longest_hold:.3f} s, another writer waited {watch.longest_wait:.3f} s"
        )
    holds, waits = zip(*((watch.longest_hold, watch.longest_wait) for watch in watches), strict=True)
    asked = customers >= MANY
    return Row(
        "freeze",
        f"an audience of {customers:,} frozen",
        (
            Figure("whole command", "s", tuple(seconds), Limit(at_most=5) if asked else None),
            Figure("longest write lock", "s", holds, Limit(at_most=0.25, worst=True) if asked else None),
            Figure("longest wait of another writer", "s", waits),
        ),
    )


def _freeze(customers: int, *, watched: bool) -> tuple[Measured, Watch]:
    with TemporaryDirectory(prefix="ummsg-benchmark-") as folder:
        network = network_of(customers, Path(folder))
        with watching(network) if watched else nullcontext(Watch()) as watch:
            done = network.queue()
    return done, watch


def memory(customers: int, runs: int, tell: Tell) -> Row:
    """The peak of a drain of so many beside that of a drain of ten; the large one is run once."""
    few = [_drain(FEW).peak for _ in range(runs)]
    run = _drain(customers)
    tell(f"{run.peak:.1f} MiB, {run.rate:,.0f}/s; of {FEW} recipients {min(few):.1f} to {max(few):.1f} MiB")
    limit = Limit(at_most=64, worst=True) if customers >= MANY else None
    return Row(
        "memory",
        f"a drain of {customers:,} beside one of {FEW}",
        (
            Figure("peak memory above", "MiB", tuple(run.peak - each for each in few), limit),
            Figure("rate", "messages/s", (run.rate,)),
        ),
        notes=(
            f"one drain of {customers:,}, {run.peak:.1f} MiB, {run.cpu_per_thousand:.3f} s of CPU for 1,000 messages;"
            f" {runs} of {FEW}, {min(few):.1f} to {max(few):.1f} MiB.",
        ),
    )


def _drain(customers: int) -> Run:
    with TemporaryDirectory(prefix="ummsg-benchmark-") as folder, Sink(customers) as sink:
        network = network_of(customers, Path(folder))
        network.queue()
        run = network.drain(sink.port, customers)
        sink.check()
        return run


@contextmanager
def watching(network: Network) -> Iterator[Watch]:
    """The watch's figures are there when the block has ended."""
    watch = Watch()
    command = [sys.executable, str(_WATCH), str(network.folder / "ummsg.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield watch
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.stdout.read()
    if process.returncode:
        raise Failed(f"{_WATCH.name} ended with {process.returncode}")
    vars(watch).update(json.loads(said))
