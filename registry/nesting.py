"""Measures how deep a JSON value is nested, without recursion. Pure."""

from __future__ import annotations

from typing import Any


def is_deeper_than(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested more than `limit` levels deep in `value`."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True
