"""A WordPress multisite with ummsg's connector, over its REST routes (`wordpress/ummsg-connector.php`).

Every answer is bounded in size and time, redirects are not followed, and what an answer says is checked before
anything is made of it: the other side may be anything that listens there.
"""

import json
import time
from collections.abc import Mapping
from itertools import pairwise
from types import NoneType
from typing import TYPE_CHECKING, Any, NoReturn

from ummsg import __version__
from ummsg.domain.network import DirectoryKind, Held, Listing, NetworkStatus, Page
from ummsg.errors import InvalidInput, NetworkRefused, NetworkUnreachable, NotANetwork

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""For a whole answer."""
ANSWER_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer; a page of a thousand customers has some 200,000."""
PAGE_SIZE = 1000

_NO_CONNECTOR = "put wordpress/ummsg-connector.php into wp-content/mu-plugins/ there, and try again"


class WordPress:
    """Of one network; `password` is an application password of `user`."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._user = user
        self._password = password
        self._opened: httpx2.Client | None = None

    # What it is asked

    def status(self) -> NetworkStatus:
        """Raises NetworkUnreachable, NetworkRefused, and NotANetwork for what is no WordPress with a connector."""
        said = self._ask("GET", "/status")
        try:
            return NetworkStatus(
                name=str(said["network"]),
                url=str(said["url"]),
                wordpress=str(said["wordpress"]),
                connector=str(said["connector"]),
                multisite=said["multisite"] is True,
                directory=DirectoryKind(said["directory"]),
                last_dismissal=int(said["last_dismissal"]),
                numbers={listing: int(said[listing.value]) for listing in Listing},
            )
        except (KeyError, TypeError, ValueError):
            self._not_understood()

    def page(self, listing: Listing, after: int, known: str = "") -> Page | None:
        """The next of a listing, those whose ids come `after` that one; None if it is the page with the digest `known`.

        Raises as `status` does, and NotANetwork for ids that repeat, go back, or do not lead on.
        """
        return self._page(listing.value, after, known)

    def dismissals(self, after: int) -> Page:
        """Who closed which notice when, in the order in which they did. Raises as `page` does."""
        return self._whole_page("dismissals", after)

    def notices(self) -> dict[int, Held]:
        """What it holds of which notice, by our ids. Raises as `page` does."""
        found: dict[int, Held] = {}
        following: int | None = 0
        while following is not None:
            page = self._whole_page("notices", following)
            following = page.next
            found |= {item["id"]: Held(item["digest"], item["revision"]) for item in page.items}
        return found

    def put_notice(self, notice_id: int, content: Mapping[str, Any]) -> int:
        """Let its dashboards show a notice, unless it holds a later revision; returns the one that it holds now.

        Raises as `status` does, and InvalidInput for what the network does not take.
        """
        return self._change("PUT", notice_id, content)

    def delete_notice(self, notice_id: int, revision: int) -> int:
        """Take a notice off its dashboards. Returns and raises as `put_notice` does."""
        return self._change("DELETE", notice_id, {"revision": revision})

    def clear(self) -> None:
        """Leave nothing of ours there. Raises as `status` does."""
        self._ask("DELETE", "/data")

    def _change(self, method: str, notice_id: int, content: Mapping[str, Any]) -> int:
        revision = self._ask(method, f"/notices/{notice_id}", body=content).get("revision")
        if not isinstance(revision, int):
            self._not_understood()
        return revision

    def _whole_page(self, name: str, after: int) -> Page:
        page = self._page(name, after, "")
        if page is None:
            self._not_understood()
        return page

    def _page(self, name: str, after: int, known: str) -> Page | None:
        said = self._ask("GET", f"/{name}", {"after": str(after), "limit": str(PAGE_SIZE), "known": known})
        if known and said.get("unchanged") is True:
            return None
        items, following = said.get("items"), said.get("next")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            self._not_understood()
        if not all(_fits(item, _SHAPES[name]) for item in items):
            self._not_understood()
        ids = [after, *(item["id"] for item in items)]
        if any(later <= earlier for earlier, later in pairwise(ids)) or (
            following is not None and (not items or following != ids[-1])
        ):
            raise NotANetwork(
                f"{self.url} gave a page of {name} that repeats or skips some (after {after})",
                hint="try again; if it stays so, look at the network's log",
            )
        return Page(items, following, str(said.get("digest", ""))[:64])

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    # How it is asked

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

    def _ask(self, method: str, route: str, query: Mapping[str, str] | None = None, body: Any = None) -> dict[str, Any]:
        import httpx2

        try:
            # By parameter and not by path: that works whatever the permalinks of the network are.
            parameters = {"rest_route": f"/ummsg/v1{route}", **(query or {})}
            with self._client.stream(method, f"{self.url}/", params=parameters, json=body) as response:
                content = self._bounded(response)
        except httpx2.TimeoutException:
            raise NetworkUnreachable(
                f"{self.url} did not answer in time", hint="ummsg network status, when it is back"
            ) from None
        except httpx2.TransportError as error:
            raise NetworkUnreachable(
                f"{self.url} cannot be reached", details=[_in_words(error)], hint="ummsg network status"
            ) from None
        return self._understood(response, content)

    def _bounded(self, response: "httpx2.Response") -> bytes:
        until = time.monotonic() + ANSWER_SECONDS
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > ANSWER_LIMIT:
                raise NotANetwork(f"{self.url} gave an answer of more than {ANSWER_LIMIT // 1024 // 1024} MB")
            if time.monotonic() > until:
                raise NetworkUnreachable(f"{self.url} did not finish its answer in time", hint="ummsg network status")
        return bytes(content)

    def _understood(self, response: "httpx2.Response", content: bytes) -> dict[str, Any]:
        if response.has_redirect_location:
            raise NotANetwork(
                f"{self.url} leads on to {response.headers['location'][:200]}",
                hint="connect the address at which the network answers by itself",
            )
        try:
            said = json.loads(content)
        except (ValueError, RecursionError):
            said = None
        code = said.get("code") if isinstance(said, dict) else None
        if response.status_code != 200 or not isinstance(said, dict):
            self._refuse(response.status_code, said, code)
        return said

    def _refuse(self, status: int, said: Any, code: Any) -> NoReturn:
        match status:
            case 401 if code is not None:
                raise NetworkRefused(
                    f"{self.url} does not know the user {self._user} with this password",
                    details=["it takes an application password, made in the profile of the user there"],
                    hint=f"ummsg network connect {self.url} --user {self._user}",
                )
            case 403 if code is not None:
                raise NetworkRefused(
                    f"The user {self._user} may not manage the network {self.url}",
                    hint="use an application password of a super admin",
                )
            case 404 if code == "rest_no_route":
                raise NotANetwork(f"{self.url} is a WordPress without ummsg's connector", hint=_NO_CONNECTOR)
            case 400 if code is not None:
                raise InvalidInput(f"{self.url} does not take it: {_message(said)}")
            case _ if status >= 500:
                raise NetworkUnreachable(
                    f"{self.url} answered {status}", details=[_message(said)], hint="look at the network's log"
                )
        self._not_understood(status)

    def _not_understood(self, status: int = 200) -> NoReturn:
        raise NotANetwork(
            f"{self.url} does not answer as a WordPress with ummsg's connector does (status {status})",
            hint=_NO_CONNECTOR,
        )


_MOMENT = (str, NoneType)
_SHAPES: dict[str, dict[str, tuple[type, ...]]] = {
    "products": {"slug": (str,), "name": (str,), "type": (str,), "active": (bool,)},
    "customers": {
        **dict.fromkeys(("email", "name", "locale", "email_verification"), (str,)),
        "registered_at": _MOMENT,
    },
    "memberships": {
        **dict.fromkeys(("customer_id", "plan_id"), (int,)),
        "addons": (list,),
        "readable": (bool,),
        "status": (str,),
        **dict.fromkeys(("starts_at", "expires_at"), _MOMENT),
    },
    "notices": {"digest": (str,), "revision": (int,)},
    "dismissals": {**dict.fromkeys(("notice_id", "customer_id", "edition"), (int,)), "dismissed_at": (str,)},
}


def _fits(item: Mapping[str, Any], shape: Mapping[str, tuple[type, ...]]) -> bool:
    """Whether it has these fields, and nothing but ids among its add-ons."""
    wanted = {"id": (int,), **shape}
    return all(type(item.get(name)) in types for name, types in wanted.items()) and all(
        type(number) is int for number in item.get("addons", ())
    )


def _message(said: Any) -> str:
    return str(said.get("message", ""))[:200] if isinstance(said, dict) else "no JSON"


def _in_words(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
