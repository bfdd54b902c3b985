"""What must hold of a system email before it is stored, whichever way it comes."""

from collections.abc import Collection

from ummsg.config import Settings
from ummsg.domain.email import EmailDraft
from ummsg.domain.event import EventKind, PayloadField
from ummsg.errors import InvalidDraft, InvalidInput, Problem, UnknownReference
from ummsg.mail.message import parse_sender
from ummsg.mail.templates import names_in
from ummsg.services.event_kinds import EventKinds
from ummsg.services.system_email import PreparedSystemEmail


def check(draft: EmailDraft, kinds: EventKinds, settings: Settings, attribute_names: Collection[str]) -> None:
    """Raises InvalidDraft with everything that is wrong, events and placeholders that are not known included."""
    try:
        kind = kinds.get(draft.event)
    except UnknownReference as error:
        unknown = Problem("event", ": ".join([error.what, *error.details]) if draft.event else "is missing")
        raise InvalidDraft([unknown, *problems_anywhere(draft, settings)]) from None
    if problems := _problems(draft, kind, settings, attribute_names):
        raise InvalidDraft(problems)


def problems_anywhere(draft: EmailDraft, settings: Settings) -> list[Problem]:
    """What is wrong with it whatever events and placeholders an installation knows."""
    names = names_in(*(part for text in draft.texts.values() for part in (text.subject, text.content)))
    return _problems(draft, EventKind(draft.event, "", tuple(map(PayloadField, names))), settings, ())


def _problems(
    draft: EmailDraft, kind: EventKind, settings: Settings, attribute_names: Collection[str]
) -> list[Problem]:
    problems = list(draft.problems())
    told = {problem.field for problem in problems}
    try:
        PreparedSystemEmail(draft, kind, settings, attribute_names).check()
    except InvalidDraft as error:
        problems += [problem for problem in error.problems if problem.field not in told]
    if draft.sender:
        try:
            parse_sender(draft.sender)
        except InvalidInput as error:
            problems.append(Problem("from", error.what))
    return problems
