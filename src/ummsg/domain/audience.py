"""Who a message is for: a list of targets, and what they resolve to."""

from collections.abc import Sequence
from dataclasses import dataclass

from ummsg.vocabulary import COUNTING_STATUSES, MembershipStatus, TargetKind


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A customer, a product, or everyone (`ref_id` is then 0)."""

    kind: TargetKind
    ref_id: int = 0

    @classmethod
    def customer(cls, customer_id: int) -> "Target":
        return cls(TargetKind.CUSTOMER, customer_id)

    @classmethod
    def product(cls, product_id: int) -> "Target":
        return cls(TargetKind.PRODUCT, product_id)

    @classmethod
    def everyone(cls) -> "Target":
        return cls(TargetKind.EVERYONE)


@dataclass(frozen=True, slots=True)
class Audience:
    """The rule that says who. Targets are kept sorted and once each, so that equal rules compare equal."""

    targets: tuple[Target, ...] = ()
    statuses: tuple[MembershipStatus, ...] = COUNTING_STATUSES

    @classmethod
    def of(cls, targets: Sequence[Target], statuses: Sequence[MembershipStatus] = ()) -> "Audience":
        return cls(
            targets=tuple(sorted(set(targets))),
            statuses=tuple(sorted(set(statuses))) or COUNTING_STATUSES,
        )

    def ids(self, kind: TargetKind) -> list[int]:
        return [target.ref_id for target in self.targets if target.kind is kind]

    @property
    def everyone(self) -> bool:
        return any(target.kind is TargetKind.EVERYONE for target in self.targets)


@dataclass(frozen=True, slots=True)
class Match:
    """A target that concerns one customer; of a product, by a membership of that status, which may not count."""

    target: Target
    label: str
    status: MembershipStatus | None = None
    counts: bool = True

    def __str__(self) -> str:
        match self.target.kind:
            case TargetKind.EVERYONE:
                return "everyone"
            case TargetKind.CUSTOMER:
                return "named as a customer"
        return f"a membership of {self.label}, {self.status}"


@dataclass(frozen=True, slots=True)
class TargetCount:
    """How many customers one target matches, before duplicates are removed."""

    target: Target
    label: str
    customers: int


@dataclass(frozen=True, slots=True)
class AudienceCount:
    """What an audience resolves to: `matched` over all targets, each customer `recipients` + `left_out` once."""

    targets: tuple[TargetCount, ...]
    recipients: int
    suppressed: dict[str, int]
    """Left out, by the suppression's reason."""

    @property
    def matched(self) -> int:
        return sum(target.customers for target in self.targets)

    @property
    def left_out(self) -> int:
        return sum(self.suppressed.values())

    @property
    def duplicates(self) -> int:
        return self.matched - self.recipients - self.left_out
