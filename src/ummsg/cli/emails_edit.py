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
from ummsg.cli.keeping import keeping
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
    whole = email.draft.with_text(locale, _text(email.draft, ummsg, locale))
    draft = replace(whole, **changes).with_text(locale, replace(whole.texts[locale], **text))
    if editor and (changes or text):
        raise InvalidInput("--editor changes the whole email; other options do not go with it")
    if editor:
        _edit_in_editor(ummsg, email, whole, locale)
    elif changes or text:
        _store(ummsg, email, draft, locale)
    elif ummsg.prompter.interactive:
        _edit_by_questions(ummsg, email, whole, locale)
    else:
        raise InvalidInput("Nothing to change was given", hint="ummsg emails edit --help")


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
    locale = _typed_locale(locale) if locale else normalised_locale(ummsg.settings.locale)
    asked = _missing(answers, text)
    if asked and (no_input or not ummsg.prompter.interactive):
        raise InvalidInput("These are missing", details=[f"--{name}" for name in asked], hint="ummsg emails new --help")
    if asked:
        email = _new_by_questions(ummsg, answers, text, locale)
    else:
        email = ummsg.emails.add(EmailDraft(**answers, texts={locale: EmailText(**text)}))
    views.talk(f"{email.slug} is installed and {'active' if email.draft.active else 'inactive'}.")
    if asked:
        views.command(equivalent_command(email.draft, locale))
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


def _edit_in_editor(ummsg: "Runtime", email: "SystemEmail", draft: EmailDraft, locale: str) -> None:
    """`draft` is what to begin with: the email, with what was changed of it already."""
    from ummsg.mail.front_matter import read_email, write_email

    original = write_email(draft, locale)
    typed: dict[str, str] = {}
    with keeping(ummsg.working_directory, email.slug, typed):
        while True:
            typed[locale] = edit_file(typed.get(locale, original), ".md")
            if typed[locale] == original and draft == email.draft:
                views.talk("Nothing was changed.")
                return
            try:
                _store(ummsg, email, read_email(typed[locale], draft, locale), locale)
            except InvalidInput as error:
                if not _wants_again(ummsg, error):
                    raise
            else:
                return


def _wants_again(ummsg: "Runtime", error: InvalidInput) -> bool:
    if not ummsg.prompter.interactive:
        return False
    views.error(error)
    return ummsg.prompter.confirm("Edit it again?", default=True)


# By questions


def _edit_by_questions(ummsg: "Runtime", email: "SystemEmail", draft: EmailDraft, locale: str) -> None:
    def store(changed: EmailDraft) -> None:
        _store(ummsg, email, changed, locale)

    unfinished = _menu(ummsg, draft, locale, f"Store {email.slug}", store, in_editor=True)
    if unfinished is not None:
        _edit_in_editor(ummsg, email, unfinished, locale)


def _new_by_questions(ummsg: "Runtime", answers: dict[str, Any], text: dict[str, Any], locale: str) -> "SystemEmail":
    """The questions whose answers are missing, then everything once more to look at and change."""
    stored: list[SystemEmail] = []
    draft = _asked_draft(ummsg, answers, text, locale)
    _menu(ummsg, draft, locale, f"Make {draft.slug}", lambda changed: stored.append(ummsg.emails.add(changed)))
    return stored[0]


def _asked_draft(ummsg: "Runtime", answers: dict[str, Any], text: dict[str, Any], locale: str) -> EmailDraft:
    prompter = ummsg.prompter
    first = EmailText(
        text.get("subject", ""), text.get("content", ""), text.get("content_format", ContentFormat.MARKDOWN)
    )
    try:
        if "event" not in answers:
            kinds = ummsg.event_kinds.all()
            choices = [Choice(kind.slug, f"{kind.slug}: {views.printable_line(kind.description)}") for kind in kinds]
            answers["event"] = prompter.select("After which event?", choices)
        ummsg.event_kinds.get(answers["event"])
        if "target" not in answers:
            answers["target"] = prompter.select("To whom?", _targets())
        draft = EmailDraft(**{"slug": "", "title": "", **answers}, texts={locale: first})
        if "title" not in answers:
            draft = _ask_title(ummsg, draft, locale)
        if "slug" not in answers:
            draft = _ask_slug(ummsg, draft)
    except Back:
        raise Cancelled("Nothing was stored") from None
    for name in ("subject", "content"):
        if name not in text:
            draft = _ask(ummsg, draft, locale, name)
    return draft


def _ask_slug(ummsg: "Runtime", draft: EmailDraft) -> EmailDraft:
    def complain(typed: str) -> str:
        if ummsg.emails.is_taken(typed):
            return f"there is an email {typed} already"
        return ummsg.emails.complaint(replace(draft, slug=typed), "slug")

    line = Line("Its name in commands:", typed=_slug_of(draft.title), complain=complain)
    return replace(draft, slug=ummsg.prompter.text(line))


def _menu(
    ummsg: "Runtime",
    draft: EmailDraft,
    locale: str,
    store_title: str,
    store: Callable[[EmailDraft], None],
    *,
    in_editor: bool = False,
) -> EmailDraft | None:
    """Change one thing after the other until it can be stored; or return what there is, for the editor to go on."""
    choice = "store"
    while True:
        choices = _choices(draft, locale, store_title, in_editor=in_editor)
        try:
            choice = ummsg.prompter.select("What now?", choices, at=choice)
        except Back:
            raise Cancelled("Nothing was stored") from None
        if choice == "editor":
            return draft
        if choice == "look":
            _look(ummsg, draft, locale)
        elif choice != "store":
            draft = _ask(ummsg, draft, locale, choice)
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


def _ask_description(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    def put(typed: str) -> EmailDraft:
        return replace(draft, description=typed)

    line = _line(ummsg, "What it is for, in lists:", draft.description, put, "description")
    return put(ummsg.prompter.text(line))


def _ask_sender(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    def put(typed: str) -> EmailDraft:
        return replace(draft, sender=typed)

    return put(ummsg.prompter.text(_line(ummsg, "From (empty: as in the settings):", draft.sender, put, "from")))


def _ask_after(ummsg: "Runtime", draft: EmailDraft, locale: str) -> EmailDraft:
    def complain(typed: str) -> str:
        try:
            return ummsg.emails.complaint(replace(draft, after=parse_duration(typed)), "after")
        except InvalidInput as error:
            return f"{error.what}; {error.hint}"

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
    "description": _ask_description,
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


def _store(ummsg: "Runtime", email: "SystemEmail", draft: EmailDraft, locale: str) -> None:
    if draft == email.draft:
        views.talk("Nothing was changed.")
        return
    ummsg.emails.change(email, draft)
    views.talk(f"{email.slug} is changed.")
    other = f" --locale {locale}" if locale != ummsg.emails.locale_to_edit(draft.texts) else ""
    views.next_step(f"ummsg emails preview {email.slug}{other}")


def _text(draft: EmailDraft, ummsg: "Runtime", locale: str) -> EmailText:
    """The text in this language; where there is none yet, a copy of the one that would be sent."""
    return draft.texts.get(locale) or draft.texts[ummsg.emails.locale_to_edit(draft.texts)]


def _locale(ummsg: "Runtime", draft: EmailDraft, given: str) -> str:
    return _typed_locale(given) if given else ummsg.emails.locale_to_edit(draft.texts)


def _typed_locale(given: str) -> str:
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
