"""Databases of earlier versions."""

import shutil
from pathlib import Path

from ummsg.store.migrations import SCRIPTS


def migrations_up_to(schema: str, folder: Path) -> Path:
    """A copy of the migrations, in `folder`, as they were when `schema` was the newest."""
    scripts = folder / "earlier"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
    for migration in (scripts / "versions").glob("*.py"):
        if migration.stem[:4] > schema:
            migration.unlink()
    return scripts
