"""Payloads as they are given: a JSON file, standard input, `key=value` words, or a stream of JSON lines."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from ummsg.cli.reading import named, read_bounded
from ummsg.domain.event import PAYLOAD_MAXIMUM
from ummsg.errors import InvalidInput
from ummsg.strict_json import parse_json

_MOST_BYTES = 4 * PAYLOAD_MAXIMUM
"""No character takes more in UTF-8; more than this is refused before it is read."""


def read_payload(sources: Sequence[str]) -> Any:
    """What `--payload` names: a file, `-`, or `key=value` once or several times. Raises InvalidInput.

    What a file holds may be any JSON; whether it is a payload is for the event to say. Values of `key=value` are text.
    """
    pairs = [source for source in sources if "=" in source]
    if len(pairs) == len(sources):
        return _of_pairs(pairs)
    if len(sources) > 1:
        raise InvalidInput(
            "--payload takes one file, or - for standard input, or key=value as often as there are fields",
            hint="--payload payload.json, or --payload customer_id=17 --payload payment_total=29",
        )
    content = read_bounded(sources[0], _MOST_BYTES, "--payload", "an event", hint=_SOURCES)
    return parse_payload(content, named(sources[0]))


def parse_payload(text: bytes, where: str) -> Any:
    """One JSON value, strictly. Raises InvalidInput that says where it stops being one."""
    if len(text) > _MOST_BYTES:
        raise InvalidInput(f"--payload: {where} has more than {_MOST_BYTES // 1024:,} KiB; that is not an event")
    return parse_json(text, f"--payload: {where}", hint=_EXAMPLE)


_SOURCES = "--payload FILE, --payload - or --payload key=value"
_EXAMPLE = """--payload '{"customer_id": 17, "payment_total": "29.00"}' in a file, or --payload customer_id=17"""


class JsonLines:
    """A stream of payloads, one a line, that can be read twice: to check all of it before any of it is stored."""

    def __init__(self, source: str) -> None:
        """`source` is a file or `-`; standard input is copied to disk first. Raises InvalidInput."""
        self.name = named(source)
        self._file = _spooled() if source == "-" else _opened(source)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Line numbers and values; empty lines are passed over. Raises InvalidInput naming the line."""
        self._file.seek(0)
        number = 0
        while line := self._file.readline(_MOST_BYTES + 1):
            number += 1
            if line.strip():
                yield number, parse_payload(line, f"line {number:,} of {self.name}")

    def close(self) -> None:
        self._file.close()


def _of_pairs(pairs: Sequence[str]) -> dict[str, str]:
    payload: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not name.strip() or name in payload:
            why = "names no field" if not name.strip() else "gives a field for the second time"
            raise InvalidInput(f"--payload {pair!r} {why}", hint="--payload customer_id=17 --payload payment_total=29")
        payload[name.strip()] = value
    return payload


def _opened(source: str) -> IO[bytes]:
    try:
        return Path(source).open("rb")
    except OSError as error:
        raise InvalidInput(
            f"--payload: {source} cannot be read",
            details=[error.strerror or str(error)],
            hint=_SOURCES,
        ) from None


def _spooled() -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by JsonLines
    while block := sys.stdin.buffer.read(1 << 20):
        file.write(block)
    return file
