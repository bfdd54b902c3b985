"""ummsg emails import, reset, update, status, history, restore: the defaults and the copies made of them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.asking import Back, Choice
from ummsg.cli.keeping import keeping
from ummsg.cli.options import Context, EmailSlug, Fields, Format, Yes
from ummsg.errors import Cancelled, InvalidInput
from ummsg.vocabulary import EmailState, ExitCode, ListFormat, OnConflict

if TYPE_CHECKING:
    from ummsg.domain.email import Comparison, Default
    from ummsg.runtime import Runtime
    from ummsg.services.email_defaults import Change, Update

Slugs = Annotated[list[str] | None, typer.Argument(metavar="[SLUG]...", help="Which; asked for on a terminal.")]


def status(
    ctx: Context,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 if something is wrong; for CI and cron.")] = False,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """Compare the installed emails with their defaults, a line each.

    With --check, exit code 1 when an essential email is missing or switched off, an active one cannot be sent (it names
    an unknown placeholder, say), or an event has no active email although it has fired, or has inactive ones.
    """
    ummsg = ctx.obj
    views.warnings([*ummsg.defaults.problems, *ummsg.event_kinds.problems])
    if not check:
        columns = ["slug", "state", "title"]
        rows = [_row(pair) for pair in ummsg.email_defaults.compare()]
        views.listing(rows, format, fields, columns=columns, key="slug")
        return
    findings = ummsg.email_defaults.findings()
    for finding in findings:
        views.talk(views.printable(finding.what), "red")
        views.next_step(finding.hint, "Try")
    if findings:
        raise typer.Exit(ExitCode.FAILED)
    views.talk("Every email is as it should be.", "green")


def import_emails(
    ctx: Context,
    slugs: Slugs = None,
    all: Annotated[bool, typer.Option("--all", help="Every default that is not installed.")] = False,
    from_file: Annotated[
        str | None, typer.Option("--from", metavar="FILE|-|URL", help="A bundle, or a network's emails.")
    ] = None,
    on_conflict: Annotated[
        OnConflict | None, typer.Option("--on-conflict", help="With --from: what to do where another email is.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --from: show the plan, store nothing.")] = False,
    activate: Annotated[bool, typer.Option("--activate", help="With --from: what is active there is here.")] = False,
    yes: Yes = False,
) -> None:
    """Install defaults, each as a copy of its own to edit; or emails of another installation (--from).

    Without slugs, on a terminal, choose from what is available.
    """
    ummsg = ctx.obj
    if from_file is not None:
        from ummsg.cli.emails_bundle import import_bundle

        if slugs or all:
            raise InvalidInput("--from takes all emails of the file; slugs and --all do not go with it")
        import_bundle(ummsg, from_file, on_conflict=on_conflict, dry_run=dry_run, activate=activate, yes=yes)
        return
    if on_conflict is not None or dry_run or activate:
        raise InvalidInput("--on-conflict, --dry-run and --activate go with --from", hint="ummsg emails import --help")
    views.warnings(ummsg.defaults.problems)
    chosen = _chosen_defaults(ummsg, slugs or [], all)
    for email in ummsg.email_defaults.install(chosen):
        views.talk(f"{email.slug} is installed and active: {email.draft.title}")
    if chosen:
        views.next_step(f"ummsg emails edit {chosen[0]}")


def reset(
    ctx: Context,
    slugs: Slugs = None,
    all: Annotated[bool, typer.Option("--all", help="Every email that is not as its default.")] = False,
    settings: Annotated[bool, typer.Option("--settings", help="Reset target, style, delay and the like, too.")] = False,
    yes: Yes = False,
) -> None:
    """Put the default's subject and content back; numbers, sender, delay and the rest stay, and so does the old text.

    Shows the difference before it asks. What is replaced is kept: `history` lists it, `restore` brings it back.
    """
    ummsg = ctx.obj
    changes = _chosen_changes(ummsg, slugs or [], all=all, settings=settings)
    for change in changes:
        _show(change, "is as its default")
    changes = [change for change in changes if change.is_one]
    if not changes:
        return
    which = changes[0].email.slug if len(changes) == 1 else f"these {len(changes)} emails"
    ummsg.prompter.confirm_destructive(f"Reset {which}?", yes=yes)
    for email in ummsg.email_defaults.reset(changes):
        views.talk(f"{email.slug} is reset.")
        views.next_step(f"ummsg emails history {email.slug}", "What it was")


def update(ctx: Context, slug: EmailSlug, yes: Yes = False) -> None:
    """Put what changed in the default since into an edited copy: a three-way merge.

    Where both changed the same lines, the conflicts open in $EDITOR; nothing is stored until they are resolved.
    """
    ummsg = ctx.obj
    plan = ummsg.email_defaults.update_plan(slug)
    typed: dict[str, str] = {}
    with keeping(ummsg.working_directory, slug, typed):
        if plan.conflicts:
            plan = _resolved(ummsg, plan, typed)
        _show(plan.change, "has nothing to update")
        if plan.change.is_one:
            ummsg.prompter.confirm_destructive(f"Update {slug}?", yes=yes)
        ummsg.email_defaults.update(plan)
    if plan.change.is_one:
        views.talk(f"{slug} is updated.")
        views.next_step(f"ummsg emails preview {slug}")


def history(
    ctx: Context,
    slug: EmailSlug,
    version: Annotated[int | None, typer.Option("--version", metavar="N", help="Print this version's texts.")] = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List what an email was before, the newest first."""
    versions = ctx.obj.email_defaults.history(slug)
    if version is not None:
        found = ctx.obj.email_defaults.restore_plan(slug, version).draft.texts
        for locale, text in found.items():
            print(f"[{locale}] {text.subject}\n\n{text.content}")
        return
    rows = [
        {
            "number": each.number,
            "replaced_at": each.replaced_at,
            "why": each.why,
            "subject": next(iter(each.draft.texts.values())).subject,
            "languages": list(each.draft.texts),
        }
        for each in versions
    ]
    views.listing(rows, format, fields, columns=["number", "replaced_at", "why", "subject"], key="number")


