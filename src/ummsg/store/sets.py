"""Sets of values as one parameter, however many there are."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Integer, Select, Text, bindparam, cast, column, func, select


def listed(ids: Iterable[int]) -> Select[Any]:
    """A subquery of these ids."""
    return select(func.json_each(json.dumps(list(ids))).table_valued(column("value", Integer)).c.value)


def listed_as(name: str) -> Select[Any]:
    """As `listed`, of the ids (as JSON) that a statement is given by this name each time."""
    return select(func.json_each(bindparam(name, type_=Text)).table_valued(column("value", Integer)).c.value)


def paired(words: Mapping[int, str]) -> tuple[ColumnElement[int], ColumnElement[str]]:
    """The columns of a table of these ids and the words for each."""
    table = func.json_each(json.dumps(words)).table_valued(column("key", Text), column("value", Text))
    return cast(table.c.key, Integer), table.c.value


def rows_as_one(chosen: Select[Any]) -> Select[Any]:
    """A statement whose one value is every row of another, as a JSON array of arrays; `rows_in` reads it.

    The driver lets go of the interpreter for every row that it fetches, and has to wait for it again while another
    thread sends. A moment is text in it, for `stored_moment`.
    """
    found = chosen.subquery()
    columns = [func.json(each) if isinstance(each.type, JSON) else each for each in found.c]
    return select(func.json_group_array(func.json_array(*columns)))


def rows_in(value: str) -> list[list[Any]]:
    rows: list[list[Any]] = json.loads(value)
    return rows


def stored_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
