"""The registry of default templates: shipped, registered by installed packages, or in the operator's own folders."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ummsg.add_ons import AddOn, registered, said
from ummsg.domain.email import Default, is_locale
from ummsg.errors import InvalidInput, NotConfigured, UnknownReference
from ummsg.mail.front_matter import read_default, read_translation
from ummsg.mail.shipped import templates_folder

ENTRY_POINTS = "ummsg.email_templates"
FILE_MAXIMUM = 8 * 1024 * 1024
"""Bytes. No text that may be sent takes more."""


class Defaults:
    """`problems` are the add-ons and files that could not be used, for people; the others work without them."""

    def __init__(self, defaults: Iterable[Default], problems: Sequence[str] = ()) -> None:
        self._defaults = {default.slug: default for default in defaults}
        self.problems = list(problems)

    def all(self) -> list[Default]:
        return sorted(self._defaults.values(), key=lambda default: default.slug)

    def find(self, slug: str) -> Default | None:
        return self._defaults.get(slug)

    def get(self, slug: str) -> Default:
        """Raises UnknownReference, which names the closest one."""
        if slug in self._defaults:
            return self._defaults[slug]
        close = get_close_matches(slug, self._defaults, n=1)
        raise UnknownReference(
            f"There is no default {slug!r}",
            details=[f"did you mean {close[0]}?"] if close else [*self.problems],
            hint="ummsg emails status",
        )


def load_defaults(folders: Sequence[Path] = ()) -> Defaults:
    """Read every source. Raises NotConfigured, naming both, if two of them register one slug."""
    found: dict[str, Default] = {}
    problems: list[str] = []
    for source, folder in _sources(folders, problems):
        for default in _in_folder(folder, source, problems):
            if default.slug in found:
                raise _twice(default.slug, found[default.slug].source, source)
            found[default.slug] = default
    return Defaults(found.values(), problems)


def _sources(folders: Sequence[Path], problems: list[str]) -> Iterator[tuple[str, Path]]:
    yield "ummsg", templates_folder()
    for add_on in registered(ENTRY_POINTS):
        try:
            if add_on.problem:
                problems.append(add_on.problem)
            else:
                yield add_on.source, _folder_of(add_on)
        except InvalidInput as error:
            problems.append(f"{add_on.source}: {error.what}")
        except (Exception, SystemExit) as error:
            problems.append(f"{add_on.source}: {said(error)}")
    for folder in folders:
        yield str(folder), folder


def _folder_of(add_on: AddOn) -> Path:
    """The entry point names a folder, a function that returns one, or a package whose own folder it is."""
    found: Any = add_on.found() if callable(add_on.found) else add_on.found
    if hasattr(found, "__path__"):
        found = next(iter(found.__path__))
    folder = Path(str(found))
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder")
    return folder


def _in_folder(folder: Path, source: str, problems: list[str]) -> list[Default]:
    """Its defaults with their translations; a file that cannot be used is told, and the others are read."""
    found: dict[str, Default] = {}
    read: dict[str, Path] = {}
    paths = (path for path in folder.glob("*.md") if path.stem.lower() != "readme")
    for path in sorted(paths, key=lambda path: (path.name.count("."), path.name)):
        try:
            _add(path, source, found, read)
        except InvalidInput as error:
            problems += error.details or [error.what]
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: {said(error)}")
    return list(found.values())


def _add(path: Path, source: str, found: dict[str, Default], read: dict[str, Path]) -> None:
    """Into `found`; `read` tells which file each slug is from."""
    if not path.is_file() or path.stat().st_size > FILE_MAXIMUM:
        raise InvalidInput(f"{path}: it is no file of at most {FILE_MAXIMUM // 1024 // 1024} MiB")
    text = path.read_text(encoding="utf-8-sig")
    slug, _, locale = path.stem.partition(".")
    if not locale:
        draft, version, essential = read_default(text, str(path))
        if draft.slug in found:
            raise _twice(draft.slug, str(read[draft.slug]), str(path))
        found[draft.slug], read[draft.slug] = Default(draft, version, essential, source), path
        return
    if not is_locale(locale):
        raise InvalidInput(f"{path}: {locale!r} is no language; name it {slug}.sv.md or {slug}.pt_BR.md")
    translated, email_text = read_translation(text, str(path))
    if translated not in found:
        raise InvalidInput(f"{path}: there is no {translated}.md beside it, which it would translate")
    default = found[translated]
    if locale in default.draft.texts:
        raise InvalidInput(f"{path}: {translated} has a text in {locale!r} already")
    found[translated] = replace(default, draft=default.draft.with_text(locale, email_text))


def _twice(slug: str, first: str, second: str) -> NotConfigured:
    return NotConfigured(
        f"The default {slug} is registered twice",
        details=[f"by {first}", f"by {second}"],
        hint="take one of the two away, or give one of them another slug",
    )