def restore(
    ctx: Context,
    slug: EmailSlug,
    version: Annotated[int, typer.Option("--version", metavar="N", help="As `history` lists it.")],
    settings: Annotated[bool, typer.Option("--settings", help="Restore target, delay and the like, too.")] = False,
    yes: Yes = False,
) -> None:
    """Bring an earlier text back; what it replaces is kept as a version in turn."""
    ummsg = ctx.obj
    change = ummsg.email_defaults.restore_plan(slug, version, settings=settings)
    _show(change, f"is as version {version} already")
    if not change.is_one:
        return
    ummsg.prompter.confirm_destructive(f"Restore version {version} of {slug}?", yes=yes)
    ummsg.email_defaults.restore(change)
    views.talk(f"{slug} is as in version {version} again.")


def _chosen_defaults(ummsg: "Runtime", slugs: list[str], all: bool) -> list[str]:
    available = ummsg.email_defaults.available()
    if slugs and all:
        raise InvalidInput("Give slugs, or --all", hint="ummsg emails import --help")
    if slugs:
        return slugs
    if not available:
        views.talk("Every default is installed.")
        return []
    if all:
        return [default.slug for default in available]
    if not ummsg.prompter.interactive:
        raise InvalidInput(
            "Which defaults?",
            details=[f"{default.slug}: {default.draft.title}" for default in available],
            hint="ummsg emails import SLUG…, or ummsg emails import --all",
        )
    return _asked_for(ummsg, available)


def _asked_for(ummsg: "Runtime", available: "list[Default]") -> list[str]:
    """Several at once, and looked at before they are imported."""
    chosen: list[Default] = []
    choices = list(map(_choice, available))
    while True:
        try:
            chosen = ummsg.prompter.choose("Which emails do you want to import?", choices, chosen=chosen)
        except Back:
            raise Cancelled("Nothing was imported") from None
        try:
            while (next_move := _ask_next_move(ummsg, chosen)) is not None:
                _preview(ummsg, next_move)
        except Back:
            continue
        return [default.slug for default in chosen]


