"""What the DNS says: the records that mail depends on, with bounded patience and nothing trusted."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ummsg.mail.transports.base import one_line

if TYPE_CHECKING:
    from dns.resolver import Resolver

MOST_RECORDS = 50
_LONGEST = 4_000
"""Characters of a record that are looked at."""

T = TypeVar("T")


class NoAnswer(Exception):
    """The DNS could not be asked, or did not answer: nothing is known. Says why."""


class DnsRecords:
    """Asks the machine's own resolver, or the server at `nameserver` and `port`."""

    def __init__(self, nameserver: str = "", port: int = 53, patience: float = 5.0) -> None:
        self._nameserver = nameserver
        self._port = port
        self._patience = patience

    def texts(self, name: str) -> list[str]:
        """TXT records, each in one piece. Empty if there are none; raises NoAnswer if that is not known."""
        return self._ask(name, "TXT", lambda record: b"".join(record.strings).decode("utf-8", "replace")[:_LONGEST])

    def mail_hosts(self, name: str) -> list[tuple[int, str]]:
        """MX records by preference; a host of `.` says that no mail is taken (RFC 7505)."""
        return sorted(self._ask(name, "MX", lambda record: (record.preference, record.exchange.to_text()[:_LONGEST])))

    def has_address(self, name: str) -> bool:
        """Whether there is a host of that name."""
        return any(self._ask(name, kind, str) for kind in ("A", "AAAA"))

    def _ask(self, name: str, kind: str, read: Callable[[Any], T]) -> list[T]:
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            answer = self._resolver.resolve(
                dns.name.from_text(name), kind, lifetime=self._patience, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise NoAnswer(one_line(str(error)) or type(error).__name__) from None
        return [read(record) for record in list(answer.rrset or ())[:MOST_RECORDS]]

    @cached_property
    def _resolver(self) -> "Resolver":
        import dns.resolver

        resolver = dns.resolver.Resolver(configure=not self._nameserver)
        if self._nameserver:
            resolver.nameservers = [self._nameserver]
            resolver.port = self._port
        return resolver
