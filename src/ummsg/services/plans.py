"""Plan and apply: write down what a broadcast would do, and later make sure that it would still do the same."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ummsg import __version__
from ummsg.config import Settings
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.plan import (
    Estimate,
    Plan,
    Standing,
    counts_of,
    differences,
    keyed_digest,
    least_seconds,
    read_plan,
    reasons_of,
)
from ummsg.errors import PlanOutdated
from ummsg.mail.layout import laid_out
from ummsg.services.reviews import Review, Reviews
from ummsg.services.throttle import limits_of
from ummsg.store.engine import Store, Transaction
from ummsg.vocabulary import BroadcastType, TargetKind

_LINES = 2_000
"""Recipients digested at once."""

MAKE_IT_AGAIN = "look at what has changed, and make the plan again: ummsg broadcast plan"


class Plans:
    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._reviews = Reviews(store, settings, clock)

    def make(self, draft: BroadcastDraft, *, key: str | None = None) -> tuple[Review, Plan]:
        """Review a draft and write down what came of it. Raises what a review raises, and NotConfigured without a
        secret key to seal it with or with limits that are none."""
        secret = self._settings.secret_key()
        review = self._reviews.review(draft)
        with self._store.read() as tx:
            database = tx.identity()
            standing, targets = self._standing(tx, draft, secret)
            estimate = self._estimate(tx, draft, standing.counts["recipients"])
        digest = keyed_digest(secret, "key", [database.encode(), draft.digest().encode(), standing.audience.encode()])
        idempotency_key = key or f"plan-{digest[:32]}"
        return review, Plan(self._clock(), database, draft, targets, standing, idempotency_key, estimate)

    def sealed(self, plan: Plan) -> dict[str, Any]:
        """As it is written down."""
        return plan.as_json(self._settings.secret_key())

    def read(self, content: Any) -> Plan:
        """A plan from what was written down. Raises InvalidInput for what is not one, was changed, or is of another
        database."""
        with self._store.read() as tx:
            database = tx.identity()
        return read_plan(content, self._settings.secret_key(), database)

    def check(self, plan: Plan) -> None:
        """Raises PlanOutdated if the plan does not do any more what it did when it was made."""
        secret = self._settings.secret_key()
        with self._store.read() as tx:
            standing, _ = self._standing(tx, plan.draft, secret)
        if changed := list(differences(plan.standing, standing)):
            raise PlanOutdated(
                "This is not what was planned any more; nothing was sent",
                details=changed,
                hint=MAKE_IT_AGAIN,
            )

    def _standing(self, tx: Transaction, draft: BroadcastDraft, secret: bytes) -> tuple[Standing, list[dict[str, Any]]]:
        count = tx.audiences.count(draft.audience, mailed=draft.type is BroadcastType.EMAIL)
        standing = Standing(
            counts=counts_of(count),
            left_out=reasons_of(count),
            audience=audience_digest(tx.audiences.everybody(draft.audience), secret),
            content=self._content(tx, draft, secret),
        )
        targets = [
            {
                # a customer's label is their address, which stays here
                "target": f"customer {each.target.ref_id}" if each.target.kind is TargetKind.CUSTOMER else each.label,
                "customers": each.customers,
            }
            for each in count.targets
        ]
        return standing, targets

    def _content(self, tx: Transaction, draft: BroadcastDraft, secret: bytes) -> dict[str, str]:
        parts: dict[str, Any] = {"text": [draft.subject, draft.content, draft.content_format], "version": __version__}
        if draft.type is BroadcastType.EMAIL:
            email = self._reviews.prepare(tx, draft)
            links = email.unsubscribing
            parts["sender"] = [email.sender, email.reply_to]
            parts["layout"] = [asdict(email.layout), laid_out("", email.layout, prose=True)]
            parts["bounce and unsubscribe addresses"] = [email.return_path.address, links.url, links.mailto]
        return {name: keyed_digest(secret, name, [json.dumps(part).encode()]) for name, part in parts.items()}

    def _estimate(self, tx: Transaction, draft: BroadcastDraft, recipients: int) -> Estimate | None:
        """By the limits of all mail if there are any, else by how fast the last broadcast went."""
        if draft.type is BroadcastType.NOTICE or draft.at_local is not None:
            return None
        limits = limits_of(self._settings).of_all
        if (seconds := least_seconds(recipients, [(limit.number, limit.seconds) for limit in limits])) is not None:
            return Estimate(seconds, "rate limits")
        if (pace := tx.broadcasts.last_pace()) is None:
            return None
        return Estimate(recipients / pace.per_second, f"the pace of broadcast {pace.broadcast_id}")


def audience_digest(everybody: Iterator[tuple[int, str, str]], secret: bytes) -> str:
    return keyed_digest(secret, "audience", _lines(everybody))


def _lines(members: Iterator[tuple[int, str, str]]) -> Iterator[bytes]:
    """Who is in the audience, and why somebody of it is not mailed."""
    lines: list[str] = []
    for member in members:
        lines.append(json.dumps(member))
        if len(lines) == _LINES:
            yield ("\n".join(lines) + "\n").encode()
            lines.clear()
    yield "\n".join(lines).encode()
