"""A site that answers in JSON over HTTP, or whatever else listens there.

Every answer is bounded in size and time, and redirects are not followed.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ummsg import __version__
from ummsg.errors import NetworkUnreachable, NotANetwork

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""For a whole answer."""
ANSWER_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer; a page of a thousand customers has some 200,000."""


@dataclass(frozen=True)
class Answer:
    """`said` is None for what is no JSON."""

    status: int
    said: Any

    @property
    def code(self) -> Any:
        """What WordPress calls an error; None if it is none of WordPress's."""
        return self.said.get("code") if isinstance(self.said, dict) else None

    @property
    def message(self) -> str:
        return str(self.said.get("message", ""))[:200] if isinstance(self.said, dict) else "no JSON"


class Site:
    """Asked with a user and a password (HTTP Basic); `again` is what an operator types when it is back."""

    def __init__(self, url: str, user: str, password: str, *, again: str) -> None:
        self.url = url
        self._user = user
        self._password = password
        self._again = again
        self._opened: httpx2.Client | None = None

    def ask(self, method: str, route: str, query: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        """Call a route of WordPress's REST API, whatever it answers.

        Raises NetworkUnreachable, and NotANetwork for an answer that is too large or leads elsewhere.
        """
        import httpx2

        try:
            # By parameter and not by path: that works whatever the permalinks of the network are.
            parameters = {"rest_route": route, **(query or {})}
            with self._client.stream(method, f"{self.url}/", params=parameters, json=body) as response:
                content = self._bounded(response)
        except httpx2.TimeoutException:
            raise NetworkUnreachable(
                f"{self.url} did not answer in time", hint=f"{self._again}, when it is back"
            ) from None
        except httpx2.DecodingError:
            raise NotANetwork(f"{self.url} gave an answer that cannot be unpacked") from None
        except httpx2.TransportError as error:
            raise NetworkUnreachable(
                f"{self.url} cannot be reached", details=[_in_words(error)], hint=self._again
            ) from None
        if response.has_redirect_location:
            raise NotANetwork(
                f"{self.url} leads on to {response.headers['location'][:200]}",
                hint="take the address at which the network answers by itself",
            )
        return Answer(response.status_code, _json_in(content))

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _client(self) -> "httpx2.Client":
        if self._opened is None:
            import httpx2

            self._opened = httpx2.Client(
                auth=(self._user, self._password),
                timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
                headers={"Accept": "application/json", "User-Agent": f"ummsg/{__version__}"},
                follow_redirects=False,
            )
        return self._opened

    def _bounded(self, response: "httpx2.Response") -> bytes:
        until = time.monotonic() + ANSWER_SECONDS
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > ANSWER_LIMIT:
                raise NotANetwork(f"{self.url} gave an answer of more than {ANSWER_LIMIT // 1024 // 1024} MB")
            if time.monotonic() > until:
                raise NetworkUnreachable(f"{self.url} did not finish its answer in time", hint=self._again)
        return bytes(content)


def _json_in(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _in_words(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
