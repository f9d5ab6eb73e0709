"""Encodes rows as the JSON that the table of a report reads. Pure.

All values are texts. They are stored by column: a column with few different texts holds each of them once, and a small
number for each row, so that 50,000 rows take a few megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from resolver.render import make_printable, render_cell
from resolver.row import ROW_KEYS

Row = Mapping[str, Any]


def encode_table(rows: Sequence[Row]) -> str:
    """The rows as JSON: `keys`, `count`, and for each key a column.

    A column is `{"texts": [...]}`, or `{"values": [...], "rows": [...]}` with the place of each row's text in `values`.
    "<" is escaped: the JSON stands in an element `script`, which a value must not end.
    """
    keys = [key for key in ROW_KEYS if any(key in row for row in rows)]
    columns = [_encode_column([_render(key, row) for row in rows]) for key in keys]
    content = msgspec.json.encode({"keys": keys, "count": len(rows), "columns": columns}).decode()
    return content.replace("<", "\\u003c")


def _encode_column(texts: list[str]) -> dict[str, list[Any]]:
    places: dict[str, int] = {}
    rows = [places.setdefault(text, len(places)) for text in texts]
    return {"texts": texts} if 2 * len(places) > len(texts) + 2 else {"values": list(places), "rows": rows}


def _render(key: str, row: Row) -> str:
    """A value as text; of a canonical id only one that differs from the requested id."""
    value = row.get(key)
    if key == "error" and value is not None:
        value = f"{value['code']}: {value['message']}"
    elif (key == "canonical_id" and value == row["repo_id"]) or value is False:
        return ""
    elif isinstance(value, list):
        return make_printable("; ".join(render_cell([item]) for item in value))
    return make_printable(render_cell(value))
