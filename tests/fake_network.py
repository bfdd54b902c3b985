"""A network in memory, in place of the one that `ummsg network` talks to."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ummsg.domain.network import DirectoryKind, Held, Listing, NetworkStatus, Page
from ummsg.runtime import Runtime
from ummsg.services.network import Network


def customer(number: int, name: str, **more: Any) -> dict[str, Any]:
    usual = {"locale": "", "registered_at": "2026-01-31T09:00:00Z", "email_verification": "verified"}
    return {"id": number, "email": f"{name.lower()}@example.com", "name": name, **usual, **more}


def product(number: int, slug: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "slug": slug, "name": slug.title(), "type": "plan", "active": True, **more}


def membership(number: int, customer_id: int, plan_id: int, *addons: int, **more: Any) -> dict[str, Any]:
    usual = {"status": "active", "starts_at": "2026-01-31T09:00:00Z", "expires_at": None, "readable": True}
    return {"id": number, "customer_id": customer_id, "plan_id": plan_id, "addons": list(addons), **usual, **more}


class FakeNetwork:
    """Says what its lists hold, `page_size` at a time. `on_page` is called before each page, and may raise."""

    def __init__(self, page_size: int = 2) -> None:
        self.customers = [customer(11, "Anna"), customer(12, "Bo"), customer(13, "Cleo")]
        self.products = [product(4, "pro"), product(7, "extra", type="package")]
        self.memberships = [membership(21, 11, 4, 7), membership(22, 12, 4, status="trialing")]
        self.shown: dict[int, dict[str, Any]] = {}
        """What it was told of notices, by our ids; one without a digest is on no dashboard."""
        self.closed: list[dict[str, Any]] = []
        self.directory = DirectoryKind.ULTIMATE_MULTISITE
        self.version = "1.0.0"
        self.wordpress = "6.1"
        self.multisite = True
        self.main_site = ""
        """Its address, if another than the one that is connected."""
        self.password = "the password"
        self.asked_with: list[tuple[str, str, str]] = []
        self.pages: list[tuple[str, int]] = []
        self.told: list[tuple[str, int]] = []
        """Those of them that were not known already."""
        self.on_page: Callable[[str, int], Any] = lambda name, after: None
        self._page_size = page_size

    def set_up(self, runtime: Runtime) -> None:
        """Let `ummsg network` talk to this one."""
        runtime.__dict__["network"] = Network(runtime.store, runtime.settings, runtime.clock, self._opened)

    def _opened(self, url: str, user: str, password: str) -> Any:
        self.asked_with.append((url, user, password))
        self.url = self.main_site or url
        return self

    def status(self) -> NetworkStatus:
        lists = (self.products, self.customers, self.memberships)
        numbers = {listing: len(items) for listing, items in zip(Listing, lists, strict=True)}
        return NetworkStatus(
            name="Example Network",
            url=self.url,
            wordpress=self.wordpress,
            connector=self.version,
            multisite=self.multisite,
            directory=self.directory,
            numbers=numbers,
            last_dismissal=max((item["id"] for item in self.closed), default=0),
        )

    def page(self, listing: Listing, after: int, known: str = "") -> Page | None:
        page = self._page(listing.value, getattr(self, listing.value), after)
        if page.digest == known:
            return None
        self.told.append((listing.value, after))
        return page

    def dismissals(self, after: int) -> Page:
        return self._page("dismissals", self.closed, after)

    def notices(self) -> dict[int, Held]:
        self.on_page("notices", 0)
        return {number: Held(said["digest"], said["revision"]) for number, said in self.shown.items() if said["digest"]}

    def put_notice(self, notice_id: int, content: Mapping[str, Any]) -> int:
        return self._hold(notice_id, content)

    def delete_notice(self, notice_id: int, revision: int) -> int:
        return self._hold(notice_id, {"digest": "", "revision": revision})

    def clear(self) -> None:
        self.on_page("clear", 0)
        self.shown.clear()

    def _hold(self, notice_id: int, content: Mapping[str, Any]) -> int:
        self.on_page("put", notice_id)
        held: int = self.shown.get(notice_id, {"revision": 0})["revision"]
        if held <= content["revision"]:
            self.shown[notice_id] = dict(content)
        return max(held, content["revision"])

    def close(self) -> None:
        pass

    def _page(self, name: str, items: Sequence[dict[str, Any]], after: int) -> Page:
        self.on_page(name, after)
        self.pages.append((name, after))
        later = sorted((item for item in items if item["id"] > after), key=lambda item: item["id"])
        shown = later[: self._page_size]
        following = shown[-1]["id"] if len(later) > len(shown) else None
        return Page(shown, following, sha256(repr((shown, following)).encode()).hexdigest())
