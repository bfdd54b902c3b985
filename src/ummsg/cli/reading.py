"""Files and standard input, read no further than what is asked for can be long."""

import sys
from pathlib import Path

from ummsg.errors import InvalidInput


def read_bounded(source: str, most: int, flag: str, noun: str, *, hint: str = "") -> bytes:
    """What a file holds, or standard input for `-`; `flag` is where the source was named, `noun` what it should hold.

    Raises InvalidInput for a file that cannot be read, or that has more than `most` bytes.
    """
    try:
        if source == "-":
            content = sys.stdin.buffer.read(most + 1)
        else:
            with Path(source).open("rb") as stream:
                content = stream.read(most + 1)
    except OSError as error:
        raise InvalidInput(
            f"{flag}: {source} cannot be read", details=[error.strerror or str(error)], hint=hint
        ) from None
    if len(content) > most:
        raise InvalidInput(f"{flag}: {named(source)} has more than {most // 1024:,} KiB; that is not {noun}")
    return content


def named(source: str) -> str:
    """A source as people call it."""
    return "standard input" if source == "-" else source
