"""`/u/{token}`: unsubscribing (RFC 8058), by a mailbox provider or by a reader, in the reader's language."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ummsg.errors import TokenRefused
from ummsg.services.unsubscriptions import Subscription, Unsubscriptions
from ummsg.web.access import Access
from ummsg.web.pages import page
from ummsg.web.threads import in_thread

STYLE = "/u/page.css"
"""How our pages look: below the path that leads to this one, wherever else a web server in front leads."""


@dataclass(frozen=True)
class Words:
    """What the page says in one language."""

    language: str
    title: str
    asks: str
    """With the network's name in the braces."""
    we: str
    """Who asks, if the network has no name."""
    unsubscribe: str
    done: str
    changed_mind: str
    resubscribe: str
    back: str
    suppressed: str
    unknown: str
    unknown_hint: str


_WORDS = (
    Words(
        language="en",
        title="Unsubscribe",
        asks="Shall {} stop mailing this address?",
        we="we",
        unsubscribe="Unsubscribe",
        done="You are unsubscribed. We will not mail this address any more.",
        changed_mind="Was that a mistake?",
        resubscribe="Subscribe again",
        back="You are subscribed again.",
        suppressed="We do not mail this address.",
        unknown="This link does not work",
        unknown_hint="Please open the link in our message again, and all of it.",
    ),
    Words(
        language="sv",
        title="Avsluta prenumerationen",
        asks="Ska {} sluta skicka till den här adressen?",
        we="vi",
        unsubscribe="Avsluta prenumerationen",
        done="Prenumerationen är avslutad. Vi skickar inget mer till den här adressen.",
        changed_mind="Blev det fel?",
        resubscribe="Prenumerera igen",
        back="Du prenumererar igen.",
        suppressed="Vi skickar inget till den här adressen.",
        unknown="Länken fungerar inte",
        unknown_hint="Öppna länken i vårt meddelande igen, och hela länken.",
    ),
)


class UnsubscribeRoutes:
    def __init__(self, access: Access, unsubscriptions: Unsubscriptions) -> None:
        self._access = access
        self._unsubscriptions = unsubscriptions

    async def answer(self, request: Request) -> Response:
        try:
            return await (self._change(request) if request.method == "POST" else self._show(request))
        except TokenRefused:
            self._access.note_refusal(request)
            return page("unknown.html", 404, words=_words(request.headers.get("accept-language", "en")))

    async def _show(self, request: Request) -> Response:
        """A page with a button: whatever only looks at links unsubscribes nobody."""
        standing = await in_thread(self._unsubscriptions.standing, request.path_params["token"])
        return _page(standing, "suppressed" if standing.suppressed else "asks")

    async def _change(self, request: Request) -> Response:
        """Only what RFC 8058 § 3.1 says unsubscribes, and only our own button takes it back."""
        token = request.path_params["token"]
        try:
            async with request.form(max_files=0, max_fields=100) as form:
                one_click, again = form.get("List-Unsubscribe") == "One-Click", form.get("resubscribe") == "yes"
        except (LookupError, UnicodeError):
            raise HTTPException(400, "The form is in an encoding that is none") from None
        if one_click:
            return _page(await in_thread(self._unsubscriptions.unsubscribe, token), "done")
        if again:
            standing = await in_thread(self._unsubscriptions.resubscribe, token)
            return _page(standing, "suppressed" if standing.suppressed else "back")
        raise HTTPException(422, "To unsubscribe, the form says List-Unsubscribe=One-Click (RFC 8058)")


def _page(standing: Subscription, says: str) -> Response:
    words = _words(standing.locale)
    said = getattr(words, says).replace("{}", standing.network or words.we)
    return page("unsubscribe.html", words=words, says=said, address=_hinted(standing.email), at=standing)


def _words(locale: str) -> Words:
    """English for languages that we do not speak."""
    wanted = locale.strip().lower()[:2]
    return next((words for words in _WORDS if words.language == wanted), _WORDS[0])


def _hinted(address: str) -> str:
    """Enough for its reader to know it: the message may have been forwarded to somebody else."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
