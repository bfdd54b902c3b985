"""A plan: what a broadcast would do, written down so that it can be looked at, and then done exactly as it says.

It names nobody. What it holds about the audience are counts and a keyed digest; a seal over all of it shows whether it
was edited. The key is the installation's secret key.
"""

import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from ummsg.domain.audience import Audience, AudienceCount, Target
from ummsg.domain.broadcast import BroadcastDraft
from ummsg.domain.wall_time import LocalTime
from ummsg.errors import InvalidInput
from ummsg.vocabulary import BroadcastType, ContentFormat, MembershipStatus, NoticeType, TargetKind

FORMAT = "ummsg plan"
VERSION = 1
_PURPOSE = b"ummsg.plan"
_ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+")
_AGAIN = "make the plan again: ummsg broadcast plan"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a plan is compared by: whom the audience is at a moment, and what their messages are made of."""

    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    """By reason; addresses in a reason are blotted out."""
    audience: str
    content: Mapping[str, str]
    """A digest of each part."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long sending takes at least, and what that is judged by."""

    seconds: float
    by: str


@dataclass(frozen=True, slots=True)
class Plan:
    made_at: datetime
    database: str
    draft: BroadcastDraft
    targets: Sequence[Mapping[str, Any]]
    standing: Standing
    idempotency_key: str
    estimate: Estimate | None = None

    def as_json(self, key: bytes) -> dict[str, Any]:
        """What is written down, sealed."""
        plan = {
            "format": FORMAT,
            "version": VERSION,
            "made_at": self.made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "database": self.database,
            "counts": dict(self.standing.counts),
            "targets": list(self.targets),
            "left_out": dict(self.standing.left_out),
            "audience_digest": self.standing.audience,
            "content_digest": dict(self.standing.content),
            "estimated_seconds": None if self.estimate is None else round(self.estimate.seconds),
            "estimated_by": None if self.estimate is None else self.estimate.by,
            "idempotency_key": self.idempotency_key,
            "draft": _draft_as_json(self.draft),
        }
        return {**plan, "seal": seal(plan, key)}


def read_plan(content: Any, key: bytes, database: str) -> Plan:
    """The plan that `as_json` wrote down. Raises InvalidInput for anything else, whatever it is."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InvalidInput("this is not a plan", hint="ummsg broadcast plan … > plan.json")
    version = content.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InvalidInput(
            f"this plan was made by a newer ummsg (format {version!r}; this one reads {VERSION})",
            hint="upgrade ummsg, or make the plan again with this one",
        )
    if content.get("database") != database:
        raise InvalidInput("this plan was made for another database", hint="set UMMSG_DATABASE_URL to that one")
    sealed = {name: value for name, value in content.items() if name != "seal"}
    if not hmac.compare_digest(str(content.get("seal")).encode(errors="replace"), seal(sealed, key).encode()):
        raise InvalidInput(
            "this plan was changed after it was made, or sealed with another secret key",
            details=["what is to be changed in a message belongs into the command that makes the plan"],
            hint=_AGAIN,
        )
    return _plan_of(content)


def seal(plan: Mapping[str, Any], key: bytes) -> str:
    canonical = json.dumps(plan, sort_keys=True, separators=(",", ":"))
    return keyed_digest(key, "plan", [canonical.encode()])


def keyed_digest(key: bytes, what: str, parts: Iterable[bytes]) -> str:
    """Of a stream, however long; without the key nobody can try out what was digested."""
    digest = hmac.new(key, _PURPOSE + b"." + what.encode() + b"\0", sha256)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def counts_of(count: AudienceCount) -> dict[str, int]:
    return {
        "matched": count.matched,
        "duplicates": count.duplicates,
        "left_out": count.left_out,
        "recipients": count.recipients,
    }


def reasons_of(count: AudienceCount) -> dict[str, int]:
    """Those left out, by reason: a mail server's words may hold the address, and a plan holds none."""
    found: dict[str, int] = {}
    for reason, number in sorted(count.suppressed.items()):
        name = _ADDRESS.sub("…", reason) or "suppressed"
        found[name] = found.get(name, 0) + number
    return found


def differences(planned: Standing, now: Standing) -> Iterator[str]:
    """What has changed since, in words; nothing if nothing has."""
    yield from _audience_differences(planned, now)
    for part in sorted({*planned.content, *now.content}):
        if planned.content.get(part) != now.content.get(part):
            yield f"content differs: {part}"


def _audience_differences(planned: Standing, now: Standing) -> Iterator[str]:
    if planned.audience == now.audience:
        return
    more = now.counts["recipients"] - planned.counts["recipients"]
    if more:
        noun = "customer" if abs(more) == 1 else "customers"
        yield f"{abs(more):,} {noun} {'more' if more > 0 else 'fewer'} than planned"
    for reason in sorted({*planned.left_out, *now.left_out}):
        before, after = planned.left_out.get(reason, 0), now.left_out.get(reason, 0)
        if before != after:
            yield f"left out ({reason}): {after:,}, planned {before:,}"
    if not more and planned.left_out == now.left_out:
        yield "as many customers as planned, but others"


def least_seconds(recipients: int, limits: Iterable[tuple[int, int]]) -> float | None:
    """How long so many messages take at least, if in any span of so many `seconds` no more than a `number` may go
    out: each span but the first has to pass before the rest may begin. None without a limit."""
    return max(((recipients - 1) // number * float(seconds) for number, seconds in limits), default=None)


def _draft_as_json(draft: BroadcastDraft) -> dict[str, Any]:
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(draft).items()}
    plain["at_local"] = None if draft.at_local is None else draft.at_local.isoformat()
    plain["default_zone"] = None if draft.at_local is None else draft.at_local.default_zone
    plain["retry_for"] = None if draft.retry_for is None else draft.retry_for.total_seconds()
    targets = [{"kind": target.kind.value, "id": target.ref_id} for target in draft.audience.targets]
    return {**plain, "audience": {"targets": targets, "statuses": list(draft.audience.statuses)}}


def _plan_of(content: Mapping[str, Any]) -> Plan:
    """Of a plan whose seal is right: nobody but we wrote it."""
    return Plan(
        made_at=datetime.fromisoformat(content["made_at"]),
        database=content["database"],
        draft=_draft_of(content["draft"]),
        targets=content["targets"],
        standing=Standing(
            content["counts"], content["left_out"], content["audience_digest"], content["content_digest"]
        ),
        idempotency_key=content["idempotency_key"],
    )


def _draft_of(fields: Mapping[str, Any]) -> BroadcastDraft:
    audience = fields["audience"]
    names = ("at", "not_after", "starts", "ends")
    moments: dict[str, Any] = {name: fields[name] and datetime.fromisoformat(fields[name]) for name in names}
    if fields["at_local"]:
        moments["at_local"] = LocalTime(datetime.fromisoformat(fields["at_local"]), fields["default_zone"])
    return BroadcastDraft(
        type=BroadcastType(fields["type"]),
        audience=Audience.of(
            [Target(TargetKind(target["kind"]), target["id"]) for target in audience["targets"]],
            [MembershipStatus(status) for status in audience["statuses"]],
        ),
        subject=fields["subject"],
        content=fields["content"],
        content_format=ContentFormat(fields["content_format"]),
        notice_type=NoticeType(fields["notice_type"]),
        sender=fields["sender"],
        reply_to=fields["reply_to"],
        attempts=fields["attempts"],
        retry_for=None if fields["retry_for"] is None else timedelta(seconds=fields["retry_for"]),
        **moments,
    )
