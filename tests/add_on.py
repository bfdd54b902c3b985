"""An add-on as Python sees it once it is installed: a module, and metadata that names its entry point."""

import sys
from pathlib import Path

import pytest


def install_add_on(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    code: str,
    entry_point: str,
    *,
    group: str = "ummsg.transports",
) -> None:
    """Into `folder`, which Python searches for as long as the test runs; `entry_point` as in `name = module:object`."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, module, raising=False)
    name = module.replace("_", "-")
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entry_point}\n")
