"""Passwords: from a setting, from a file that holds one, or from a command that prints one."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from ummsg.errors import NotConfigured


def password(values: Mapping[str, str], name: str) -> str | None:
    """What `name`, `name_FILE` or `name_COMMAND` says, whichever is set; None if none is.

    Raises NotConfigured if it cannot be had, without repeating anything of it.
    """
    if values[name]:
        return values[name]
    if values[f"{name}_FILE"]:
        return _from_file(f"UMMSG_{name}_FILE", Path(values[f"{name}_FILE"]))
    if values[f"{name}_COMMAND"]:
        return _from_command(f"UMMSG_{name}_COMMAND", values[f"{name}_COMMAND"])
    return None


def _from_file(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"{variable} cannot be read", details=[f"{path}: {error}"]) from None


def _from_command(variable: str, command: str) -> str:
    """Run as a shell would, so that `pass show x | head -1` works; its output is never repeated in an error."""
    try:
        done = subprocess.run(  # noqa: S602 - the operator's own command, from the operator's own settings
            command, shell=True, capture_output=True, text=True, timeout=30, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotConfigured(f"{variable} did not end within 30 s") from None
    if done.returncode != 0:
        raise NotConfigured(f"{variable} failed with exit status {done.returncode}")
    return done.stdout.rstrip("\r\n")
