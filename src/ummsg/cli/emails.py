"""ummsg emails: the installed system emails. Their defaults are in emails_defaults, editing in emails_edit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ummsg.cli import emails_bundle, emails_defaults, emails_edit, views
from ummsg.cli.options import (
    Context,
    CustomerOption,
    EmailSlug,
    Fields,
    Format,
    LocaleOption,
    PayloadOption,
    Yes,
    noun,
)
from ummsg.domain.duration import shown_duration
from ummsg.domain.email import Comparison, Metrics, SystemEmail
from ummsg.errors import InvalidInput
from ummsg.vocabulary import EmailTarget, ExitCode, ListFormat

if TYPE_CHECKING:
    from ummsg.runtime import Runtime

app = noun("The system emails: what goes out after an event.")


@app.command("list")
def list_emails(
    ctx: Context,
    event: Annotated[str | None, typer.Option("--event", metavar="SLUG", help="Only emails on this event.")] = None,
    target: Annotated[EmailTarget | None, typer.Option("--target", help="Only emails to customers, or admins.")] = None,
    format: Format = ListFormat.TABLE,
    fields: Fields = "",
) -> None:
    """List the installed emails, with what was sent of each."""
    ummsg = ctx.obj
    views.warnings([*ummsg.defaults.problems, *ummsg.event_kinds.problems])
    rows = [_row(ummsg, email, metrics) for email, metrics in ummsg.emails.all(event=event, target=target)]
    columns = ["slug", "event", "target", "active", "state", "sent", "failed", "last_sent"]
    views.listing(rows, format, fields, columns=columns, optional=["event", "target"], key="slug")
    if not rows and format is ListFormat.TABLE:
        views.next_step("ummsg emails import")


@app.command()
def show(ctx: Context, slug: EmailSlug, format: Format = ListFormat.TABLE, fields: Fields = "") -> None:
    """Show an email: its settings, its texts, what it may refer to, and what was sent of it."""
    row = _full_row(ctx.obj, ctx.obj.emails.get(slug))
    if format is not ListFormat.TABLE or fields:
        views.record(row, format, fields)
        return
    texts, names = row.pop("texts"), row.pop("placeholders")
    views.record(row | {"subject": None, "counts": None}, format)
    _print_block("Placeholders", ", ".join(names))
    for locale, text in texts.items():
        _print_block(f"Text ({locale}), {text['format']}", f"Subject: {text['subject']}\n\n{text['content']}")


@app.command()
def preview(
    ctx: Context,
    slug: EmailSlug,
    customer: CustomerOption = None,
    payload: PayloadOption = None,
    locale: LocaleOption = "",
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the HTML to a file.")] = None,
) -> None:
    """Show the message as it would go out: with the event's example, or for a customer, or with a payload."""
    sample = ctx.obj.emails.preview(slug, **_about(ctx.obj, customer, payload), locale=locale)
    if html is not None:
        if not sample.html:
            raise InvalidInput(f"{slug} is sent as text alone; it has no HTML", hint=f"ummsg emails preview {slug}")
        write_file(html, sample.html)
        views.talk(f"Written to {html}; open it in a browser.")
        return
    from ummsg.cli.review import show_email

    show_email(sample)


@app.command("test")
def send_test(
    ctx: Context,
    slug: EmailSlug,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Where to send it.")],
    customer: CustomerOption = None,
    payload: PayloadOption = None,
    locale: LocaleOption = "",
) -> None:
    """Send what `preview` shows, marked as a test, to any address; only rate limits count it."""
    from ummsg.domain.address import checked_address
    from ummsg.domain.delivery import Fate

    address = checked_address(to)
    about = _about(ctx.obj, customer, payload)
    outcome = ctx.obj.emails.send_test(slug, address, lambda: ctx.obj.transport, **about, locale=locale)
    views.talk(f"{slug}, to {address}: {outcome.fate}. {views.printable(outcome.reply)}")
    if outcome.fate is not Fate.ACCEPTED:
        raise typer.Exit(ExitCode.NOT_ALL_REACHED)


@app.command()
def enable(ctx: Context, slug: EmailSlug) -> None:
    """Switch an email on, after checking that it can be sent."""
    ctx.obj.emails.set_active(slug, True)
    views.talk(f"{slug} is active.")


