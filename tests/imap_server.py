"""A small real IMAP server (RFC 3501) on loopback, over TLS: what reading and moving messages takes, and no more.

with ImapServer({"INBOX": [message]}) as server:
    server.folders["INBOX"]  # uid -> Stored
"""

import base64
import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.smtp_server import authority, server_certificate

WORDS = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\([^)]*\))|(\S+)')


@dataclass
class Stored:
    data: bytes
    flags: set[str] = field(default_factory=set)


class ImapServer:
    """`capabilities` is what it says that it can; `commands` every line that was said to it, without passwords."""

    user = "bounces@example.com"
    password = 'pass "word" é'

    def __init__(
        self,
        folders: Mapping[str, list[bytes]],
        *,
        capabilities: str = "AUTH=PLAIN MOVE UIDPLUS",
        delimiter: str = ".",
        names: tuple[str, ...] = ("localhost", "127.0.0.1"),
        dies_at: str = "",
    ) -> None:
        self.folders = {
            name: {number: Stored(data) for number, data in enumerate(messages, 1)}
            for name, messages in folders.items()
        }
        self.capabilities = f"IMAP4rev1 {'X-AND-SO-ON ' * 60}{capabilities}"
        self.delimiter = delimiter
        self.dies_at = dies_at
        self.commands: list[str] = []
        self._context = server_certificate(*names)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()

    def _listen(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            sock.settimeout(20)
            with self._context.wrap_socket(sock, server_side=True) as tls:
                dialogue = _Dialogue(self, tls)
                try:
                    dialogue.run()
                finally:
                    dialogue.lines.close()


class _Dialogue:
    def __init__(self, server: ImapServer, sock: ssl.SSLSocket) -> None:
        self.server = server
        self.sock = sock
        self.lines = sock.makefile("rb")
        self.folder = ""
        self.logged_in = False

    def run(self) -> None:
        self.say("* OK ready")
        while line := self.lines.readline():
            tag, command, words = self._parsed(line)
            self.server.commands.append(f"{command} {b' '.join(words).decode()}" if command != "LOGIN" else command)
            if command == self.server.dies_at:
                return
            name = "do_" + command.replace(" ", "_").lower()
            act: Callable[..., str] = getattr(self, name, lambda *_: "BAD what?")
            self.say(f"{tag} {act(*words)}")
            if command == "LOGOUT":
                return

    def _parsed(self, line: bytes) -> tuple[str, str, list[bytes]]:
        words = [
            re.sub(rb"\\(.)", rb"\1", quoted) if not (group or atom) else group or atom
            for quoted, group, atom in WORDS.findall(line)
        ]
        command = words[1].decode().upper()
        if command == "UID":
            return words[0].decode(), f"UID {words[2].decode().upper()}", words[3:]
        return words[0].decode(), command, words[2:]

    def say(self, text: str) -> None:
        self.sock.sendall(text.encode() + b"\r\n")

    @property
    def messages(self) -> dict[int, Stored]:
        return self.server.folders[self.folder]

    def do_capability(self) -> str:
        said = self.server.capabilities.split()
        self.say(f"* CAPABILITY {' '.join(word for word in said if self.logged_in or word not in ('MOVE', 'UIDPLUS'))}")
        return "OK done"

    def do_authenticate(self, mechanism: bytes) -> str:
        self.say("+ ")
        _, user, password = base64.b64decode(self.lines.readline()).split(b"\0")
        return self._log_in(user, password)

    def do_login(self, user: bytes, password: bytes) -> str:
        return self._log_in(user, password)

    def _log_in(self, user: bytes, password: bytes) -> str:
        right = (user.decode(), password.decode()) == (self.server.user, self.server.password)
        self.logged_in = right
        return "OK welcome" if right else "NO [AUTHENTICATIONFAILED] go away"

    def do_select(self, folder: bytes) -> str:
        if folder.decode() not in self.server.folders:
            return "NO no such \x1b[31mmailbox"
        self.folder = folder.decode()
        self.say(f"* {len(self.messages)} EXISTS")
        return "OK [READ-WRITE] selected"

    def do_list(self, reference: bytes = b"", pattern: bytes = b"") -> str:
        self.say(f'* LIST (\\Noselect) "{self.server.delimiter}" ""')
        return "OK listed"

    def do_create(self, folder: bytes) -> str:
        if folder.decode() in self.server.folders:
            return "NO [ALREADYEXISTS] it is there"
        self.server.folders[folder.decode()] = {}
        return "OK created"

    def do_uid_search(self, *criteria: bytes) -> str:
        assert criteria == (b"UNDELETED",)
        found = [str(uid) for uid, stored in self.messages.items() if r"\Deleted" not in stored.flags]
        self.say(f"* SEARCH {' '.join(found)}")
        return "OK searched"

    def do_uid_fetch(self, uid: bytes, what: bytes, *rest: bytes) -> str:
        most = re.search(rb"<0\.(\d+)>", what + b" ".join(rest))
        assert most is not None
        stored = self.messages.get(int(uid))
        if stored is not None:
            data = stored.data[: int(most[1])]
            head = f"* 1 FETCH (UID {int(uid)} BODY[]<0> {{{len(data)}}}\r\n".encode()
            self.sock.sendall(head + data + b")\r\n")
        return "OK fetched"

    def do_uid_store(self, uid: bytes, how: bytes, flags: bytes) -> str:
        if int(uid) in self.messages:
            self.messages[int(uid)].flags |= set(flags.decode().strip("()").split())
        return "OK stored"

    def do_uid_copy(self, uid: bytes, folder: bytes) -> str:
        target = self.server.folders.get(folder.decode())
        if target is None:
            return "NO [TRYCREATE] no such mailbox"
        stored = self.messages[int(uid)]
        target[max(target, default=0) + 1] = Stored(stored.data, set(stored.flags))
        return "OK copied"

    def do_uid_move(self, uid: bytes, folder: bytes) -> str:
        done = self.do_uid_copy(uid, folder)
        if done.startswith("OK"):
            del self.messages[int(uid)]
        return done

    def do_uid_expunge(self, uid: bytes) -> str:
        self.messages.pop(int(uid))
        return "OK expunged"

    def do_logout(self) -> str:
        self.say("* BYE")
        return "OK bye"


def trust(path: object) -> None:
    """Write the certificate that a client of the server has to trust."""
    authority().cert_pem.write_to_path(str(path))
