"""The questions about a system email: one after the other for a new one, and a menu of everything for any."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ummsg.cli import views
from ummsg.cli.asking import Back, Choice, Line
from ummsg.cli.editor import SUFFIXES
from ummsg.domain.duration import parse_duration, shown_duration
from ummsg.domain.email import EmailDraft, EmailText
from ummsg.errors import Cancelled, InvalidInput
from ummsg.vocabulary import EmailStyle, EmailTarget

if TYPE_CHECKING:
    from ummsg.runtime import Runtime


@dataclass
class Asking:
    """A conversation about one email. `typed` is what it has come to, should it end before it is stored."""

    ummsg: "Runtime"
    locale: str
    typed: dict[str, str] = field(default_factory=dict)

    def line(self, question: str, typed: str, put: Callable[[str], EmailDraft], name: str) -> Line:
        """A question whose answer is put into the draft; what is wrong with it is said at once."""
        return Line(
            question,
            typed=typed,
            complain=lambda text: self.ummsg.emails.complaint(put(text), name),
            keep=lambda text: self.keep(put(text)) if text != typed else None,
        )

    def keep(self, draft: EmailDraft) -> None:
        from ummsg.mail.front_matter import write_email

        self.typed[self.locale] = write_email(draft, self.locale)


def asked_draft(asking: Asking, answers: dict[str, Any], text: dict[str, Any]) -> EmailDraft:
    """One question after the other; Esc goes back to the one before."""
    first = EmailText(**{"subject": "", "content": "", **text})
    given = {"slug": "", "event": "", "target": EmailTarget.CUSTOMER, "title": "", **answers}
    drafts = [EmailDraft(**given, texts={asking.locale: first})]
    questions = [_FIRST_QUESTIONS[name] for name in missing(answers, text)]
    while len(drafts) <= len(questions):
        try:
            drafts.append(questions[len(drafts) - 1](asking, drafts[-1]))
        except Back:
            drafts.pop()
            if not drafts:
                raise Cancelled("Nothing was stored") from None
    return drafts[-1]


def menu(
    asking: Asking,
    draft: EmailDraft,
    store_title: str,
    store: Callable[[EmailDraft], None],
    *,
    in_editor: bool = False,
) -> EmailDraft | None:
    """Change one thing after the other until it can be stored; or return what there is, for the editor to go on."""
    choice, ummsg = "store", asking.ummsg
    while True:
        choices = _choices(draft, asking.locale, store_title, in_editor=in_editor)
        try:
            choice = ummsg.prompter.select("What now?", choices, at=choice)
        except Back:
            raise Cancelled("Nothing was stored") from None
        if choice == "editor":
            return draft
        if choice == "look":
            _look(ummsg, draft, asking.locale)
        elif choice != "store":
            draft = _ask(asking, draft, choice)
        elif _is_stored(store, draft):
            return None


def _is_stored(store: Callable[[EmailDraft], None], draft: EmailDraft) -> bool:
    """What keeps it from being stored is said, and can be mended."""
    try:
        store(draft)
    except InvalidInput as error:
        views.error(error)
        return False
    return True


def _choices(draft: EmailDraft, locale: str, store: str, *, in_editor: bool) -> list[Choice[str]]:
    text = draft.texts[locale]
    first = text.content.strip().split("\n")[0][:40]
    shown = {
        "store": store,
        "look": "Look at it",
        "subject": f"Subject ({locale}): {text.subject}",
        "content": f"Content ({locale}): {first}…",
        "title": f"Title: {draft.title}",
        "description": f"Description: {draft.description}",
        "target": f"To: {draft.target}",
        "style": f"Style: {draft.style}",
        "active": f"Active: {'yes' if draft.active else 'no'}",
        "after": f"Delay: {shown_duration(draft.after)}",
        "sender": f"From: {draft.sender or 'as in the settings'}",
        "copy_to_admins": f"Copies to admins: {'yes' if draft.copy_to_admins else 'no'}",
    }
    if in_editor:
        shown["editor"] = "All of it in $EDITOR"
    return [Choice(name, views.printable_line(title)) for name, title in shown.items()]


def _look(ummsg: "Runtime", draft: EmailDraft, locale: str) -> None:
    from ummsg.cli.review import show_email

    try:
        show_email(ummsg.emails.preview_draft(draft, locale), to_stderr=True)
    except InvalidInput as error:
        views.error(error)


def _ask(asking: Asking, draft: EmailDraft, name: str) -> EmailDraft:
    """One question of the menu; Esc leaves it as it was."""
    try:
        changed = _QUESTIONS[name](asking, draft)
    except Back:
        return draft
    if changed != draft:
        asking.keep(changed)
    return changed


def _ask_event(asking: Asking, draft: EmailDraft) -> EmailDraft:
    kinds = asking.ummsg.event_kinds.all()
    choices = [Choice(kind.slug, f"{kind.slug}: {views.printable_line(kind.description)}") for kind in kinds]
    return replace(draft, event=asking.ummsg.prompter.select("After which event?", choices, at=draft.event))


def _ask_slug(asking: Asking, draft: EmailDraft) -> EmailDraft:
    emails = asking.ummsg.emails

    def complain(typed: str) -> str:
        if emails.is_taken(typed):
            return f"there is an email {typed} already"
        return emails.complaint(replace(draft, slug=typed), "slug")

    line = Line("Its name in commands:", typed=_slug_of(draft.title), complain=complain)
    return replace(draft, slug=asking.ummsg.prompter.text(line))


def _ask_subject(asking: Asking, draft: EmailDraft) -> EmailDraft:
    text = draft.texts[asking.locale]

    def put(typed: str) -> EmailDraft:
        return draft.with_text(asking.locale, replace(text, subject=typed))

    return put(asking.ummsg.prompter.text(asking.line("Subject:", text.subject, put, "subject")))


def _ask_content(asking: Asking, draft: EmailDraft) -> EmailDraft:
    text = draft.texts[asking.locale]

    def put(typed: str) -> EmailDraft:
        return draft.with_text(asking.locale, replace(text, content=typed))

    line = asking.line(f"Content ({text.content_format}):", text.content, put, "content")
    names = " ".join(f"{{{{{name}}}}}" for name in asking.ummsg.emails.placeholders(draft.event)[:20])
    notes = [f"Placeholders: {names} …"]
    return put(asking.ummsg.prompter.content(line, suffix=SUFFIXES[text.content_format], notes=notes))


def _ask_title(asking: Asking, draft: EmailDraft) -> EmailDraft:
    def put(typed: str) -> EmailDraft:
        return replace(draft, title=typed)

    return put(asking.ummsg.prompter.text(asking.line("Its name in lists:", draft.title, put, "title")))


def _ask_description(asking: Asking, draft: EmailDraft) -> EmailDraft:
    def put(typed: str) -> EmailDraft:
        return replace(draft, description=typed)

    line = asking.line("What it is for, in lists:", draft.description, put, "description")
    return put(asking.ummsg.prompter.text(line))


def _ask_sender(asking: Asking, draft: EmailDraft) -> EmailDraft:
    def put(typed: str) -> EmailDraft:
        return replace(draft, sender=typed)

    line = asking.line("From (empty: as in the settings):", draft.sender, put, "from")
    return put(asking.ummsg.prompter.text(line))


def _ask_after(asking: Asking, draft: EmailDraft) -> EmailDraft:
    def complain(typed: str) -> str:
        try:
            return asking.ummsg.emails.complaint(replace(draft, after=parse_duration(typed)), "after")
        except InvalidInput as error:
            return f"{error.what}; {error.hint}"

    line = Line("How long after the event (3d, 2h30m, 0)?", typed=shown_duration(draft.after), complain=complain)
    return replace(draft, after=parse_duration(asking.ummsg.prompter.text(line)))


def _ask_target(asking: Asking, draft: EmailDraft) -> EmailDraft:
    choices = [
        Choice(EmailTarget.CUSTOMER, "The customer whom the event is about"),
        Choice(EmailTarget.ADMIN, "The network's admins (UMMSG_ADMIN_EMAILS)"),
    ]
    return replace(draft, target=asking.ummsg.prompter.select("To whom?", choices, at=draft.target))


def _ask_style(asking: Asking, draft: EmailDraft) -> EmailDraft:
    choices = [
        Choice(EmailStyle.DEFAULT, "default: as UMMSG_EMAIL_STYLE says"),
        Choice(EmailStyle.HTML, "html: in the layout, with a text part"),
        Choice(EmailStyle.PLAIN, "plain: text alone"),
    ]
    return replace(draft, style=asking.ummsg.prompter.select("In which style?", choices, at=draft.style))


_Question = Callable[[Asking, EmailDraft], EmailDraft]
_QUESTIONS: dict[str, _Question] = {
    "subject": _ask_subject,
    "content": _ask_content,
    "title": _ask_title,
    "description": _ask_description,
    "target": _ask_target,
    "style": _ask_style,
    "active": lambda asking, draft: replace(draft, active=not draft.active),
    "after": _ask_after,
    "sender": _ask_sender,
    "copy_to_admins": lambda asking, draft: replace(draft, copy_to_admins=not draft.copy_to_admins),
}
_FIRST_QUESTIONS: dict[str, _Question] = {**_QUESTIONS, "event": _ask_event, "slug": _ask_slug}


def missing(answers: dict[str, Any], text: dict[str, Any]) -> list[str]:
    """What a new email cannot do without, in the order in which it is asked for."""
    needed = dict.fromkeys(("event", "target", "title", "slug"), answers) | dict.fromkeys(("subject", "content"), text)
    return [name for name, given in needed.items() if name not in given]


def _slug_of(title: str) -> str:
    from ummsg.domain.customer import attribute_name

    return attribute_name(title)[:80]
