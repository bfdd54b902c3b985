"""The network that ummsg is connected to: where it is, and what it has to be."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ummsg.errors import InvalidInput

CONNECTOR = (1, 0)
"""The connector that this ummsg talks to: this one, or a newer one with the same first number."""

OLDEST_WORDPRESS = (5, 6)
"""The first with application passwords."""

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")


class DirectoryKind(StrEnum):
    """What keeps the network's customers."""

    ULTIMATE_MULTISITE = "ultimate-multisite"
    SITE_OWNERS = "site-owners"


class Listing(StrEnum):
    """What a network is asked for page by page, in the order in which it has to be."""

    PRODUCTS = "products"
    CUSTOMERS = "customers"
    MEMBERSHIPS = "memberships"


@dataclass(frozen=True, slots=True)
class Connected:
    """A network that ummsg is connected to; `url` is its main site, without a slash at the end."""

    url: str
    user: str
    directory: DirectoryKind
    connected_at: datetime


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """What a network says of itself, and how many of each listing it has."""

    name: str
    url: str
    """Of the main site."""
    wordpress: str
    connector: str
    multisite: bool
    directory: DirectoryKind
    numbers: Mapping[Listing, int]
    last_dismissal: int = 0
    """The id of the newest."""

    def check(self, url: str) -> None:
        """Raises InvalidInput for a network that this ummsg cannot work with, and if `url` is not its main site's."""
        main = urlsplit(self.url)
        if (main.netloc, main.path.rstrip("/")) != (urlsplit(url).netloc, urlsplit(url).path):
            raise InvalidInput(
                f"{url} is a part of the network {self.url}, and not its main site",
                hint=f"ummsg network connect {self.url.rstrip('/')}",
            )
        if not self.multisite:
            raise InvalidInput("That is one WordPress site and not a network", hint="connect a multisite's main site")
        if version_of(self.wordpress) < OLDEST_WORDPRESS:
            raise InvalidInput(
                f"That network runs WordPress {self.wordpress}, which has no application passwords",
                hint=f"upgrade it to {'.'.join(map(str, OLDEST_WORDPRESS))} or newer",
            )
        connector = version_of(self.connector)
        if connector < CONNECTOR:
            raise InvalidInput(
                f"The connector there is {self.connector}; this ummsg needs {'.'.join(map(str, CONNECTOR))}",
                hint="replace wp-content/mu-plugins/ummsg-connector.php by the one that comes with this ummsg",
            )
        if connector[0] > CONNECTOR[0]:
            raise InvalidInput(f"The connector there is {self.connector}, which is newer than this ummsg knows")


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a listing, by their ids, and what to ask for the rest after; None at its end. By its `digest` the network
    knows whether it has changed since."""

    items: Sequence[Mapping[str, Any]]
    next: int | None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class KnownPage:
    """A page that was read before: by its digest, and what came after it."""

    digest: str
    next: int | None


class Held(NamedTuple):
    """What a network holds of a notice (`domain/publication.py`)."""

    digest: str
    revision: int


def version_of(text: str) -> tuple[int, int]:
    """Its first two numbers; zeroes for what is no version."""
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def checked_url(text: str, command: str) -> str:
    """The address of a network's main site. Raises InvalidInput for one without HTTPS, but on this machine, and for one
    that holds a password, or more than an address; hints are how `command` goes on."""
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput(f"{text[:200]!r} is no address of a network", hint=f"{command} https://example.com")
    if "@" in parts.netloc:
        raise InvalidInput(
            "An address with a user or a password in it would be shown wherever it is",
            hint=f"{command} {parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        )
    if parts.query or parts.fragment:
        raise InvalidInput("The address of a network ends before ? and #", hint="the address of its main site")
    if parts.scheme == "http" and not _is_loopback(host):
        raise InvalidInput(
            "Without HTTPS the password and every customer could be read on the way",
            hint=f"{command} https://{parts.netloc}{parts.path}",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
