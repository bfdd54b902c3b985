"""Emails as the REST API of an Ultimate Multisite network tells them (`GET /wp-json/wu/v2/email`).

Flags come as true, 1, "1", "" or null; what a version does not tell is absent or null.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ummsg.domain.email import FALLBACK_LOCALE, EmailDraft, EmailText
from ummsg.errors import InvalidDraft, Problem
from ummsg.mail.email_keys import kind_of
from ummsg.mail.foreign import Imported, harmless
from ummsg.vocabulary import ContentFormat, EmailStyle, EmailTarget


def read_network_email(entry: Any) -> Imported:
    """One entry of `GET /wp-json/wu/v2/email`. Raises InvalidDraft for what is no email."""
    fields = {name: value for name, value in entry.items() if value is not None}
    problems = [
        Problem(name, f"must be text, and is {kind_of(fields[name])}" if name in fields else "is missing")
        for name in ("slug", "title", "content")
        if not isinstance(fields.get(name), str)
    ]
    if problems:
        raise InvalidDraft(problems)
    notes: list[str] = []
    title, content = fields["title"].strip(), _paragraphs(_unslashed(fields["content"]))
    draft = EmailDraft(
        slug=fields["slug"].lower(),
        event=str(fields.get("event") or ""),
        target=_target(fields, notes),
        title=title,
        texts={FALLBACK_LOCALE: EmailText(title, content, ContentFormat.HTML)},
        style=_STYLES.get(str(fields.get("style")), EmailStyle.DEFAULT),
        active=_is_on(fields.get("active", True)),
        after=_delay(fields, notes),
        sender=_sender(fields, notes),
        copy_to_admins=_is_on(fields.get("send_copy_to_admin", False)),
    )
    imported = harmless(draft)
    return replace(imported, notes=(*notes, *imported.notes))


_STYLES = {"html": EmailStyle.HTML, "plain": EmailStyle.PLAIN, "plain-text": EmailStyle.PLAIN}
_BLOCK = re.compile(r"<(?:p|div|table|ul|ol|h[1-6]|blockquote|pre|section|article|hr)\b", re.IGNORECASE)


def _is_on(value: Any) -> bool:
    return str(value).lower() not in ("", "0", "false", "no", "off", "none")


def _unslashed(content: str) -> str:
    """WordPress keeps a backslash before quotation marks and backslashes."""
    return re.sub(r"\\(['\"\\])", r"\1", content)


def _paragraphs(content: str) -> str:
    """WordPress makes paragraphs of blank lines, and breaks of line ends, when it shows what was typed as prose."""
    content = content.replace("\r\n", "\n")
    if _BLOCK.search(content):
        return content
    parts = [part.strip().replace("\n", "<br>\n") for part in re.split(r"\n\s*\n", content)]
    return "\n".join(f"<p>{part}</p>" for part in parts if part)


def _target(fields: Mapping[str, Any], notes: list[str]) -> EmailTarget:
    """To the admins where it is not told, as there."""
    target = fields.get("target", EmailTarget.ADMIN.value)
    if target in list(EmailTarget):
        return EmailTarget(target)
    notes.append(f"its target is {str(target)[:40]!r}, which is nobody here: it goes to the admins")
    return EmailTarget.ADMIN


def _delay(fields: Mapping[str, Any], notes: list[str]) -> timedelta:
    if not _is_on(fields.get("schedule", False)):
        return timedelta()
    kind, days, hours = (str(fields.get(name, "")) for name in ("schedule_type", "send_days", "send_hours"))
    clock = re.fullmatch(r"(\d{1,4}):([0-5]\d)", hours, re.ASCII)
    if kind == "hours" and clock:
        return timedelta(hours=int(clock[1]), minutes=int(clock[2]))
    if kind in ("", "days") and re.fullmatch(r"\d{1,4}", days, re.ASCII):
        return timedelta(days=int(days))
    notes.append("it is scheduled there, and the answer does not say for when: it has no delay here")
    return timedelta()


def _sender(fields: Mapping[str, Any], notes: list[str]) -> str:
    if not _is_on(fields.get("custom_sender", False)):
        return ""
    address, name = (str(fields.get(f"custom_sender_{part}", "")).strip() for part in ("email", "name"))
    if not address:
        notes.append("it has a sender of its own there, and the answer does not say which: the settings' is taken")
        return ""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if quoted else address
