"""Content as it is given: on the command line, in a file, or on standard input."""

from ummsg.cli.reading import named, read_bounded
from ummsg.domain.message_text import CONTENT_MAXIMUM
from ummsg.errors import InvalidInput

_MOST_BYTES = 4 * CONTENT_MAXIMUM
"""No character takes more in UTF-8; more than this is refused before it is read."""


def read_content(text: str | None, file: str | None) -> str | None:
    """The text of `--content` or `--content-file`; None if neither is given. Raises InvalidInput."""
    if file is None:
        return text
    if text is not None:
        raise InvalidInput("--content and --content-file do not go together: give one of them")
    content = read_bounded(file, _MOST_BYTES, "--content-file", "a message")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"--content-file: {named(file)} is not UTF-8 text (byte {error.start + 1:,})",
            hint="save it as UTF-8, for example: iconv -f latin1 -t utf-8",
        ) from None
