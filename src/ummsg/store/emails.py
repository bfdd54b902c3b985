"""System emails as they are installed, the texts they had before, and what their deliveries came to."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import Session

from ummsg.domain.delivery import Counts
from ummsg.domain.email import EmailDraft, EmailText, EmailVersion, Metrics, SystemEmail, Texts
from ummsg.errors import InvalidInput, UnknownReference
from ummsg.store.tables import DeliveryRow, EmailRow, EmailVersionRow, table_of
from ummsg.vocabulary import ContentFormat, DeliveryStatus, EmailStyle, EmailTarget

emails = table_of(EmailRow)
versions = table_of(EmailVersionRow)
deliveries = table_of(DeliveryRow)


class Emails:
    def __init__(self, session: Session) -> None:
        self._execute = session.connection().execute

    def add(self, draft: EmailDraft, now: datetime, *, base: Texts | None = None) -> SystemEmail:
        """Install one. Raises InvalidInput if its slug is taken."""
        if self.find(draft.slug) is not None:
            raise InvalidInput(
                f"The email {draft.slug} is installed already",
                hint=f"ummsg emails show {draft.slug}",
            )
        columns = {"slug": draft.slug, **_columns_of(draft), "base": _json_of(base)}
        self._execute(insert(emails).values(**columns, created_at=now, updated_at=now))
        return self.get(draft.slug)

    def get(self, slug: str) -> SystemEmail:
        """Raises UnknownReference, which names the closest one."""
        found = self.find(slug)
        if found is None:
            close = get_close_matches(slug, self.slugs(), n=1)
            instead = [f"did you mean {close[0]}?"] if close else []
            raise UnknownReference(
                f"There is no email {slug!r}",
                details=instead,
                hint=f"ummsg emails show {close[0]}" if close else "ummsg emails list",
            )
        return found

    def find(self, slug: str) -> SystemEmail | None:
        row = self._execute(select(emails).where(emails.c.slug == slug)).first()
        return None if row is None else _email_of(row)

    def by_id(self, email_id: int) -> SystemEmail:
        return _email_of(self._execute(select(emails).where(emails.c.id == email_id)).one())

    def all(self, *, event: str | None = None, target: EmailTarget | None = None) -> list[SystemEmail]:
        """By slug."""
        statement = select(emails).order_by(emails.c.slug)
        if event is not None:
            statement = statement.where(emails.c.event == event)
        if target is not None:
            statement = statement.where(emails.c.target == target)
        return [_email_of(row) for row in self._execute(statement)]

    def slugs(self) -> list[str]:
        return list(self._execute(select(emails.c.slug).order_by(emails.c.slug)).scalars())

    def slugs_by_id(self) -> dict[int, str]:
        return {row.id: row.slug for row in self._execute(select(emails.c.id, emails.c.slug))}

    def standing(self, email_id: int) -> tuple[bool, datetime]:
        """Whether it is active, and when it was last changed: what a drain asks before every message."""
        row = self._execute(select(emails.c.active, emails.c.updated_at).where(emails.c.id == email_id)).one()
        return row.active, row.updated_at

    def change(self, email: SystemEmail, draft: EmailDraft, now: datetime, *, why: str) -> SystemEmail:
        """Store another draft in its place; the slug stays. What is replaced is kept as a version, unless it is an edit
        of settings alone: the next edit changes them back.
        """
        if dict(email.texts) != dict(draft.texts) or (why != "edited" and email.draft != draft):
            self._keep_version(email, why, now)
        self._execute(update(emails).where(emails.c.id == email.id).values(**_columns_of(draft), updated_at=now))
        return self.by_id(email.id)

    def set_base(self, email_id: int, base: Texts) -> None:
        """Remember the default's texts that the copy is level with now."""
        self._execute(update(emails).where(emails.c.id == email_id).values(base=_json_of(base)))

    def delete(self, email_id: int) -> int:
        """Delete an email with its versions and deliveries; returns how many deliveries that were."""
        done = self._execute(
            delete(deliveries).where(deliveries.c.broadcast_id.is_(None), deliveries.c.email_id == email_id)
        )
        self._execute(delete(emails).where(emails.c.id == email_id))
        return done.rowcount

    def is_being_sent(self, email_id: int) -> bool:
        sending = (deliveries.c.broadcast_id.is_(None), deliveries.c.status == DeliveryStatus.SENDING)
        found = select(deliveries.c.id).where(*sending, deliveries.c.email_id == email_id).limit(1)
        return self._execute(found).first() is not None

    def versions(self, email_id: int) -> list[EmailVersion]:
        """The newest first."""
        slug = self._execute(select(emails.c.slug).where(emails.c.id == email_id)).scalar_one()
        rows = self._execute(select(versions).where(versions.c.email_id == email_id).order_by(versions.c.number.desc()))
        return [
            EmailVersion(row.number, _draft_of(slug, row.settings, row.texts), row.why, row.replaced_at) for row in rows
        ]

    def metrics(self, email_id: int | None = None) -> dict[int, Metrics]:
        """By email id, counted from the deliveries of all emails, or of one; those without any are left out."""
        statement = (
            select(deliveries.c.email_id, deliveries.c.status, func.count(), func.max(deliveries.c.updated_at))
            .where(deliveries.c.broadcast_id.is_(None))
            .group_by(deliveries.c.email_id, deliveries.c.status)
        )
        if email_id is not None:
            statement = statement.where(deliveries.c.email_id == email_id)
        by_status: dict[int, dict[DeliveryStatus, int]] = {}
        last_sent: dict[int, datetime] = {}
        for of_email, status, number, latest in self._execute(statement):
            by_status.setdefault(of_email, {})[DeliveryStatus(status)] = number
            if status == DeliveryStatus.SENT:
                last_sent[of_email] = latest
        return {
            of_email: Metrics(Counts.of(counted), last_sent.get(of_email)) for of_email, counted in by_status.items()
        }

    def _keep_version(self, email: SystemEmail, why: str, now: datetime) -> None:
        highest = select(func.max(versions.c.number)).where(versions.c.email_id == email.id)
        number = (self._execute(highest).scalar_one() or 0) + 1
        columns = _columns_of(email.draft)
        kept = {"texts": columns.pop("texts"), "settings": columns, "why": why, "replaced_at": now}
        self._execute(insert(versions).values(email_id=email.id, number=number, **kept))


