"""The email that everybody sends: 4 KiB of HTML and text, with the recipient's name in it."""

import email
import email.policy
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

NAME = "Recipient-Name"
"""What stands in a `Letter` where each recipient's own name goes."""

SUBJECT = "{{ customer_name }}, your backups are ready"

_ABOUT = "Every site is now backed up each night, and you restore one, or a single page of it, from your dashboard. "

PLAIN = f"""\
<h1>Backups, every night</h1>
<p>Hello {{{{ customer_name }}}},</p>
<p>{_ABOUT}</p>
<ul><li>every night, at a quiet hour</li><li>thirty days of history</li><li>restored in a minute</li></ul>
<p>This goes to {{{{ customer_user_email }}}}; your number with us is {{{{ customer_id }}}}.</p>
"""

WITH_LOGIC = f"""\
<h1>Backups, every night</h1>
<p>Hello {{{{ customer_name | title }}}},</p>
{{% if customer_locale == "de_DE" %}}<p>auf Deutsch gibt es das bald.</p>{{% else %}}<p>{_ABOUT}</p>{{% endif %}}
<ul>{{% for each in ["every night, at a quiet hour", "thirty days of history", "restored in a minute"] %}}
<li>{{{{ loop.index }}}}: {{{{ each }}}}</li>{{% endfor %}}</ul>
<p>This goes to {{{{ customer_user_email | lower }}}}; your number with us is {{{{ customer_id }}}}.</p>
"""


@dataclass(frozen=True)
class Letter:
    """What ummsg made of PLAIN, for peers to send the like of it."""

    subject: str
    text: str
    html: str
    size: int
    """Of the whole message, in bytes, as ummsg encodes it."""
    body_size: int
    """Of what comes after its headers."""

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """From a message to a customer whose name is NAME; line ends are CRLF."""
        message = email.message_from_bytes(raw, policy=email.policy.default)
        text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
        assert text is not None
        assert html is not None
        _, _, body = raw.partition(b"\r\n\r\n")
        return cls(str(message["Subject"]), text.get_content(), html.get_content(), len(raw), len(body))

    def write(self, path: Path) -> None:
        """As JSON, for a peer's program to read; it puts a name where `name` stands."""
        path.write_text(json.dumps(asdict(self) | {"name": NAME}), encoding="utf-8")
