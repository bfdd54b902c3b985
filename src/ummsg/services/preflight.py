"""That a message can be made for everyone who is to get it, found out before the first one goes out.

Not by rendering it for everyone: recipients for whom it must come out alike, or fail alike, are one group, and the
message is rendered for one of each (`Audiences.groups`). That is a proof and no sample. Of most placeholders it only
matters whether there is a value; of those that a text computes with, or puts into an address
(`EmailTemplate.weighed`), the value itself does, and recipients are alike only if it is the same. Where that makes
each recipient a group of their own, the message is rendered for everyone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from ummsg.domain.audience import Audience
from ummsg.domain.customer import Customer
from ummsg.errors import InvalidDraft, InvalidInput, Problem
from ummsg.mail.templates import EmptyPlaceholder, RenderFailed
from ummsg.services.prepared_email import PreparedEmail
from ummsg.store.engine import Transaction

NAMED_CUSTOMERS = 100
"""How many customers an error names before it only counts them."""

Watch = Callable[[int, int], None]
"""Called as the work goes on, with how many recipients are proven, of how many."""


class MissingValues(InvalidInput):
    """A placeholder is empty for some recipients, and the text gives no default."""


@dataclass(frozen=True)
class Proof:
    """How it is known that a message can be made for each of `recipients`."""

    recipients: int
    rendered: int
    """Messages that were made for it."""
    weighed: tuple[str, ...] = ()
    """Placeholders whose values had to be looked at, not only whether there is one."""


@dataclass
class _Findings:
    """For each placeholder that is empty for somebody, for how many and some of them; and what fails otherwise."""

    lacks: dict[str, tuple[int, list[Customer]]] = field(default_factory=dict)
    failures: list[Problem] = field(default_factory=list)

    def lack(self, name: str, number: int, some: Callable[[int], list[Customer]]) -> None:
        before, named = self.lacks.get(name, (0, []))
        wanted = NAMED_CUSTOMERS - len(named)
        self.lacks[name] = before + number, named + (some(wanted) if wanted else [])

    def fail(self, why: RenderFailed, customer: Customer, number: int) -> None:
        if len(self.failures) < NAMED_CUSTOMERS:
            others = f" and {number - 1:,} more" if number > 1 else ""
            self.failures.append(Problem("content", f"{why} (for {customer.label}{others})"))

    def raise_any(self) -> None:
        if self.failures:
            raise InvalidDraft(self.failures)
        if self.lacks:
            raise missing_values(self.lacks)


def prove(
    tx: Transaction,
    audience: Audience,
    prepared: PreparedEmail,
    recipients: int,
    *,
    render_all: bool = False,
    watch: Watch = lambda done, total: None,
) -> Proof:
    """Raises InvalidDraft for a message that fails, and MissingValues with the recipients who lack a value."""
    findings = _Findings()
    rendered = proven = 0
    for customer, number in _groups(tx, audience, prepared, render_all=render_all):
        try:
            prepared.rendered(customer)
        except EmptyPlaceholder as error:
            findings.lack(error.name, number, partial(_some_of, tx, audience, prepared, customer, number))
        except RenderFailed as error:
            findings.fail(error, customer, number)
        rendered, proven = rendered + 1, proven + number
        watch(proven, recipients)
    findings.raise_any()
    return Proof(recipients, rendered, tuple(sorted(prepared.template.weighed)))


def _groups(
    tx: Transaction, audience: Audience, prepared: PreparedEmail, *, render_all: bool
) -> Iterator[tuple[Customer, int]]:
    if render_all:
        return ((customer, 1) for customer in tx.audiences.recipients(audience))
    template = prepared.template
    return tx.audiences.groups(audience, template.variables, template.weighed)


def _some_of(
    tx: Transaction, audience: Audience, prepared: PreparedEmail, customer: Customer, number: int, limit: int
) -> list[Customer]:
    """Some of the group that the customer stands for."""
    if number == 1:
        return [customer]
    template = prepared.template
    return tx.audiences.alike(audience, template.variables, template.weighed, customer.id, limit)


def missing_values(lacks: dict[str, tuple[int, list[Customer]]]) -> MissingValues:
    """For each placeholder, how many lack it, and some of them."""
    details = []
    for name, (number, named) in sorted(lacks.items()):
        details.append(f"{name} is empty for {number:,} of the recipients:")
        details += [f"  {one.id}  {one.label}" for one in sorted(named, key=lambda one: one.id)]
        if number > len(named):
            details.append(f"  … and {number - len(named):,} more")
    name = next(iter(sorted(lacks)))
    return MissingValues(
        "A placeholder is empty for some of the recipients; nothing was sent",
        details=details,
        hint=f'give a default, {{{{ {name} or "…" }}}}, or fill the value in and import again',
    )
