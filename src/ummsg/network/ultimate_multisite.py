"""The REST API of Ultimate Multisite itself (`/wp-json/wu/v2`), as far as we ask it: its system emails."""

from typing import Any, NoReturn

from ummsg.errors import NetworkRefused, NetworkUnreachable, NotANetwork
from ummsg.network.site import Answer, Site

PAGE_SIZE = 100
MOST_PAGES = 50


class UltimateMultisite:
    """Of one network; `key` and `secret` are those of its API."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self.url = url
        self._site = Site(url, key, secret, again="the same command")

    def emails(self) -> list[dict[str, Any]]:
        """Its system emails as it tells them. Raises NetworkUnreachable, NetworkRefused and NotANetwork."""
        found: dict[str, dict[str, Any]] = {}
        for number in range(MOST_PAGES):
            page = self._page(number)
            known = len(found)
            found |= {str(entry.get("id", entry.get("slug"))): entry for entry in page}
            # A version that does not know how to page says the same again.
            if len(page) < PAGE_SIZE or len(found) == known:
                return list(found.values())
        raise NotANetwork(f"{self.url} has more than {MOST_PAGES * PAGE_SIZE:,} emails, or never ends to tell them")

    def close(self) -> None:
        self._site.close()

    def _page(self, number: int) -> list[dict[str, Any]]:
        # From 2.4.13 on it takes the first two, before that the others, and each passes over what it does not know.
        asked = {"page": number + 1, "per_page": PAGE_SIZE, "number": PAGE_SIZE, "offset": number * PAGE_SIZE}
        answer = self._site.ask("GET", "/wu/v2/email", {name: str(value) for name, value in asked.items()})
        if answer.status != 200 or not isinstance(answer.said, list):
            self._refuse(answer)
        if not all(isinstance(entry, dict) for entry in answer.said):
            self._not_understood(answer.status)
        return answer.said

    def _refuse(self, answer: Answer) -> NoReturn:
        match answer.status:
            case 401 | 403 if answer.code is not None:
                raise NetworkRefused(
                    f"{self.url} does not take this key and secret",
                    details=["they are those of Ultimate Multisite's API, and not an application password"],
                    hint="Ultimate Multisite, Settings, API & Webhooks: is the API switched on, are they these?",
                )
            case 404 if answer.code == "rest_no_route":
                raise NotANetwork(
                    f"{self.url} is a WordPress without the API of Ultimate Multisite",
                    hint="Ultimate Multisite, Settings, API & Webhooks: switch the API on",
                )
            case status if status >= 500:
                raise NetworkUnreachable(
                    f"{self.url} answered {status}", details=[answer.message], hint="look at the network's log"
                )
        self._not_understood(answer.status)

    def _not_understood(self, status: int) -> NoReturn:
        raise NotANetwork(f"{self.url} does not answer as Ultimate Multisite does (status {status})")
