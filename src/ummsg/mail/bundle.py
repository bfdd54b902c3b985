"""Bundles: emails as one JSON document, to be carried from one installation to another.

What a bundle holds is not trusted: everything is checked, and what HTML can do is taken out of it (`foreign.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ummsg.domain.email import EmailDraft, EmailText, Texts
from ummsg.errors import InvalidDraft, InvalidInput, Problem
from ummsg.mail.email_keys import SETTINGS, checked_keys, settings_of
from ummsg.mail.foreign import Imported, harmless
from ummsg.mail.network_email import read_network_email
from ummsg.vocabulary import ContentFormat

FORMAT = "ummsg-emails"
SCHEMA = 1
MEND = "mend the file; nothing was stored"
EMAILS_MAXIMUM = 1_000
LOCALES_MAXIMUM = 50
_REQUIRED = ("slug", "event", "target", "title")
_KEYS_OF_TEXT = ("subject", "content", "format")


def write_bundle(drafts: Iterable[EmailDraft], origin: Mapping[str, str]) -> dict[str, Any]:
    """As JSON takes it; `origin` says where it is from. There are no numbers in it, and no secrets."""
    emails = [{**settings_of(draft), "texts": _written(draft.texts)} for draft in drafts]
    return {"format": FORMAT, "schema": SCHEMA, "origin": dict(origin), "emails": emails}


def read_bundle(value: Any) -> list[Imported]:
    """The emails of a bundle, or of what an Ultimate Multisite network answers to `GET /wp-json/wu/v2/email`.

    Raises InvalidInput for what is neither, or of a newer schema, and InvalidDraft with all that is wrong with them.
    """
    if isinstance(value, dict) and ("format" in value or "schema" in value):
        return _all(_entries(value), _read_email)
    if isinstance(value, dict) and "slug" in value:
        value = [value]
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return _all(value, read_network_email)
    raise InvalidInput(
        "This is neither a bundle of emails nor what a network answers to GET /wp-json/wu/v2/email",
        hint="ummsg emails export --all > bundle.json, there",
    )


def _entries(bundle: Mapping[str, Any]) -> list[Any]:
    schema = bundle.get("schema")
    if bundle.get("format") != FORMAT or not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise InvalidInput(
            f"A bundle has the format {FORMAT!r} and a schema from 1 on",
            details=[f"this has the format {str(bundle.get('format'))[:40]!r} and the schema {str(schema)[:40]}"],
            hint="ummsg emails export --all > bundle.json, there",
        )
    if schema > SCHEMA:
        raise InvalidInput(
            f"The bundle has schema {schema}, and this ummsg reads up to {SCHEMA}",
            details=["it was made by a newer ummsg; nothing was stored"],
            hint="upgrade ummsg here, or export with an older one there",
        )
    emails = bundle.get("emails")
    if not isinstance(emails, list):
        raise InvalidInput("The bundle has no list of emails")
    return emails


def _all(entries: list[Any], read: Callable[[Any], Imported]) -> list[Imported]:
    """Every email, or an error with what is wrong with each."""
    if len(entries) > EMAILS_MAXIMUM:
        raise InvalidInput(f"{len(entries):,} emails; {EMAILS_MAXIMUM:,} fit into a bundle")
    found: list[Imported] = []
    problems: list[Problem] = []
    for number, entry in enumerate(entries, 1):
        try:
            imported = read(entry)
            found.append(imported)
            problems += _placed(imported.draft.problems(), _name_of(entry, number))
        except InvalidDraft as error:
            problems += _placed(error.problems, _name_of(entry, number))
    slugs = [imported.draft.slug for imported in found]
    problems += [Problem(slug, "is there twice") for slug in dict.fromkeys(slugs) if slugs.count(slug) > 1]
    if problems:
        raise InvalidDraft(problems, what="The file cannot be imported as it is", hint=MEND)
    return found


def _read_email(entry: Any) -> Imported:
    if not isinstance(entry, dict):
        raise InvalidDraft([Problem("", "an email must be an object")])
    texts = entry.get("texts")
    values, problems = checked_keys({name: value for name, value in entry.items() if name != "texts"}, list(SETTINGS))
    problems += [Problem(name, "is missing") for name in _REQUIRED if name not in entry]
    if not isinstance(texts, dict) or not 1 <= len(texts) <= LOCALES_MAXIMUM:
        problems.append(Problem("texts", f"must hold a text for each of 1 to {LOCALES_MAXIMUM} languages"))
        texts = {}
    read = {str(locale): _read_text(text, str(locale)[:20], problems) for locale, text in texts.items()}
    if problems:
        raise InvalidDraft(problems)
    return harmless(EmailDraft(**values, texts={locale: text for locale, text in read.items() if text is not None}))


def _read_text(text: Any, locale: str, problems: list[Problem]) -> EmailText | None:
    """None if it cannot be read; why is then among the problems."""
    if not isinstance(text, dict):
        problems.append(Problem(f"texts ({locale})", "must be an object with subject, content and format"))
        return None
    if not isinstance(text.get("content"), str):
        problems.append(Problem(f"content ({locale})", "must be text"))
        return None
    known, wrong = checked_keys({key: text[key] for key in text if key != "content"}, ["subject", "format"])
    if "subject" not in text:
        wrong.append(Problem("subject", "is missing"))
    if wrong:
        problems += [Problem(f"{problem.field} ({locale})", problem.message) for problem in wrong]
        return None
    return EmailText(known["subject"], text["content"], known.get("format", ContentFormat.MARKDOWN))


def _written(texts: Texts) -> dict[str, dict[str, str]]:
    return {
        locale: {"subject": text.subject, "content": text.content, "format": text.content_format.value}
        for locale, text in texts.items()
    }


def _placed(problems: Iterable[Problem], slug: str) -> Iterator[Problem]:
    return (Problem(f"{slug}: {problem.field}" if problem.field else slug, problem.message) for problem in problems)


def _name_of(entry: Any, number: int) -> str:
    slug = entry.get("slug") if isinstance(entry, dict) else None
    return slug[:80] if isinstance(slug, str) and slug else f"email {number}"
