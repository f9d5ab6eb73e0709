"""Encodes rows as the JSON that the table of a report reads. Pure.

All values are texts. They are stored by column: a column with few different texts holds each of them once, and a small
number for each row, so that the page of many rows stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from registry.decision import Evidence
from resolver.render import make_printable, render_cell
from resolver.row import ROW_KEYS

Row = Mapping[str, Any]

EvidenceByPlace = Mapping[int, Sequence[Evidence]]
"""The place of a row -> the steps of its decision."""


def encode_table(rows: Sequence[Row], evidence: EvidenceByPlace) -> str:
    """The rows as JSON: `keys`, `count`, for each key a column, and `evidence` by the places of rows.

    A column is `{"texts": [...]}`, or `{"values": [...], "rows": [...]}` with the place of each row's text in `values`.
    "<" is escaped: the JSON stands in an element `script`, which a value must not end.
    """
    keys = [key for key in ROW_KEYS if any(key in row for row in rows)]
    columns = [_encode_column([_render(key, row) for row in rows]) for key in keys]
    steps = {
        str(place): [[make_printable(text) for text in (item.rule, item.saw, item.said)] for item in items]
        for place, items in evidence.items()
    }
    table = {"keys": keys, "count": len(rows), "columns": columns, "evidence": steps}
    content = msgspec.json.encode(table).decode()
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
