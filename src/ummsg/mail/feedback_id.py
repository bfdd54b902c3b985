"""Gmail's Feedback-ID: what its Postmaster Tools count complaints by."""

import re
import unicodedata
from functools import lru_cache

_LONGEST_SENDER = 15


@lru_cache(maxsize=64)
def feedback_id(broadcast_id: int, network_name: str, domain: str) -> str:
    """`broadcast:network`: the field that tells broadcasts apart, then the sender, 5 to 15 characters that never change
    (https://support.google.com/a/answer/6254652)."""
    return f"broadcast-{broadcast_id}:{_slug(network_name) or _slug(domain) or 'ummsg'}"


def _slug(name: str) -> str:
    """What of a name is ASCII letters and digits; nothing if that is too little."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SENDER].strip("-")
    return slug if len(slug) >= 5 else ""
