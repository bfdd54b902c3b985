"""The network that ummsg is connected to: connecting, looking at it, letting go."""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from ummsg.config import Settings
from ummsg.domain.network import Connected, Listing, NetworkStatus, checked_url
from ummsg.errors import InvalidInput, NotConfigured, UmmsgError
from ummsg.network.wordpress import WordPress
from ummsg.store.engine import Store

OpenNetwork = Callable[[str, str, str], WordPress]
"""By address, user and password."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How ummsg stands with its network: what it says of itself, and what is known of it here."""

    connected: Connected
    status: NetworkStatus
    synced_at: datetime | None
    unfinished: Listing | None
    """What a sync that did not end was reading."""
    known: dict[Listing, int]


class Network:
    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], datetime],
        open_network: OpenNetwork = WordPress,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._open = open_network

    def connect(self, url: str, user: str, password: str) -> NetworkStatus:
        """Connect to the network whose main site is at `url`; the password is kept beside the database, unless the
        settings have it.

        Raises InvalidInput for an address without HTTPS, NotANetwork for what is none that we can work with,
        NetworkRefused for a password that it does not take, and NetworkUnreachable. Nothing is changed then.
        """
        url = checked_url(url, "ummsg network connect")
        if not user.strip() or not password:
            raise InvalidInput("A network is connected by a user and their application password", hint=_USAGE)
        with closing(self._open(url, user.strip(), password)) as network:
            status = network.status()
        status.check(url)
        self._keep(password)
        with self._store.begin() as tx:
            before = tx.network.connected()
            tx.network.connect(Connected(url, user.strip(), status.directory, self._clock()))
            if before is None or before.url != url:
                tx.publications.forget()
                tx.publications.want_all(self._clock())
        return status

    def standing(self) -> Standing:
        """Raises as `connect` does, and NotConfigured if none is connected."""
        connected = self.connected()
        with closing(self.opened(connected)) as network:
            status = network.status()
        with self._store.read() as tx:
            unfinished = tx.network.stands_at()
            return Standing(
                connected,
                status,
                tx.network.synced_at(),
                unfinished and unfinished[0],
                dict(tx.network.numbers()),
            )

    def disconnect(self) -> UmmsgError | None:
        """Take our notices off its dashboards, and forget the network and its password; what was read of it stays.

        Returns why the notices could not be taken off, if so. Raises NotConfigured if none is connected.
        """
        connected = self.connected()
        left_behind = None
        try:
            with closing(self.opened(connected)) as network:
                network.clear()
        except UmmsgError as error:
            left_behind = error
        with self._store.begin() as tx:
            tx.network.disconnect()
            tx.publications.forget()
        self._settings.network_password_path.unlink(missing_ok=True)
        return left_behind

    def connected(self) -> Connected:
        """Raises NotConfigured if none is."""
        with self._store.read() as tx:
            connected = tx.network.connected()
        if connected is None:
            raise NotConfigured("No network is connected", hint=_USAGE)
        return connected

    def opened(self, connected: Connected) -> WordPress:
        """Raises NotConfigured without a password."""
        password = self._settings.network_password()
        if password is None:
            raise NotConfigured(
                f"There is no password for {connected.user} on {connected.url}",
                details=[f"neither in UMMSG_NETWORK_PASSWORD nor in {self._settings.network_password_path}"],
                hint=f"ummsg network connect {connected.url} --user {connected.user}",
            )
        return self._open(connected.url, connected.user, password)

    def _keep(self, password: str) -> None:
        """In a file that is nobody else's, from its first byte on."""
        path = self._settings.network_password_path
        if self._settings.password_is_set("NETWORK_PASSWORD"):
            path.unlink(missing_ok=True)
            return
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        try:
            file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as text:
                text.write(f"{password}\n")
            new.replace(path)
        except OSError as error:
            raise NotConfigured(f"{path} cannot be written", details=[error.strerror or str(error)]) from None


_USAGE = "ummsg network connect https://example.com --user NAME"
