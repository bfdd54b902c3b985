"""An environment of Python for the peers that come from PyPI, made once and kept."""

import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

from ours import CACHE

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_FOLDER = CACHE / "peers"


def executable(name: str) -> str:
    return str(_FOLDER / "bin" / name)


@cache
def lacking() -> str:
    """Makes it if it is not there; why that did not work, or nothing."""
    if not _is_complete():
        venv.create(_FOLDER, with_pip=True, clear=True)
        install = [executable("python"), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            return f"pip could not install {REQUIREMENTS.name}: {said[-1] if said else f'exit code {done.returncode}'}"
        (_FOLDER / "made-of.txt").write_bytes(REQUIREMENTS.read_bytes() + sys.version.encode())
    return ""


def version(package: str) -> str:
    asked = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run(
        [executable("python"), "-c", asked], capture_output=True, text=True, check=True
    ).stdout.strip()


def _is_complete() -> bool:
    made_of = _FOLDER / "made-of.txt"
    return made_of.exists() and made_of.read_bytes() == REQUIREMENTS.read_bytes() + sys.version.encode()
