"""What a change would do to an email, as a difference that people read."""

from collections.abc import Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING

from ummsg.cli import views
from ummsg.domain.duration import shown_duration
from ummsg.domain.email import EmailDraft

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def show_difference(before: EmailDraft, after: EmailDraft) -> None:
    """Settings, subject and content, line by line; on standard error, for it is what a question is about."""
    for line in _settings(before, after):
        views.err().print(_coloured(line))
    for locale in dict.fromkeys((*before.texts, *after.texts)):
        for line in unified_diff(_lines(before, locale), _lines(after, locale), "now", "then", lineterm="", n=2):
            if line.startswith(("---", "+++")):
                continue
            views.err().print(_coloured(f"{line} {locale}" if line.startswith("@@") else line))


def _settings(before: EmailDraft, after: EmailDraft) -> Iterator[str]:
    for name, was in _as_words(before).items():
        if (now := _as_words(after)[name]) != was:
            yield f"-{name}: {was}"
            yield f"+{name}: {now}"


def _as_words(draft: EmailDraft) -> dict[str, str]:
    return {
        "event": draft.event,
        "target": draft.target.value,
        "title": draft.title,
        "description": draft.description,
        "style": draft.style.value,
        "active": "yes" if draft.active else "no",
        "after": shown_duration(draft.after),
        "from": draft.sender or "as in the settings",
        "copy to admins": "yes" if draft.copy_to_admins else "no",
    }


def _lines(draft: EmailDraft, locale: str) -> list[str]:
    text = draft.texts.get(locale)
    if text is None:
        return []
    return [f"Subject: {text.subject}", f"Format: {text.content_format}", "", *text.content.splitlines()]


def _coloured(line: str) -> "Text":
    from rich.text import Text

    return Text(views.printable_line(line), style=_STYLES.get(line[:1], ""))
