"""Addresses of links: which may stand in a message, and what a value may become within one."""

import re
from typing import Any
from urllib.parse import quote

from jinja2.runtime import Undefined

from ummsg.mail.values import RenderFailed

_GOOD_START = re.compile(r"https?://[^\s/]|mailto:[^\s]|tel:[^\s]", re.IGNORECASE)
_IGNORED_BY_BROWSERS = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]+")
_DANGEROUS = re.compile(r"(?:javascript|vbscript|livescript|file|data):")
_WHOLE_URL = ":/?#[]@!$&'()*+,;=%~"


def is_dangerous(address: str) -> bool:
    """Whether a browser would run this address, or read it from the reader's machine, however it is spelt."""
    return _DANGEROUS.match(_IGNORED_BY_BROWSERS.sub("", address).lower()) is not None


def has_good_start(address: str) -> bool:
    """Whether it says in full where it leads: http, https, mailto or tel."""
    return _GOOD_START.match(address) is not None


def url(value: Any) -> str:
    """A value that a link's address begins with. Raises RenderFailed unless it is a web, mail or phone address."""
    text = str(value).strip()
    if not has_good_start(text):
        raise RenderFailed(
            f"{text[:60]!r} is no address for a link; it must begin with https://, http://, mailto: or tel:"
        )
    return quote(text, safe=_WHOLE_URL)


def url_part(value: Any, kept: str) -> str:
    """A value further along in an address, percent-encoded but for the characters `kept`."""
    return quote(str(value) if not isinstance(value, Undefined) else value.__str__(), safe=kept)


def kept_after(start: str) -> str:
    """What a value may keep that follows this beginning of an address.

    Before the query a value may be several steps of a path, or a host with a port; in a query it is one value.
    """
    if "?" in start or "#" in start:
        return ""
    scheme = start.partition(":")[0].lower()
    return {"mailto": "@", "tel": "+"}.get(scheme, "/:")
