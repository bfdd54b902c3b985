"""How fast `ummsg serve` answers what a customer's dashboard shows, and whether anything slows it down.

    python benchmarks/feed.py [--customers 1000000] [--few 10000] [--notices 10000] [--runs 5] [--seconds 8]

The load comes from wrk on the same machine, for a customer at random with each request and with a network's token. A
customer has three memberships, most of which count, among a thousand products, and sees some eleven notices. The
peer is the same server with an application that answers as many bytes without asking anything. Exit code 1 if a
figure is outside its limit.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))

from chart import number_in_words
from figures import Figure, Limit
from measuring import Failed, Lacking
from ours import PROGRAM, Network, environment, network_of
from sink import Sink, free_port, wait_for
from ummsg.domain.audience import Audience, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastStatus, BroadcastType, NoticeType

PRODUCTS = 1000
CONSTANT = Path(__file__).with_name("peers") / "programs" / "serve_constant.py"
SCRIPT = Path(__file__).with_name("feed.lua")


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw; times in milliseconds."""

    rate: float
    median: float
    p99: float


def main() -> int:
    options = _options()
    if shutil.which("wrk") is None:
        raise Lacking("wrk is not installed; apt-get install wrk")
    with TemporaryDirectory(prefix="ummsg-benchmark-") as folder:
        many = _network(options.customers, options.notices, Path(folder) / "many")
        few = _network(options.few, options.notices, Path(folder) / "few")
        figures = [*_growth(many, few, options), *_beside_constant(many, options)]
        try:
            figures += _beside_broadcast(many, options)
        except Lacking as error:
            print(f"not measured beside a broadcast: {error}", file=sys.stderr)
    for figure in figures:
        spread = f"{number_in_words(figure.least)} to {number_in_words(figure.most)}"
        met = {None: "", True: "met", False: "MISSED"}[figure.met]
        print(f"{figure.what:<62} {number_in_words(figure.median):>8} {figure.unit:<10} {spread:<18}", end=" ")
        print("for information" if figure.limit is None else f"{figure.limit}: {met}")
    return 1 if any(figure.met is False for figure in figures) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000, help="the customers of the small network beside it")
    parser.add_argument("--notices", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of a run")
    return parser.parse_args()


# What is measured


def _growth(many: Network, few: Network, options: argparse.Namespace) -> Iterator[Figure]:
    """Both networks served at once, asked in turn."""
    pairs = []
    with _serving(many) as large, _serving(few) as small:
        for number in range(options.runs):
            sides = [(large, options.customers), (small, options.few)]
            loads = {}
            for server, customers in sides if number % 2 else reversed(sides):
                loads[customers] = server.load(customers, options.seconds)
            pairs.append((loads[options.customers], loads[options.few]))
            print(f"run {number + 1}: {loads}", file=sys.stderr)
    asked = options.customers >= 1_000_000
    yield _figure("answers", "/s", [large.rate for large, _ in pairs], Limit(at_least=2500) if asked else None)
    yield _figure("their 99th percentile, 16 at once", "ms", [large.p99 for large, _ in pairs])
    cost = [small.rate / large.rate for large, small in pairs]
    what = f"an answer's cost, {options.customers:,} customers beside {options.few:,}"
    yield _figure(what, "times", cost, Limit(at_most=1.5) if asked else None)


def _beside_constant(many: Network, options: argparse.Namespace) -> Iterator[Figure]:
    ratios = []
    with _serving(many) as ours, _constant(many.folder, ours.size(options.customers)) as peer:
        for number in range(options.runs):
            order = [ours, peer] if number % 2 else [peer, ours]
            rates = {server: server.load(options.customers, options.seconds).rate for server in order}
            ratios.append(rates[ours] / rates[peer])
    yield _figure("answers beside those of an application that asks nothing", "times", ratios)


def _beside_broadcast(many: Network, options: argparse.Namespace) -> Iterator[Figure]:
    """Some 300 questions a second while the audience is frozen, and while the mail goes out."""
    freezing: list[float] = []
    sending: list[float] = []
    with _serving(many) as server, Sink(options.customers) as sink:
        own = environment(many.folder, sink.port)
        (many.folder / "content.txt").write_text("Hello {{ customer_name }}", encoding="utf-8")
        words = ("broadcast", "new", "--type", "email", "--everyone", "--subject", "Hi")
        for command, seen in (
            ((*words, "--content-file", "content.txt", "--queue", "--yes"), freezing),
            (("outbox", "run"), sending),
        ):
            with subprocess.Popen(
                [str(PROGRAM), *command], cwd=many.folder, env=own, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
            ) as process:
                while process.poll() is None and len(seen) < options.runs:
                    seen.append(server.load(options.customers, 2, pause=10).p99)
                process.wait()
            if process.returncode:
                raise Failed(f"ummsg {command[0]} ended with {process.returncode}")
        sink.check()
    limit = Limit(at_most=10, worst=True) if options.customers >= 1_000_000 else None
    yield _figure(f"99th percentile while {options.customers:,} are frozen", "ms", freezing, limit)
    yield _figure(f"99th percentile while {options.customers:,} are sent to", "ms", sending, limit)


def _figure(what: str, unit: str, values: Sequence[float], limit: Limit | None = None) -> Figure:
    return Figure(what, unit, tuple(values), limit)


# Who answers, and who asks


@dataclass(frozen=True)
class Server:
    port: int
    token: str
    folder: Path

    def load(self, customers: int, seconds: int, *, pause: int = 0) -> Load:
        """wrk's; `pause` milliseconds before each question of each of four connections, or 16 without a pause."""
        connections = "4" if pause else "16"
        done = subprocess.run(
            ["wrk", "-t1", "-c", connections, "-d", f"{seconds}s", "-s", str(SCRIPT), self._url("")],
            env=os.environ | {"CUSTOMERS": str(customers), "TOKEN": self.token, "PAUSE": str(pause)},
            capture_output=True,
            text=True,
            check=True,
        )
        seen = json.loads(done.stdout.splitlines()[-1])
        if seen["errors"]:
            raise Failed(f"{seen['errors']} answers were not as they should be")
        return Load(seen["requests"] / seen["seconds"], seen["p50"], seen["p99"])

    def size(self, customers: int) -> int:
        """Bytes of an answer, as they are at the median."""
        import httpx2

        chance = random.Random(3)
        asked = (self._url(f"/v1/notices?customer={chance.randint(1, customers)}") for _ in range(51))
        sizes = [len(httpx2.get(url, headers=self._headers).content) for url in asked]
        return sorted(sizes)[25]

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def _serving(network: Network) -> Iterator[Server]:
    token = network.ummsg("tokens", "create", "network").said.strip()
    port = free_port()
    with _running([str(PROGRAM), "serve", "--port", str(port)], network.folder, port):
        yield Server(port, token, network.folder)


@contextmanager
def _constant(folder: Path, size: int) -> Iterator[Server]:
    port = free_port()
    with _running([sys.executable, str(CONSTANT), str(port), str(size)], folder, port):
        yield Server(port, "-", folder)


@contextmanager
def _running(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(folder), stderr=log, stdout=log)
        try:
            wait_for(port, 20)
            yield
        finally:
            process.terminate()
            process.wait()


# Whom it is about


def _network(customers: int, notices: int, folder: Path) -> Network:
    network = network_of(customers, folder)
    store = Store(environment(folder)["UMMSG_DATABASE_URL"])
    with store.begin() as tx:
        execute = tx.session.connection().exec_driver_sql
        execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO products (slug, name, type, active) SELECT 'product-' || i, '', 'plan', 1 FROM n",
            (PRODUCTS,),
        )
        for number in range(3):
            execute(
                "INSERT INTO memberships (customer_id, product_id, status)"
                " SELECT id, 1 + (id * 7 + ? * 331) % ?, CASE (id + ?) % 6 WHEN 0 THEN 'expired' ELSE 'active' END"
                " FROM customers",
                (number, PRODUCTS, number),
            )
        for target, ended in _audiences(customers, notices):
            _publish(tx, target, ended)
    store.close()
    return network


def _audiences(customers: int, notices: int) -> Iterator[tuple[Target, bool]]:
    """Four for everyone, three in five for a product, of which half are over, and the others for one customer each."""
    chance = random.Random(5)
    for number in range(notices):
        if number < 4:
            yield Target.everyone(), False
        elif number < 0.6 * notices:
            yield Target.product(1 + number % PRODUCTS), number // PRODUCTS % 2 == 1
        else:
            yield Target.customer(chance.randint(1, customers)), False


def _publish(tx: Transaction, target: Target, ended: bool) -> None:
    now = datetime.now(UTC)
    draft = BroadcastDraft(
        type=BroadcastType.NOTICE,
        audience=Audience.of([target]),
        subject="Maintenance on Sunday",
        content="We **move** to new machines.",
        notice_type=NoticeType.WARNING,
        starts=now - timedelta(days=30),
        ends=now - timedelta(days=1) if ended else None,
    )
    html = '<p>We <strong>move</strong> to new machines; <a href="https://example.com/status">what to expect</a>.</p>'
    tx.broadcasts.add(draft, BroadcastStatus.PUBLISHED, now, html=html)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failed, Lacking) as error:
        sys.exit(f"{error}")
