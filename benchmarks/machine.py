"""What the suite runs on, and which ummsg it measures."""

import os
import platform
import re
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import ummsg


def facts() -> dict[str, str]:
    """The machine's class."""
    memory = _first(r"MemTotal:\s+(\d+)", Path("/proc/meminfo"))
    model = _first(r"model name\s*: (.+)", Path("/proc/cpuinfo")) or platform.machine()
    name = _first(r'PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release")) or platform.system()
    return {
        "processors": f"{os.cpu_count()} × {model}",
        "memory": f"{int(memory) / 1024 / 1024:.0f} GiB" if memory else "not known",
        "databases on": _file_system(Path(tempfile.gettempdir()).resolve()),
        "system": f"{name}, {platform.system()} {platform.release().partition('-')[0]}",
    }


def own_versions() -> dict[str, str]:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(
        asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "ummsg": f"{ummsg.__version__} ({commit})" if commit else ummsg.__version__,
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }


def _file_system(folder: Path) -> str:
    """The kind: on one in memory, writing is no work."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    return max((len(Path(where).parts), kind) for where, kind in mounts if folder.is_relative_to(where))[1]


def _first(pattern: str, path: Path) -> str | None:
    found = re.search(pattern, path.read_text(encoding="utf-8", errors="replace")) if path.exists() else None
    return found[1].strip() if found else None