def _columns_of(draft: EmailDraft) -> dict[str, Any]:
    return {
        "event": draft.event,
        "target": draft.target,
        "title": draft.title,
        "description": draft.description,
        "style": draft.style,
        "active": draft.active,
        "after_seconds": int(draft.after.total_seconds()),
        "sender": draft.sender,
        "copy_to_admins": draft.copy_to_admins,
        "texts": _json_of(draft.texts),
    }


def _draft_of(slug: str, settings: Mapping[str, Any], texts: dict[str, dict[str, str]]) -> EmailDraft:
    return EmailDraft(
        slug=slug,
        event=settings["event"],
        target=EmailTarget(settings["target"]),
        title=settings["title"],
        texts=_texts_of(texts),
        description=settings["description"],
        style=EmailStyle(settings["style"]),
        active=settings["active"],
        after=timedelta(seconds=settings["after_seconds"]),
        sender=settings["sender"],
        copy_to_admins=settings["copy_to_admins"],
    )


def _email_of(row: Any) -> SystemEmail:
    draft = _draft_of(row.slug, row._mapping, row.texts)
    base = None if row.base is None else _texts_of(row.base)
    return SystemEmail(row.id, draft, row.created_at, row.updated_at, base)


def _json_of(texts: Texts | None) -> dict[str, dict[str, str]] | None:
    if texts is None:
        return None
    return {
        locale: {"subject": text.subject, "content": text.content, "format": text.content_format.value}
        for locale, text in texts.items()
    }


def _texts_of(stored: dict[str, dict[str, str]]) -> dict[str, EmailText]:
    return {
        locale: EmailText(text["subject"], text["content"], ContentFormat(text["format"]))
        for locale, text in stored.items()
    }
