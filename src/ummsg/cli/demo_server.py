"""A real SMTP server on loopback, inside this process, that keeps what it accepts: the demo's mailboxes."""

import logging
import socket
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller

from ummsg.mail.reading import readable

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class MailServer:
    """Listens from `with` on; `url` is what `UMMSG_MAIL_URL` takes."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=_free_port())

    @property
    def url(self) -> str:
        return f"smtp://{self._controller.hostname}:{self._controller.port}?tls=none"

    def readable(self) -> list[str]:
        """The messages as a mail client shows them."""
        return [readable(message) for message in self.messages]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.messages.append(envelope.content)
        return f"250 2.0.0 OK: message {len(self.messages)}"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
