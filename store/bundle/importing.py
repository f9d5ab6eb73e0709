"""Merges a bundle into a store: the later check of a ref wins, and facts are added, not changed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

from store.bundle.format import Header, read_header, read_rows
from store.errors import StoreError
from store.rows import RefRow, add_digest
from store.store import MetadataStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """Counts of the rows of a bundle, and when it was exported (seconds since 1970, UTC)."""

    refs: int
    facts: int
    decisions: int
    made_at_s: int


async def import_bundle(store: MetadataStore, path: Path) -> ImportReport:
    """Merge the bundle at `path` into `store`.

    All rows are checked before anything is written. They are then written in many short transactions, between which
    others can write: a process that is killed meanwhile leaves a valid store, and a second import completes it.

    Raises:
        BundleError: the file is not a bundle, or is damaged; the store was not changed.
        StoreError: the file cannot be read, or the store cannot be written.
    """
    try:
        header, (facts, refs, decisions) = await asyncio.to_thread(_check, path)
        blocks, now_s = read_rows(path), int(time.time())
        while (rows := await asyncio.to_thread(next, blocks, None)) is not None:
            await store.merge(replace(rows, refs=[_limit_check_time(row, now_s) for row in rows.refs]))
    except OSError as error:
        raise StoreError(f"the bundle {path} cannot be read: {error}") from error
    return ImportReport(facts=facts, refs=refs, decisions=decisions, made_at_s=header.made_at_s)


def _check(path: Path) -> tuple[Header, tuple[int, int, int]]:
    """The header of a bundle, and how many facts, refs and decisions it holds, after checking every row."""
    header = read_header(path)
    facts, refs, decisions = 0, 0, 0
    for rows in read_rows(path):
        facts, refs, decisions = facts + len(rows.facts), refs + len(rows.refs), decisions + len(rows.decisions)
    return header, (facts, refs, decisions)


def _limit_check_time(row: RefRow, now_s: int) -> RefRow:
    """The row, checked at `now_s` at the latest: a time in the future, from a wrong clock, would win over all checks
    until then.
    """
    if row.checked_at <= now_s:
        return row
    return RefRow._make(add_digest(row._replace(checked_at=now_s)[:-1]))
