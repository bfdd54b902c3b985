"""JSON from files and pipes, read strictly: UTF-8, no key twice, no NaN, and no nesting that overflows."""

import json
from typing import Any

from ummsg.errors import InvalidInput


def parse_json(text: bytes, where: str, *, hint: str = "") -> Any:
    """One JSON value. Raises InvalidInput, which begins with `where`, says where it stops being one, and has `hint`."""
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{where} is not UTF-8 text (byte {error.start + 1:,})") from None
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"{where} is not JSON: {error.msg} (line {error.lineno}, column {error.colno})", hint=hint
        ) from None
    except RecursionError:
        raise InvalidInput(f"{where} nests too deeply") from None
    except ValueError as error:
        raise InvalidInput(f"{where}: {error}", hint=hint) from None


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no value of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found
