"""The rows of the table, with what each has to reach."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from figures import Limit, Row
from letter import WITH_LOGIC, Letter
from million import freezing, memory
from peers.aiosmtplib import Aiosmtplib
from peers.mailmerge import Mailmerge
from peers.peer import Peer
from peers.phpmailer import PhpMailer
from peers.smtp_source import SmtpSource
from rows import Comparison, Tell, compare

PEERS: tuple[Peer, ...] = (SmtpSource(), Aiosmtplib(), Mailmerge(), PhpMailer())

NAMES = (
    *("smtp-source", "smtp-source-d", "logic", "latency", "aiosmtplib", "mailmerge", "phpmailer"),
    *("freeze", "memory"),
)


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    pairs: int
    messages: int
    recipients: int


@dataclass(frozen=True)
class Task:
    name: str
    title: str
    measure: Callable[[Tell], Row]


def tasks(sizes: Sizes, letter: Letter) -> list[Task]:
    """In the order of NAMES."""
    many = f"{sizes.recipients:,}"
    return [
        *(Task(each.name, each.title, partial(compare, each, letter, sizes.pairs)) for each in comparisons(sizes)),
        Task("freeze", f"{many} recipients: audience frozen", partial(freezing, sizes.recipients, sizes.pairs)),
        Task("memory", f"{many} recipients: memory of the drain", partial(memory, sizes.recipients, sizes.pairs)),
    ]


def comparisons(sizes: Sizes) -> list[Comparison]:
    """Slow peers send fewer messages; as many as it takes for starting them to count for little."""
    n, source = sizes.messages, SmtpSource()
    few, fewer = max(1, n // 25), max(1, n // 100)
    return [
        Comparison("smtp-source", "smtp-source -s 10", source, n, n, rate=Limit(at_least=1.0), cpu=Limit(at_most=1.3)),
        Comparison("smtp-source-d", "smtp-source -d -s 10", SmtpSource(keeps_connections=True), n, n),
        Comparison(
            "logic",
            "smtp-source -s 10, ours with logic",
            source,
            n,
            n,
            content=WITH_LOGIC,
            rate=Limit(at_least=0.5),
        ),
        Comparison(
            "latency",
            "smtp-source -s 10, 10 ms away",
            source,
            max(1, n // 5),
            max(1, n // 50),
            round_trip=0.010,
            rate=Limit(at_least=3),
        ),
        Comparison("aiosmtplib", "aiosmtplib, 10 connections", Aiosmtplib(), n, few, rate=Limit(at_least=25)),
        Comparison("mailmerge", "mailmerge", Mailmerge(), n, few, rate=Limit(at_least=30)),
        Comparison("phpmailer", "PHPMailer, keep-alive", PhpMailer(), n, fewer, cpu_advantage=Limit(at_least=8)),
    ]