@app.command()
def disable(ctx: Context, slug: EmailSlug) -> None:
    """Switch an email off; what waits of it is dropped when its time comes."""
    email = ctx.obj.emails.set_active(slug, False)
    views.talk(f"{slug} is inactive.")
    if waiting := ctx.obj.emails.metrics(email).counts.open:
        views.talk(f"{waiting:,} waiting will be dropped when their time comes, unless it is enabled before.")


@app.command()
def delete(ctx: Context, slug: EmailSlug, yes: Yes = False) -> None:
    """Delete an email with its history and its numbers; `reset` keeps both."""
    ummsg = ctx.obj
    email = ummsg.emails.get(slug)
    counts = ummsg.emails.metrics(email).counts
    views.talk(
        f"Its numbers go with it: {counts.sent:,} sent, {counts.failed:,} failed; and its earlier texts."
        + (f" {counts.open:,} waiting will not be sent." if counts.open else "")
    )
    if ummsg.defaults.find(slug) is not None:
        views.talk("To get the default's text back and keep the numbers, reset it instead.")
        views.next_step(f"ummsg emails reset {slug}", "Instead")
    ummsg.prompter.confirm_destructive(f"Delete the email {slug}?", yes=yes)
    ummsg.emails.delete(slug)
    views.talk(f"{slug} is deleted.")


app.command("new")(emails_edit.new)
app.command("edit")(emails_edit.edit)
app.command("status")(emails_defaults.status)
app.command("import")(emails_defaults.import_emails)
app.command("reset")(emails_defaults.reset)
app.command("update")(emails_defaults.update)
app.command("history")(emails_defaults.history)
app.command("restore")(emails_defaults.restore)
app.command("export")(emails_bundle.export)


def _print_block(title: str, content: str) -> None:
    from rich.text import Text

    views.out().print(Text(f"\n{title}", style="bold"))
    views.out().print(Text(views.printable(content.rstrip())))


def write_file(path: Path, text: str) -> None:
    """Raises InvalidInput if the file cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written", details=[error.strerror or str(error)]) from None


def _about(ummsg: "Runtime", customer: str | None, payload: list[str] | None) -> dict[str, Any]:
    from ummsg.cli.payload import read_payload

    return {
        "customer": None if customer is None else ummsg.directory.customer(customer),
        "payload": None if not payload else read_payload(payload),
    }


def _row(ummsg: "Runtime", email: SystemEmail, metrics: Metrics) -> dict[str, Any]:
    pair = Comparison(email, ummsg.defaults.find(email.slug), metrics)
    return {
        "slug": email.slug,
        "event": email.draft.event,
        "target": email.draft.target.value,
        "title": email.draft.title,
        "subject": email.texts[ummsg.emails.locale_to_edit(email.texts)].subject,
        "active": email.draft.active,
        "state": pair.state.value,
        "sent": metrics.counts.sent,
        "failed": metrics.counts.failed,
        "last_sent": metrics.last_sent,
        "queued": metrics.counts.open,
        "unknown": metrics.counts.unknown,
        "cancelled": metrics.counts.cancelled,
        "edited": email.edited,
        "default_changed": pair.default_changed,
    }


def _full_row(ummsg: "Runtime", email: SystemEmail) -> dict[str, Any]:
    from dataclasses import asdict

    metrics = ummsg.emails.metrics(email)
    default = ummsg.defaults.find(email.slug)
    return {
        **_row(ummsg, email, metrics),
        "id": email.id,
        "description": email.draft.description,
        "style": email.draft.style.value,
        "after": shown_duration(email.draft.after),
        "from": email.draft.sender or None,
        "copy_to_admins": email.draft.copy_to_admins,
        "default": f"version {default.version}, from {default.source}" if default else None,
        "counts": asdict(metrics.counts),
        "placeholders": ummsg.emails.placeholders(email.draft.event),
        "texts": {
            locale: {"subject": text.subject, "content": text.content, "format": text.content_format.value}
            for locale, text in email.texts.items()
        },
        "created_at": email.created_at,
        "updated_at": email.updated_at,
    }
