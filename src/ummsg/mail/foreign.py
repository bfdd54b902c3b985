"""Emails that others wrote: what HTML can do is taken out, and those of an Ultimate Multisite network become ours."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from typing import Any

from ummsg.domain.broadcast import CONTENT_MAXIMUM
from ummsg.domain.email import FALLBACK_LOCALE, EmailDraft, EmailText
from ummsg.errors import InvalidDraft, Problem
from ummsg.mail.content import sanitise_email, to_html
from ummsg.mail.email_keys import kind_of
from ummsg.mail.sandbox import Refused, check
from ummsg.mail.tags import Masked, Tag, mask, plain
from ummsg.vocabulary import ContentFormat, EmailStyle, EmailTarget


@dataclass(frozen=True)
class Imported:
    """An email from elsewhere. `notes` say what was taken out of it or could not be taken over, for people."""

    draft: EmailDraft
    notes: tuple[str, ...] = ()


def harmless(draft: EmailDraft) -> Imported:
    """The email with its HTML without scripts, handlers, page styles, and links that lead nowhere in a mail.

    What cannot be read as a template is left as it is, to be refused by name later.
    """
    texts: dict[str, EmailText] = {}
    notes: list[str] = []
    for locale, text in draft.texts.items():
        texts[locale], left_out = _harmless(text)
        notes += [f"left out ({locale}): {message}" for message in left_out]
    return Imported(replace(draft, texts=texts), tuple(notes))


def _harmless(text: EmailText) -> tuple[EmailText, list[str]]:
    if text.content_format is not ContentFormat.HTML or len(text.content) > CONTENT_MAXIMUM:
        return text, []
    content = plain(text.content)
    try:
        check(content)
        masked = mask(content)
    except Refused:
        return text, []
    html, problems = to_html(masked, ContentFormat.HTML)
    cleaned = _without_empty_links(_without_bad_addresses(masked, sanitise_email(html, masked)))
    return replace(text, content=_unmasked(masked, cleaned)), [problem.message for problem in problems]


# These read what the sanitiser wrote: every attribute is in double quotes, and no text holds a <.
_LINK = re.compile(r"""<(?:a|img)(?:\s[\w-]+="[^"]*")*>""")
_ADDRESS = re.compile(r"""\s(?:href|src)="([^"]*)\"""")
_EMPTY = re.compile(
    r"""<a(?:\s(?!href=|name=)[\w-]+="[^"]*")*>(.*?)</a>|<img(?:\s(?!src=)[\w-]+="[^"]*")*>""", re.DOTALL
)


def _without_bad_addresses(masked: Masked, html: str) -> str:
    def judged(address: re.Match[str]) -> str:
        return address[0] if masked.leads_somewhere(unescape(address[1])) else ""

    return _LINK.sub(lambda link: _ADDRESS.sub(judged, link[0]), html)


def _without_empty_links(html: str) -> str:
    """Of a link without an address its text is left, of such a picture nothing."""
    return _EMPTY.sub(lambda found: found[1] or "", html)


_LITERAL_BRACES = re.compile(r"\{[{%#]")


def _unmasked(masked: Masked, html: str) -> str:
    """With the tags as the author wrote them; braces that were no tags there are none here."""
    html = _LITERAL_BRACES.sub(lambda braces: f'{{{{ "{braces[0]}" }}}}', masked.comment.sub(r"\1", html))
    return masked.marker.sub(lambda found: _source(masked.tags[int(found[1])]), html)


def _source(tag: Tag) -> str:
    if tag.keyword == "#":
        return ""
    return f"{{% {tag.code} %}}" if tag.is_statement else f"{{{{ {tag.code} }}}}"


# Ultimate Multisite. Flags come as true, 1, "1", "" or null; what a version does not tell is absent or null.


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
    after, notes = _delay(fields)
    title, content = fields["title"].strip(), _paragraphs(_unslashed(fields["content"]))
    draft = EmailDraft(
        slug=fields["slug"].lower(),
        event=str(fields.get("event") or ""),
        target=EmailTarget.CUSTOMER if fields.get("target") == EmailTarget.CUSTOMER else EmailTarget.ADMIN,
        title=title,
        texts={FALLBACK_LOCALE: EmailText(title, content, ContentFormat.HTML)},
        style=_STYLES.get(str(fields.get("style")), EmailStyle.DEFAULT),
        active=_is_on(fields.get("active", True)),
        after=after,
        sender=_sender(fields),
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


def _delay(fields: Mapping[str, Any]) -> tuple[timedelta, list[str]]:
    if not _is_on(fields.get("schedule", False)):
        return timedelta(), []
    days, hours = str(fields.get("send_days", "")), str(fields.get("send_hours", ""))
    clock = re.fullmatch(r"(\d{1,4}):(\d{2})", hours)
    if fields.get("schedule_type") == "hours" and clock:
        return timedelta(hours=int(clock[1]), minutes=int(clock[2])), []
    if fields.get("schedule_type", "days") == "days" and days.isascii() and days.isdecimal() and len(days) < 5:
        return timedelta(days=int(days)), []
    return timedelta(), ["it is scheduled there, and the answer does not say for when: it has no delay here"]


def _sender(fields: Mapping[str, Any]) -> str:
    address, name = fields.get("custom_sender_email"), fields.get("custom_sender_name")
    if not _is_on(fields.get("custom_sender", False)) or not isinstance(address, str) or not address.strip():
        return ""
    quoted = str(name).replace("\\", "\\\\").replace('"', '\\"') if name else ""
    return f'"{quoted}" <{address.strip()}>' if quoted else address.strip()
