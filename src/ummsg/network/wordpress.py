"""A WordPress multisite with ummsg's connector, over its REST routes (`wordpress/ummsg-connector.php`).

What an answer says is checked before anything is made of it: the other side may be anything that listens there.
"""

from collections.abc import Mapping
from itertools import pairwise
from types import NoneType
from typing import Any, NoReturn

from ummsg.domain.network import DirectoryKind, Held, Listing, NetworkStatus, Page
from ummsg.errors import InvalidInput, NetworkRefused, NetworkUnreachable, NotANetwork
from ummsg.network.site import Answer, Site

PAGE_SIZE = 1000

_NO_CONNECTOR = "put wordpress/ummsg-connector.php into wp-content/mu-plugins/ there, and try again"


class WordPress:
    """Of one network; `password` is an application password of `user`."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._user = user
        self._site = Site(url, user, password, again="ummsg network status")

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
        self._site.close()

    # How it is asked

    def _ask(self, method: str, route: str, query: Mapping[str, str] | None = None, body: Any = None) -> dict[str, Any]:
        answer = self._site.ask(method, f"/ummsg/v1{route}", query, body)
        if answer.status != 200 or not isinstance(answer.said, dict):
            self._refuse(answer)
        return answer.said

    def _refuse(self, answer: Answer) -> NoReturn:
        match answer.status:
            case 401 if answer.code is not None:
                raise NetworkRefused(
                    f"{self.url} does not know the user {self._user} with this password",
                    details=["it takes an application password, made in the profile of the user there"],
                    hint=f"ummsg network connect {self.url} --user {self._user}",
                )
            case 403 if answer.code is not None:
                raise NetworkRefused(
                    f"The user {self._user} may not manage the network {self.url}",
                    hint="use an application password of a super admin",
                )
            case 404 if answer.code == "rest_no_route":
                raise NotANetwork(f"{self.url} is a WordPress without ummsg's connector", hint=_NO_CONNECTOR)
            case 400 if answer.code is not None:
                raise InvalidInput(f"{self.url} does not take it: {answer.message}")
            case status if status >= 500:
                raise NetworkUnreachable(
                    f"{self.url} answered {status}", details=[answer.message], hint="look at the network's log"
                )
        self._not_understood(answer.status)

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
