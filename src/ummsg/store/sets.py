"""Sets of values as one parameter, however many there are."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, cast, column, func, select


def listed(ids: Iterable[int]) -> Select[Any]:
    """A subquery of these ids."""
    return select(func.json_each(json.dumps(list(ids))).table_valued(column("value", Integer)).c.value)


def paired(words: Mapping[int, str]) -> tuple[ColumnElement[int], ColumnElement[str]]:
    """The columns of a table of these ids and the words for each."""
    table = func.json_each(json.dumps(words)).table_valued(column("key", Text), column("value", Text))
    return cast(table.c.key, Integer), table.c.value
