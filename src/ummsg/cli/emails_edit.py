"""ummsg emails new and edit: by flags, by questions, or the whole email as one file in $EDITOR."""

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.content import read_content
from ummsg.cli.editor import edit_file
from ummsg.cli.email_questions import Asking, asked_draft, menu, missing
from ummsg.cli.keeping import keeping
from ummsg.cli.options import Context, EmailSlug, LocaleOption, NoInput
from ummsg.domain.duration import parse_duration, shown_duration
from ummsg.domain.email import EmailDraft, EmailText, normalised_locale
from ummsg.errors import InvalidInput
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
    asked = missing(answers, text)
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

    asking = Asking(ummsg, locale)
    with keeping(ummsg.working_directory, email.slug, asking.typed):
        unfinished = menu(asking, draft, f"Store {email.slug}", store, in_editor=True)
    if unfinished is not None:
        _edit_in_editor(ummsg, email, unfinished, locale)


def _new_by_questions(ummsg: "Runtime", answers: dict[str, Any], text: dict[str, Any], locale: str) -> "SystemEmail":
    """The questions whose answers are missing, then everything once more to look at and change."""
    if "event" in answers:
        ummsg.event_kinds.get(answers["event"])
    stored: list[SystemEmail] = []
    asking = Asking(ummsg, locale)
    with keeping(ummsg.working_directory, answers.get("slug", "email"), asking.typed):
        draft = asked_draft(asking, answers, text)
        menu(asking, draft, f"Make {draft.slug}", lambda changed: stored.append(ummsg.emails.add(changed)))
    return stored[0]


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
