"""ummsg emails new and edit: by flags, by questions, or the whole email as one file in $EDITOR."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.asking import Back, Choice, Line
from ummsg.cli.content import read_content
from ummsg.cli.editor import SUFFIXES, edit_file
from ummsg.cli.emails_defaults import keep_text
from ummsg.cli.options import Context, EmailSlug, LocaleOption, NoInput
from ummsg.domain.duration import parse_duration, shown_duration
from ummsg.domain.email import EmailDraft, EmailText, normalised_locale
from ummsg.errors import Cancelled, InvalidInput
from ummsg.vocabulary import ContentFormat, EmailStyle, EmailTarget

if TYPE_CHECKING:
    from ummsg.domain.email import SystemEmail
    from ummsg.runtime import Runtime

Subject = Annotated[str | None, typer.Option("--subject", help="May hold placeholders.")]
Content = Annotated[str | None, typer.Option("--content", metavar="TEXT", help="What it says.")]
ContentFile = Annotated[str | None, typer.Option("--content-file", metavar="FILE|-", help="A file that says it.")]
Format = Annotated[ContentFormat | None, typer.Option("--content-format", help="How the content is written.")]
Title = Annotated[str | None, typer.Option("--title", help="Its name in lists.")]
Description = Annotated[str | None, typer.Option("--description", help="What it is for, in lists.")]
Target = Annotated[EmailTarget | None, typer.Option("--target", help="To the event's customer, or to the admins.")]
Style = Annotated[EmailStyle | None, typer.Option("--style", help="default: as UMMSG_EMAIL_STYLE says.")]
Active = Annotated[bool | None, typer.Option("--active/--inactive", help="Whether it goes out.")]
After = Annotated[str | None, typer.Option("--after", metavar="TIME", help="How long after its event: 3d, 2h30m, 0.")]
From = Annotated[str | None, typer.Option("--from", metavar="SENDER", help="Another sender; empty: the settings'.")]
Copies = Annotated[
    bool | None, typer.Option("--copy-to-admins/--no-copy-to-admins", help="Whether admins get a copy each.")
]


def edit(
    ctx: Context,
    slug: EmailSlug,
    subject: Subject = None,
    content: Content = None,
    content_file: ContentFile = None,
    content_format: Format = None,
    locale: LocaleOption = "",
    title: Title = None,
    description: Description = None,
    target: Target = None,
    style: Style = None,
    active: Active = None,
    after: After = None,
    sender: From = None,
    copy_to_admins: Copies = None,
    editor: Annotated[bool, typer.Option("--editor", help="The whole email as one file in $EDITOR.")] = False,
) -> None:
    """Change an email: by flags, by questions, or the whole of it in $EDITOR.

    --locale says which language's text is meant; one that is not there yet begins as a copy. Nothing that cannot be
    sent is stored, and what was typed is not lost.
    """
    ummsg = ctx.obj
    email = ummsg.emails.get(slug)
    changes = _given(
        title=title,
        description=description,
        target=target,
        style=style,
        active=active,
        after=None if after is None else _delay(after),
        sender=sender,
        copy_to_admins=copy_to_admins,
    )
    text = _given(subject=subject, content=read_content(content, content_file), content_format=content_format)
    locale = _locale(ummsg, email.draft, locale)
    if editor:
        if changes or text:
            raise InvalidInput("--editor changes the whole email; other options do not go with it")
        _edit_in_editor(ummsg, email, locale)
        return
    draft = replace(email.draft, **changes).with_text(locale, replace(_text(email.draft, ummsg, locale), **text))
    if not changes and not text:
        if not ummsg.prompter.interactive:
            raise InvalidInput("Nothing to change was given", hint="ummsg emails edit --help")
        _edit_by_questions(ummsg, email, locale)
        return
    _store(ummsg, email, draft)


def new(
    ctx: Context,
    slug: Annotated[str | None, typer.Option("--slug", help="Its name in commands: small letters, digits, _.")] = None,
    event: Annotated[str | None, typer.Option("--event", metavar="SLUG", help="What it follows.")] = None,
    target: Target = None,
    title: Title = None,
    subject: Subject = None,
    content: Content = None,
    content_file: ContentFile = None,
    content_format: Format = None,
    locale: LocaleOption = "",
    description: Description = None,
    style: Style = None,
    active: Active = None,
    after: After = None,
    sender: From = None,
    copy_to_admins: Copies = None,
    no_input: NoInput = False,
) -> None:
    """Make an email of your own on any event. On a terminal, what is missing is asked for."""
    ummsg = ctx.obj
    answers = _given(
        slug=slug,
        event=event,
        target=target,
        title=title,
        description=description,
        style=style,
        active=active,
        after=None if after is None else _delay(after),
        sender=sender,
        copy_to_admins=copy_to_admins,
    )
    text = _given(subject=subject, content=read_content(content, content_file), content_format=content_format)
    locale = normalised_locale(locale or ummsg.settings.locale)
    asked = _missing(answers, text)
    if asked and (no_input or not ummsg.prompter.interactive):
        raise InvalidInput("These are missing", details=[f"--{name}" for name in asked], hint="ummsg emails new --help")
    if asked:
        draft = _asked_draft(ummsg, answers, text, locale)
    else:
        draft = EmailDraft(**answers, texts={locale: EmailText(**text)})
    email = ummsg.emails.add(draft)
    views.talk(f"{email.slug} is installed and {'active' if draft.active else 'inactive'}.")
    if asked:
        views.command(equivalent_command(draft, locale))
    views.next_step(f"ummsg emails preview {email.slug}")


def equivalent_command(draft: EmailDraft, locale: str) -> str:
    """The command line that makes the same email, quoted for a POSIX shell."""
    text = draft.texts[locale]
    words = ["ummsg", "emails", "new", "--slug", draft.slug, "--event", draft.event, "--target", draft.target.value]
    words += ["--title", draft.title, "--subject", text.subject, "--content", text.content, "--locale", locale]
    optional: dict[str, tuple[Any, Any, list[str]]] = {
        "content_format": (text.content_format, ContentFormat.MARKDOWN, ["--content-format", text.content_format]),
        "description": (draft.description, "", ["--description", draft.description]),
        "style": (draft.style, EmailStyle.DEFAULT, ["--style", draft.style]),
        "active": (draft.active, True, ["--inactive"]),
        "after": (shown_duration(draft.after), "0", ["--after", shown_duration(draft.after)]),
        "sender": (draft.sender, "", ["--from", draft.sender]),
        "copy_to_admins": (draft.copy_to_admins, False, ["--copy-to-admins"]),
    }
    for value, usual, flags in optional.values():
        words += flags if value != usual else []
    return shlex.join(words)


# In the editor


def _edit_in_editor(ummsg: "Runtime", email: "SystemEmail", locale: str) -> None:
    from ummsg.mail.front_matter import read_email, write_email

    draft = email.draft.with_text(locale, _text(email.draft, ummsg, locale))
    original = text = write_email(draft, locale)
    while True:
        text = _edited(ummsg, email.slug, text, original)
        if text == original:
            views.talk("Nothing was changed.")
            return
        try:
            _store(ummsg, email, read_email(text, draft, locale))
        except InvalidInput as error:
            if not _wants_again(ummsg, error):
                raise _kept(ummsg, email.slug, text, error) from None
        else:
            return


def _edited(ummsg: "Runtime", slug: str, text: str, original: str) -> str:
    """What the editor leaves; should it fail the second time, what was typed the first time is kept."""
    try:
        return edit_file(text, ".md")
    except InvalidInput as error:
        if text == original:
            raise
        raise _kept(ummsg, slug, text, error) from None


def _wants_again(ummsg: "Runtime", error: InvalidInput) -> bool:
    if not ummsg.prompter.interactive:
        return False
    views.error(error)
    return ummsg.prompter.confirm("Edit it again?", default=True)


def _kept(ummsg: "Runtime", slug: str, text: str, error: InvalidInput) -> InvalidInput:
    path = keep_text(ummsg, slug, text)
    return InvalidInput(
        f"{error.what}; nothing was stored",
        details=[*error.details, f"what you wrote is in {path}"],
        hint=f"ummsg emails edit {slug} --editor",
    )


# By questions


def _edit_by_questions(ummsg: "Runtime", email: "SystemEmail", locale: str) -> None:
    draft = email.draft.with_text(locale, _text(email.draft, ummsg, locale))
    finished = _menu(ummsg, draft, locale, f"Store {email.slug}", in_editor=True)
    if finished is None:
        _edit_in_editor(ummsg, email, locale)
    else:
        _store(ummsg, email, finished)


def _asked_draft(ummsg: "Runtime", answers: dict[str, Any], text: dict[str, Any], locale: str) -> EmailDraft:
    """The questions whose answers are missing, then everything once more to look at and change."""
    prompter = ummsg.prompter
    try:
        if "event" not in answers:
            kinds = ummsg.event_kinds.all()
            choices = [Choice(kind.slug, f"{kind.slug}: {views.printable_line(kind.description)}") for kind in kinds]
            answers["event"] = prompter.select("After which event?", choices)
        ummsg.event_kinds.get(answers["event"])
        if "target" not in answers:
            answers["target"] = prompter.select("To whom?", _targets())
        if "title" not in answers:
            answers["title"] = prompter.text(Line("Its name in lists:"))
        if "slug" not in answers:
            proposal = _slug_of(answers["title"])
            answers["slug"] = prompter.text(Line("Its name in commands:", typed=proposal))
    except Back:
        raise Cancelled("Nothing was stored") from None
    first = EmailText(
        text.get("subject", ""), text.get("content", ""), text.get("content_format", ContentFormat.MARKDOWN)
    )
    draft = EmailDraft(**answers, texts={locale: first})
    for name in ("subject", "content"):
        if name not in text:
            draft = _ask(ummsg, draft, locale, name)
    finished = _menu(ummsg, draft, locale, f"Make {draft.slug}")
    if finished is None:
        raise Cancelled("Nothing was stored")
    return finished


def _menu(
    ummsg: "Runtime", draft: EmailDraft, locale: str, store: str, *, in_editor: bool = False
) -> EmailDraft | None:
    """Change one thing after the other until they are content; None for the whole of it in the editor."""
    while True:
        try:
            choice = ummsg.prompter.select("What now?", _choices(draft, locale, store, in_editor=in_editor))
        except Back:
            raise Cancelled("Nothing was stored") from None
        if choice == "store":
            return draft
        if choice == "editor":
            return None
        if choice == "look":
            _look(ummsg, draft)
        else:
            draft = _ask(ummsg, draft, locale, choice)


def _choices(draft: EmailDraft, locale: str, store: str, *, in_editor: bool) -> list[Choice[str]]:
    text = draft.texts[locale]
    first = text.content.strip().split("\n")[0][:40]
    shown = {
        "store": store,
        "look": "Look at it",
        "subject": f"Subject ({locale}): {text.subject}",
        "content": f"Content ({locale}): {first}…",
        "title": f"Title: {draft.title}",
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


def _look(ummsg: "Runtime", draft: EmailDraft) -> None:
    from ummsg.cli.review import show_email

    try:
        show_email(ummsg.emails.preview_draft(draft), to_stderr=True)
    except InvalidInput as error:
        views.error(error)


def _ask(ummsg: "Runtime", draft: EmailDraft, locale: str, name: str) -> EmailDraft:
    """One question; Esc leaves it as it was."""
    try:
        return _QUESTIONS[name](ummsg, draft, locale)
    except Back:
        return draft


def _ask_subject(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    def put(typed: str) -> EmailDraft:
        return draft.with_text(locale, replace(draft.texts[locale], subject=typed))

    return put(ummsg.prompter.text(_line(ummsg, "Subject:", draft.texts[locale].subject, put, "subject")))


def _ask_content(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    text = draft.texts[locale]

    def put(typed: str) -> EmailDraft:
        return draft.with_text(locale, replace(text, content=typed))

    line = _line(ummsg, f"Content ({text.content_format}):", text.content, put, "content")
    names = " ".join(f"{{{{{name}}}}}" for name in ummsg.emails.placeholders(draft.event)[:20])
    typed = ummsg.prompter.content(line, suffix=SUFFIXES[text.content_format], notes=[f"Placeholders: {names} …"])
    return put(typed)


def _ask_title(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    def put(typed: str) -> EmailDraft:
        return replace(draft, title=typed)

    return put(ummsg.prompter.text(_line(ummsg, "Its name in lists:", draft.title, put, "title")))


def _ask_sender(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    def put(typed: str) -> EmailDraft:
        return replace(draft, sender=typed)

    return put(ummsg.prompter.text(_line(ummsg, "From (empty: as in the settings):", draft.sender, put, "from")))


def _ask_after(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    def complain(typed: str) -> str:
        try:
            parse_duration(typed)
        except InvalidInput as error:
            return f"{error.what}; {error.hint}"
        return ""

    line = Line("How long after the event (3d, 2h30m, 0)?", typed=shown_duration(draft.after), complain=complain)
    return replace(draft, after=parse_duration(ummsg.prompter.text(line)))


def _ask_target(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    return replace(draft, target=ummsg.prompter.select("To whom?", _targets(), at=draft.target))


def _ask_style(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    choices = [
        Choice(EmailStyle.DEFAULT, "default: as UMMSG_EMAIL_STYLE says"),
        Choice(EmailStyle.HTML, "html: in the layout, with a text part"),
        Choice(EmailStyle.PLAIN, "plain: text alone"),
    ]
    return replace(draft, style=ummsg.prompter.select("In which style?", choices, at=draft.style))


_QUESTIONS: dict[str, Callable[["Runtime", EmailDraft, str], EmailDraft]] = {
    "subject": _ask_subject,
    "content": _ask_content,
    "title": _ask_title,
    "target": _ask_target,
    "style": _ask_style,
    "active": lambda ummsg, draft, locale: replace(draft, active=not draft.active),
    "after": _ask_after,
    "sender": _ask_sender,
    "copy_to_admins": lambda ummsg, draft, locale: replace(draft, copy_to_admins=not draft.copy_to_admins),
}


def _line(ummsg: "Runtime", question: str, typed: str, put: Callable[[str], EmailDraft], field: str) -> Line:
    return Line(question, typed=typed, complain=lambda text: ummsg.emails.complaint(put(text), field))


def _targets() -> list[Choice[EmailTarget]]:
    return [
        Choice(EmailTarget.CUSTOMER, "The customer whom the event is about"),
        Choice(EmailTarget.ADMIN, "The network's admins (UMMSG_ADMIN_EMAILS)"),
    ]


# Shared


def _store(ummsg: "Runtime", email: "SystemEmail", draft: EmailDraft) -> None:
    if draft == email.draft:
        views.talk("Nothing was changed.")
        return
    ummsg.emails.change(email, draft)
    views.talk(f"{email.slug} is changed.")
    views.next_step(f"ummsg emails preview {email.slug}")


def _text(draft: EmailDraft, ummsg: "Runtime", locale: str) -> EmailText:
    """The text in this language; where there is none yet, a copy of the one that would be sent."""
    return draft.texts.get(locale) or draft.texts[ummsg.emails.locale_to_edit(draft.texts)]


def _locale(ummsg: "Runtime", draft: EmailDraft, given: str) -> str:
    if not given:
        return ummsg.emails.locale_to_edit(draft.texts)
    if not (locale := normalised_locale(given)):
        raise InvalidInput(f"--locale: {given!r} is no language", hint="--locale en, sv or pt_BR")
    return locale


def _delay(text: str) -> Any:
    try:
        return parse_duration(text)
    except InvalidInput as error:
        raise InvalidInput(f"--after: {error.what}", hint=error.hint) from None


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _missing(answers: dict[str, Any], text: dict[str, Any]) -> list[str]:
    needed = dict.fromkeys(("slug", "event", "target", "title"), answers) | dict.fromkeys(("subject", "content"), text)
    return [name for name, given in needed.items() if name not in given]


def _slug_of(title: str) -> str:
    from ummsg.domain.customer import attribute_name

    return attribute_name(title)[:80]
