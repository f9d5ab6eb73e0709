"""Renders a table as JSON, and compares two tables. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

MAX_LINE_CHARS = 240
"""Longest line of a value below the second level."""


def render(table: dict[str, object]) -> str:
    """A table as JSON text that ends in a newline; keys keep their order, and each row has a line, for readable diffs.

    The first two levels have one entry in each line; below them, a value is on one line if it fits.
    """
    return "".join(_render_lines(table, "", 0)) + "\n"


def compare(shipped: object, fresh: object, path: str = "") -> Iterator[str]:
    """The differences of two tables, one short line each: `+` only in `fresh`, `-` only in `shipped`, `!` changed."""
    if isinstance(shipped, dict) and isinstance(fresh, dict):
        for key in shipped.keys() | fresh.keys():
            row_path = f"{path}/{key}"
            if key not in shipped:
                yield f"+ {row_path} {_shorten(fresh[key])}"
            elif key not in fresh:
                yield f"- {row_path} {_shorten(shipped[key])}"
            else:
                yield from compare(shipped[key], fresh[key], row_path)
        shared = [key for key in shipped if key in fresh]
        if shared != [key for key in fresh if key in shipped]:
            yield f"! {path or '/'} has its rows in a different order"
    elif shipped != fresh:
        yield f"! {path} {_shorten(shipped)} -> {_shorten(fresh)}"


def _render_lines(value: object, indent: str, depth: int) -> Iterator[str]:
    inline = json.dumps(value, ensure_ascii=False)
    is_row = depth >= 2 and len(indent) + len(inline) <= MAX_LINE_CHARS
    if is_row or not value or not isinstance(value, dict | list):
        yield inline
        return
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    entries = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    yield opening
    for index, (key, item) in enumerate(entries):
        yield f"{',' if index else ''}\n{indent} "
        if key is not None:
            yield f"{json.dumps(key, ensure_ascii=False)}: "
        yield from _render_lines(item, indent + " ", depth + 1)
    yield f"\n{indent}{closing}"


def _shorten(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."
