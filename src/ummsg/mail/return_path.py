"""The envelope sender by which a bounce says which delivery it is about (VERP).

`bounces@example.com` becomes `bounces+<delivery id>-<MAC>@example.com`. Whoever does not know the secret key cannot
make one, so that nobody can have somebody else's address given up as dead.
"""

import hmac
import re
from base64 import b32encode
from dataclasses import dataclass, field
from hashlib import sha256

from ummsg.config import Settings
from ummsg.domain.delivery import Delivery
from ummsg.errors import InvalidInput, NotConfigured
from ummsg.mail.message import parse_sender

_PURPOSE = b"ummsg.return-path"
_MAC_BYTES = 10
"""80 bits, for which no oracle gives more than one guess an email; they make 16 letters."""
_LONGEST_LOCAL_PART = 64 - len("+123456789012-") - 16
_TAG = re.compile(r"([1-9][0-9]{0,11})-([a-z2-7]{16})")


@dataclass(frozen=True)
class ReturnPath:
    """Where bounces go. With an empty `address` they go to the sender."""

    address: str
    key: bytes = field(repr=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> "ReturnPath":
        """Raises NotConfigured for a bounce address that cannot be used, and without a secret key."""
        address = settings["BOUNCE_ADDRESS"].strip()
        if not address:
            return cls("", b"")
        _check(address)
        return cls(address, hmac.digest(settings.secret_key(), _PURPOSE, sha256))

    def of(self, delivery: Delivery | None, sender: str) -> str:
        """The envelope sender of a delivery's message; `sender` itself without a bounce address or a delivery."""
        if delivery is None or not self.address:
            return sender
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{delivery.id}-{self._mac(str(delivery.id))}@{domain}"

    def delivery_id(self, address: str) -> int | None:
        """Which delivery an address was made for; None unless it was made by `of`, in whatever case it comes back."""
        local, _, domain = self.address.lower().rpartition("@")
        found_local, _, found_domain = address.strip().lower().rpartition("@")
        if not local or found_domain != domain or not found_local.startswith(f"{local}+"):
            return None
        tag = _TAG.fullmatch(found_local.removeprefix(f"{local}+"))
        if tag is None or not hmac.compare_digest(self._mac(tag[1]), tag[2]):
            return None
        return int(tag[1])

    def _mac(self, number: str) -> str:
        """In letters that survive a server which folds the case of a mailbox."""
        mac = hmac.digest(self.key, number.encode(), sha256)[:_MAC_BYTES]
        return b32encode(mac).decode().lower()


def _check(address: str) -> None:
    try:
        name, bare = parse_sender(address)
    except InvalidInput as error:
        raise _unusable(error.what) from None
    if name or bare != address or not address.isascii():
        raise _unusable(f"{address!r} is not a bare address in ASCII")
    if len(address.rpartition("@")[0]) > _LONGEST_LOCAL_PART:
        raise _unusable(f"more than {_LONGEST_LOCAL_PART} characters before the @ leave no room for the tag")


def _unusable(what: str) -> NotConfigured:
    return NotConfigured(f"UMMSG_BOUNCE_ADDRESS: {what}", hint="UMMSG_BOUNCE_ADDRESS=bounces@example.com in .env")
