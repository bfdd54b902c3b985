"""The templates that come with ummsg."""

from pathlib import Path

import ummsg
from ummsg.errors import NotConfigured


def templates_folder() -> Path:
    """`templates/emails`: within the package in a wheel, beside `src` in an editable install.

    Raises NotConfigured if it is in neither place.
    """
    package = Path(ummsg.__file__).resolve().parent
    for folder in (package / "templates" / "emails", package.parents[1] / "templates" / "emails"):
        if (folder / "base.html").is_file():
            return folder
    raise NotConfigured(
        f"The templates that come with ummsg are not beside {package}",
        hint="install ummsg again: pip install --force-reinstall ummsg",
    )
