"""Content as it is given: on the command line, in a file, or on standard input."""

import sys
from pathlib import Path

from ummsg.domain.broadcast import CONTENT_MAXIMUM
from ummsg.errors import InvalidInput

_MOST_BYTES = 4 * CONTENT_MAXIMUM
"""No character takes more in UTF-8; more than this is refused before it is read."""


def read_content(text: str | None, file: str | None) -> str | None:
    """The text of `--content` or `--content-file`; None if neither is given. Raises InvalidInput."""
    if file is None:
        return text
    if text is not None:
        raise InvalidInput("--content and --content-file do not go together: give one of them")
    name = "standard input" if file == "-" else file
    try:
        return _read(file).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"--content-file: {name} is not UTF-8 text (byte {error.start + 1:,})",
            hint="save it as UTF-8, for example: iconv -f latin1 -t utf-8",
        ) from None
    except OSError as error:
        raise InvalidInput(f"--content-file: {name} cannot be read", details=[error.strerror or str(error)]) from None


def _read(file: str) -> bytes:
    if file == "-":
        content = sys.stdin.buffer.read(_MOST_BYTES + 1)
    else:
        with Path(file).open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise InvalidInput(f"--content-file: more than {_MOST_BYTES // 1024 // 1024} MiB; that is not a message")
    return content
