"""Merges a bundle into a store: refs of a later check win, facts are added and never changed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

from store.bundle.format import Header, read_header, read_rows
from store.errors import BundleError, StoreError
from store.rows import REFS, Row, with_digest
from store.store import MetadataStore

_CHECKED_AT = REFS.index("checked_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How much a bundle held, and when it was made (seconds since 1970, UTC)."""

    refs: int
    facts: int
    decisions: int
    made_at_s: int


async def import_bundle(store: MetadataStore, path: Path) -> Imported:
    """Merge the bundle at `path` into `store`.

    All of it is checked before anything is written. It is then written in many short transactions, between which
    others write: a process that is killed meanwhile leaves a valid store, and importing again does the rest.

    Raises:
        BundleError: the file is no bundle, or a damaged one; the store was not changed.
        StoreError: the file cannot be read, or the store not written.
    """
    try:
        header, counts = await asyncio.to_thread(_check, path)
        blocks, now_s = read_rows(path), int(time.time())
        while (rows := await asyncio.to_thread(next, blocks, None)) is not None:
            await store.merge(replace(rows, refs=[_not_from_the_future(row, now_s) for row in rows.refs]))
    except OSError as error:
        raise StoreError(f"the bundle {path} cannot be read: {error}") from error
    return Imported(facts=counts[0], refs=counts[1], decisions=counts[2], made_at_s=header.made_at_s)


def _check(path: Path) -> tuple[Header, tuple[int, int, int]]:
    """The header of a bundle, and how many facts, refs and decisions it holds, once every row has been looked at."""
    if path.is_dir():
        raise BundleError(f"{path} is a folder, not a bundle")
    header = read_header(path)
    totals = [0, 0, 0]
    for rows in read_rows(path):
        here = (rows.facts, rows.refs, rows.decisions)
        totals = [total + len(some) for total, some in zip(totals, here, strict=True)]
    return header, (totals[0], totals[1], totals[2])


def _not_from_the_future(row: Row, now_s: int) -> Row:
    """A ref that another machine's wrong clock dated ahead would outlive every later check: it counts as from now."""
    if row[_CHECKED_AT] <= now_s:
        return row
    return with_digest((*row[:_CHECKED_AT], now_s, *row[_CHECKED_AT + 1 : -1]))
