"""A small real DNS server on loopback, over UDP.

with DnsServer({"example.com": {"MX": ["10 mail.example.com."]}}) as server:
    server.port

What is not in it does not exist; SILENT and BROKEN stand for a server that never answers, and one that cannot.
"""

import contextlib
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT = "silent"
BROKEN = "broken"

Zone = Mapping[str, Mapping[str, list[str]]]


class DnsServer:
    def __init__(self, zone: Zone, *, fault: str = "") -> None:
        self.zone = {dns.name.from_text(name): records for name, records in zone.items()}
        self.fault = fault
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(65535)
            if not data:
                return
            with contextlib.suppress(OSError):
                if answer := self._answer(dns.message.from_wire(data)):
                    self._socket.sendto(answer.to_wire(), client)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        if self.fault == SILENT:
            return None
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{kind} {question.name.to_text(omit_final_dot=True)}")
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if self.fault == BROKEN:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif question.name not in self.zone:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found := self.zone[question.name].get(kind):
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        return answer
