"""Making a place for ummsg to work in: the database, the secret key, a `.env` to edit. Never overwrites."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from ummsg.config import SETTINGS, Setting, Settings
from ummsg.errors import NotConfigured
from ummsg.store.migrations import upgrade


@dataclass(frozen=True)
class Step:
    """One thing that was made, or was there and left alone."""

    what: str
    path: Path
    made: bool
    note: str = ""


def initialise(settings: Settings, directory: Path) -> list[Step]:
    """Make what is missing; bring an older database up to date.

    Raises DatabaseUnusable for a database that is not ours or is newer, NotConfigured for a folder that cannot be
    written.
    """
    return [_database(settings), _secret_key(settings), _dotenv(directory)]


def _database(settings: Settings) -> Step:
    done = upgrade(settings.database_url)
    if done.before is None:
        return Step("database", done.path, made=True)
    if done.changed:
        note = f"upgraded from {done.before} to {done.after}; a copy of the old one is {done.copy}"
        return Step("database", done.path, made=True, note=note)
    return Step("database", done.path, made=False)


def _secret_key(settings: Settings) -> Step:
    path = settings.secret_key_path
    return Step("secret key", path, made=_write_new(path, secrets.token_urlsafe(48) + "\n"))


def _dotenv(directory: Path) -> Step:
    path = directory / ".env"
    return Step("settings", path, made=_write_new(path, dotenv_text()))


def _write_new(path: Path, text: str) -> bool:
    """Whether it was written: readable by its owner alone, and only if nothing was there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise NotConfigured(f"{path} cannot be written", details=[error.strerror or str(error)]) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def dotenv_text() -> str:
    """Every setting, commented out, with what it is for."""
    head = "# ummsg reads this file from the folder it is run in. The environment wins over it.\n"
    return head + "".join(map(_dotenv_entry, SETTINGS))


def _dotenv_entry(setting: Setting) -> str:
    value = setting.example or setting.default
    return f"\n# {setting.help}\n# {setting.variable}={_quoted(value)}\n"


def _quoted(value: str) -> str:
    return f'"{value}"' if any(c in value for c in " #<>") else value
