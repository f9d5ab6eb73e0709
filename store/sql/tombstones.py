"""Builds tombstones: rows that replace the public refs of a repo that became private, gated or missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.facts import NO_HINTS
from store.keys import PUBLIC, TOMBSTONE, RefKey
from store.records import Record
from store.rows import RefRow, build_rows
from store.sql.repo_filter import build_repo_filter
from store.tables import refs


async def build_tombstones(connection: AsyncConnection, records: Iterable[Record]) -> list[RefRow]:
    """Tombstones for all public refs of the repos of those `records` that are hidden.

    The refs are replaced rather than deleted: otherwise an older bundle, or a process that fetched earlier and stores
    later, would make them public again. Where only a revision is hidden, the tombstones are for this revision alone.
    """
    rows: list[RefRow] = []
    for record in records:
        if record.is_hidden:
            repo_ids = {key.repo_id for key in record.ref_keys}
            if record.facts_key is not None:
                repo_ids.add(record.facts_key.canonical_id)
            endpoint = record.ref_keys[0].endpoint
            targets = {(key.repo_id, key.revision) for key in record.ref_keys}
            if not record.is_revision_only:
                targets |= await _read_public_refs(connection, endpoint, sorted(repo_ids))
            keys = tuple(RefKey(endpoint, repo_id, revision, PUBLIC) for repo_id, revision in sorted(targets))
            tombstone = Record(ref_keys=keys, hints=NO_HINTS, checked_at_s=record.checked_at_s, problem=TOMBSTONE)
            rows += build_rows([tombstone]).refs
    return rows


async def _read_public_refs(
    connection: AsyncConnection, endpoint: str, repo_ids: Sequence[str]
) -> set[tuple[str, str]]:
    """Repo id and revision of the public refs of these repos."""
    query = select(refs.c.repo_id, refs.c.revision).where(
        build_repo_filter(repo_ids), refs.c.endpoint == endpoint, refs.c.scope == PUBLIC
    )
    return {(row.repo_id, row.revision) for row in await connection.execute(query)}
