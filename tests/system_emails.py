"""System emails for tests: installed by one line, sent into memory, read back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.program import Program
from ummsg.domain.email import EmailDraft, EmailText
from ummsg.mail.transports.memory import messages_in
from ummsg.store.engine import open_store
from ummsg.vocabulary import ContentFormat, EmailStyle, EmailTarget

PAYMENT = {
    "customer_id": 1,
    "payment_id": 7,
    "payment_status": "completed",
    "payment_reference_code": "REF-7",
    "payment_total": "€29.00",
    "payment_product_names": "Pro",
    "payment_date_created": "2026-11-23 12:00:00",
    "payment_gateway": "stripe",
}


def install(
    program: Program,
    slug: str = "receipt",
    content: str = "Thank you, {{ customer_name }}: {{ payment_total }}.",
    *,
    subject: str = "We got {{ payment_total }}",
    event: str = "payment_received",
    target: str = "customer",
    texts: dict[str, EmailText] | None = None,
    style: str = "default",
    after: timedelta = timedelta(),
    content_format: ContentFormat = ContentFormat.MARKDOWN,
    **rest: object,
) -> None:
    """Straight into the database, past what `emails new` checks."""
    draft = EmailDraft(
        slug=slug,
        event=event,
        target=EmailTarget(target),
        title=f"The {slug}",
        texts=texts or {"en": EmailText(subject, content, content_format)},
        style=EmailStyle(style),
        after=after,
        **rest,  # type: ignore[arg-type]
    )
    store = open_store(program.environ["UMMSG_DATABASE_URL"])
    with store.begin() as tx:
        tx.emails.add(draft, program.now)
    store.close()


def change(program: Program, slug: str, **changes: object) -> None:
    """An edit, past what `emails edit` checks."""
    store = open_store(program.environ["UMMSG_DATABASE_URL"])
    with store.begin() as tx:
        email = tx.emails.get(slug)
        tx.emails.change(email, replace(email.draft, **changes), program.now, why="edited")  # type: ignore[arg-type]
    store.close()


class Box:
    """What was sent through `memory:`, in order."""

    def __iter__(self) -> Iterator[EmailMessage]:
        return (message_from_bytes(data, policy=policy.default) for _, data in messages_in("box"))  # type: ignore[misc]

    @property
    def recipients(self) -> list[str]:
        return [envelope.rcpt_to for envelope, _ in messages_in("box")]

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self]

    def text(self, index: int = 0) -> str:
        part = list(self)[index].get_body(("plain",))
        assert part is not None
        return str(part.get_content())


@pytest.fixture
def box(network: Program) -> Iterator[Box]:
    """Mail goes into memory; `network` is the program that sends it."""
    network.environ["UMMSG_MAIL_URL"] = "memory:box"
    network.environ["UMMSG_ADMIN_EMAILS"] = "Ada <ada@example.org>, bea@example.org"
    messages_in("box").clear()
    yield Box()
    messages_in("box").clear()