def _ask_next_move(ummsg: "Runtime", chosen: "list[Default]") -> "Default | None":
    """One to be looked at, or None to go on. Raises Back to choose again."""
    number = "1 email" if len(chosen) == 1 else f"{len(chosen)} emails"
    choices: list[Choice[Default | None]] = [Choice(None, f"Import {number}")]
    choices += [Choice(default, f"Look at {default.slug}") for default in chosen]
    return ummsg.prompter.select("And now?", choices)


def _preview(ummsg: "Runtime", default: "Default") -> None:
    from ummsg.cli.review import show_email

    show_email(ummsg.emails.preview_draft(default.draft), to_stderr=True)


def _choice(default: "Default") -> "Choice[Default]":
    draft = default.draft
    title = f"{draft.title} ({draft.slug})"
    more = f"{draft.description} (After {draft.event}, to the {draft.target}; from {default.source}.)"
    return Choice(default, views.printable_line(title), more=views.printable_line(more))


def _chosen_changes(ummsg: "Runtime", slugs: list[str], *, all: bool, settings: bool) -> "list[Change]":
    if slugs and all:
        raise InvalidInput("Give slugs, or --all", hint="ummsg emails reset --help")
    if slugs:
        return [ummsg.email_defaults.reset_plan(slug, settings=settings) for slug in dict.fromkeys(slugs)]
    changes = ummsg.email_defaults.reset_plans(settings=settings)
    if not changes:
        views.talk("Every email that has a default is as its default.")
    if all or not changes:
        return changes
    if not ummsg.prompter.interactive:
        raise InvalidInput(
            "Which emails?",
            details=[f"{change.email.slug}: {change.email.draft.title}" for change in changes],
            hint="ummsg emails reset SLUG…, or ummsg emails reset --all",
        )
    choices = [Choice(change, change.email.slug, more=change.email.draft.title) for change in changes]
    try:
        return ummsg.prompter.choose("Which emails do you want to reset?", choices)
    except Back:
        raise Cancelled("Nothing was changed") from None


def _show(change: "Change", unchanged: str) -> None:
    from ummsg.cli.differences import show_difference

    if not change.is_one:
        views.talk(f"{change.email.slug} {unchanged}; nothing was changed.")
        return
    views.talk(change.email.slug, "bold")
    show_difference(change.email.draft, change.draft)


def _resolved(ummsg: "Runtime", plan: "Update", typed: dict[str, str]) -> "Update":
    """Every conflict, mended in the operator's editor; `typed` is given what they wrote, by language."""
    from ummsg.cli.editor import edit_file

    slug = plan.change.email.slug
    if not ummsg.prompter.interactive:
        for locale, conflict in plan.conflicts.items():
            print(f"[{locale}]\n{conflict}")
        raise InvalidInput(
            f"{slug} and its default changed the same lines; nothing was stored",
            hint=f"ummsg emails update {slug} on a terminal, which opens $EDITOR",
        )
    for locale, conflict in dict(plan.conflicts).items():
        while locale in plan.conflicts:
            views.talk(f"{slug} ({locale}): both changed the same lines; mend what stands between the markers.")
            typed[locale] = edit_file(typed.get(locale, conflict), ".md")
            try:
                plan = ummsg.email_defaults.resolved(plan, locale, typed[locale])
            except InvalidInput as error:
                views.error(error)
                if not ummsg.prompter.confirm("Go on editing?", default=True):
                    raise Cancelled("Nothing was stored") from None
    return plan


def _row(pair: "Comparison") -> dict[str, Any]:
    return {
        "slug": pair.slug,
        "state": pair.state.value,
        "event": pair.draft.event,
        "target": pair.draft.target.value,
        "title": pair.draft.title,
        "installed": pair.state is not EmailState.MISSING,
        "active": pair.email.draft.active if pair.email else None,
        "edited": pair.email.edited if pair.email else None,
        "default_changed": pair.default_changed,
        "essential": pair.default.essential if pair.default else None,
        "default_version": pair.default.version if pair.default else None,
        "source": pair.default.source if pair.default else None,
    }
