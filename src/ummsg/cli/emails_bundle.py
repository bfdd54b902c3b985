"""ummsg emails export, and import --from: emails between installations."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import views
from ummsg.cli.asking import Back, Choice
from ummsg.cli.differences import show_difference
from ummsg.cli.options import Context
from ummsg.cli.reading import named, read_bounded
from ummsg.errors import Cancelled, InvalidInput
from ummsg.strict_json import parse_json
from ummsg.vocabulary import ListFormat, OnConflict

if TYPE_CHECKING:
    from ummsg.runtime import Runtime
    from ummsg.services.email_bundles import Plan, Step

_WEB = re.compile(r"https?://", re.IGNORECASE)

MOST_BYTES = 10 * 1024 * 1024
"""More is refused before it is read: some thousand long emails fit."""


def export(
    ctx: Context,
    slugs: Annotated[list[str] | None, typer.Argument(metavar="[SLUG]...", help="Which emails.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Every installed email.")] = False,
) -> None:
    """Print emails as a bundle (JSON) for another installation: texts and settings, no numbers, no secrets."""
    if bool(slugs) == all:
        raise InvalidInput("Which emails?", details=["give slugs, or --all"], hint="ummsg emails export --all")
    print(views.as_json(ctx.obj.email_bundles.export(None if all else slugs), indent=2))


def import_bundle(
    ummsg: "Runtime",
    source: str,
    *,
    on_conflict: OnConflict | None,
    dry_run: bool,
    activate: bool,
    yes: bool,
) -> None:
    """Show what importing a bundle would do, ask, and do it: all of it, or nothing."""
    bundle = _of_network(ummsg, source) if _WEB.match(source) else _of_file(source)

    def plan(decision: OnConflict | None) -> "Plan":
        return ummsg.email_bundles.plan(bundle, on_conflict=decision, activate=activate)

    planned = plan(on_conflict)
    _show(planned)
    if planned.undecided and not dry_run:
        planned = plan(_decide(ummsg, planned))
    stored = [step for step in planned.steps if step.stores]
    if dry_run or not stored:
        views.talk("Nothing was stored." if dry_run else "There is nothing to import.")
        return
    _confirm(ummsg, stored, yes=yes)
    for email in ummsg.email_bundles.store(planned):
        views.talk(f"{email.slug} is imported, and {'active' if email.draft.active else 'inactive'}.")
    _say_next(stored)


def _of_file(source: str) -> Any:
    content = read_bounded(source, MOST_BYTES, "--from", "a bundle of emails", hint="--from FILE, - or https://…")
    return parse_json(content, f"--from: {named(source)}", hint="ummsg emails export --all > bundle.json, there")


def _of_network(ummsg: "Runtime", url: str) -> Any:
    """What Ultimate Multisite's API tells, by the key and the secret of the settings, or of who sits there."""
    key, secret = ummsg.settings["NETWORK_API_KEY"], ummsg.settings.network_api_secret()
    if not (key and secret) and not ummsg.prompter.interactive:
        raise InvalidInput(
            "A network tells its emails to who has the key and the secret of its API",
            details=["nothing is asked off a terminal, and they are not options: those can be seen by others"],
            hint="UMMSG_NETWORK_API_KEY, and UMMSG_NETWORK_API_SECRET, _FILE or _COMMAND",
        )
    key = key or ummsg.prompter.secret("API key:")
    secret = secret or ummsg.prompter.secret("API secret:")
    return ummsg.email_bundles.of_network(url, key, secret)


def _decide(ummsg: "Runtime", plan: "Plan") -> OnConflict:
    number = len(plan.undecided)
    which = "1 email is" if number == 1 else f"{number} emails are"
    if not ummsg.prompter.interactive:
        raise InvalidInput(
            f"{which} different here; nothing was stored",
            details=[step.draft.slug for step in plan.undecided],
            hint="the same command with --on-conflict skip, overwrite or copy; --dry-run shows the plan",
        )
    choices = [
        Choice(OnConflict.SKIP, "skip: keep those that are here"),
        Choice(OnConflict.OVERWRITE, "overwrite: take those that come; what they replace is kept as a version"),
        Choice(OnConflict.COPY, "copy: install those that come beside them, under other slugs"),
    ]
    try:
        return ummsg.prompter.select(f"{which} different here. What becomes of them?", choices)
    except Back:
        raise Cancelled("Nothing was stored") from None


def _show(plan: "Plan") -> None:
    rows = [_row(step) for step in plan.steps]
    columns = ["slug", "standing", "action", "active", "event", "target", "from"]
    views.listing(rows, ListFormat.TABLE, columns=columns, optional=["event", "target", "from"], key="slug")
    for step in plan.steps:
        if step.present is not None and (step.overwrites or step in plan.undecided):
            views.talk(f"\n{step.draft.slug}: what is here, and what is to come", "bold")
            show_difference(step.present.draft, step.draft)
    for step in plan.steps:
        notes = [*step.notes, *(f"not known here: {problem}" for problem in step.unsendable)]
        views.warnings(views.printable_line(f"{step.draft.slug}: {note}") for note in notes)


def _row(step: "Step") -> dict[str, Any]:
    undecided = "activate" if step.activates else "undecided" if step.standing.value == "different" else "–"
    return {
        "slug": step.draft.slug,
        "standing": step.standing.value,
        "action": "import" if step.standing.value == "new" else step.action or undecided,
        "active": _active_then(step),
        "event": step.draft.event,
        "target": step.draft.target.value,
        "from": step.draft.sender or None,
    }


def _active_then(step: "Step") -> str:
    """Whether it goes out afterwards; an active one that is overwritten by an inactive one stops, which is said."""
    now = "yes" if step.draft.active else "no"
    if step.overwrites and step.present is not None and step.present.draft.active and not step.draft.active:
        return "no (it is now)"
    return now


def _confirm(ummsg: "Runtime", stored: "list[Step]", *, yes: bool) -> None:
    """Only what overwrites is asked about off a terminal; on one, everything that is stored."""
    number = "1 email" if len(stored) == 1 else f"{len(stored)} emails"
    if any(step.overwrites for step in stored):
        ummsg.prompter.confirm_destructive(f"Import {number}, over what is here?", yes=yes)
    elif not yes and ummsg.prompter.interactive and not ummsg.prompter.confirm(f"Import {number}?", default=True):
        raise Cancelled("Nothing was stored")


def _say_next(stored: "list[Step]") -> None:
    """What to type for the first that waits; one that cannot be sent has to be mended first."""
    inactive = sorted((step for step in stored if not step.draft.active), key=lambda step: bool(step.unsendable))
    if inactive:
        slug = inactive[0].draft.slug
        look = f"edit {slug} --editor" if inactive[0].unsendable else f"preview {slug}"
        views.next_step(f"ummsg emails {look}, then ummsg emails enable {slug}", "To let one go out")
