"""How a table is written to disk, and how two of them are compared. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

WIDTH = 240


def render(table: dict[str, object]) -> str:
    """A table as JSON text ending in a newline, keys in their order, one row a line so that a change reads as a diff.

    The first two levels are always one entry a line; below them a value stays on its line while it fits.
    """
    return "".join(_lines(table, "", 0)) + "\n"


def compare(shipped: object, fresh: object, path: str = "") -> Iterator[str]:
    """What differs between two tables, one short line each: `+` only in the fresh one, `-` only in the shipped one."""
    if isinstance(shipped, dict) and isinstance(fresh, dict):
        for key in shipped.keys() | fresh.keys():
            where = f"{path}/{key}"
            if key not in shipped:
                yield f"+ {where} {_short(fresh[key])}"
            elif key not in fresh:
                yield f"- {where} {_short(shipped[key])}"
            else:
                yield from compare(shipped[key], fresh[key], where)
        shared = [key for key in shipped if key in fresh]
        if shared != [key for key in fresh if key in shipped]:
            yield f"! {path or '/'} has its rows in another order"
    elif shipped != fresh:
        yield f"! {path} {_short(shipped)} -> {_short(fresh)}"


def _lines(value: object, indent: str, depth: int) -> Iterator[str]:
    inline = json.dumps(value, ensure_ascii=False)
    is_row = depth >= 2 and len(indent) + len(inline) <= WIDTH
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
        yield from _lines(item, indent + " ", depth + 1)
    yield f"\n{indent}{closing}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."
