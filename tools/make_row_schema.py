"""Writes the JSON Schema of a row to `docs/row.schema.json`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from resolver.row import Row

SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "row.schema.json"


def render_schema() -> str:
    """The schema (JSON Schema 2020-12) as text."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Row)}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(render_schema())
