"""Merges a bundle into a store: the later check of a ref wins, facts are added, not changed, and of two registry
updates of a library the newer release wins.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from registry.environment.newer_release import is_newer
from registry.releases.update import RegistryUpdate
from store.bundle.format import Header, read_header, read_rows
from store.errors import StoreError
from store.rows import RefRow, compute_ref_digest
from store.store import MetadataStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """Counts of the rows of a bundle, and when it was exported (seconds since 1970, UTC). `updates` are the registry
    updates that were newer than those of the store.
    """

    refs: int
    facts: int
    decisions: int
    made_at_s: int
    updates: tuple[RegistryUpdate, ...]


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
        updates = await _put_newer(store, header.updates)
        blocks, now_s = read_rows(path), int(time.time())
        while (rows := await asyncio.to_thread(next, blocks, None)) is not None:
            await store.merge(replace(rows, refs=[_limit_check_time(row, now_s) for row in rows.refs]))
    except OSError as error:
        raise StoreError(f"the bundle {path} cannot be read: {error}") from error
    return ImportReport(facts=facts, refs=refs, decisions=decisions, made_at_s=header.made_at_s, updates=updates)


async def _put_newer(store: MetadataStore, updates: Sequence[RegistryUpdate]) -> tuple[RegistryUpdate, ...]:
    """Store those of `updates` that are newer than the store's own; returns them."""
    own = {update.library: update.version for update in await store.get_registry_updates()}
    newer = tuple(item for item in updates if item.library not in own or is_newer(item.version, own[item.library]))
    if newer:
        await store.put_registry_updates(newer)
    return newer


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
    limited = row._replace(checked_at=now_s)
    return limited._replace(digest=compute_ref_digest(limited[:-1]))
