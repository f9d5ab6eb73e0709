"""Splits a sequence into chunks, so that one SQL statement or transaction stays short. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunked(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`items` in order, in chunks of `size`; the last may be shorter."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
