"""A repo that is public no more: what everybody was told of it is told to nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.facts import NO_HINTS
from store.keys import PUBLIC, WITHDRAWN, RefKey
from store.records import Record
from store.rows import Row, rows_of
from store.sql.repo_filter import is_about
from store.tables import refs


async def withdrawn_rows(connection: AsyncConnection, records: Iterable[Record]) -> list[Row]:
    """Rows that take the place of the public refs to the repos of those `records` that tell that a repo is hidden.

    They stay, rather than that the refs are removed: a bundle made earlier, or a process that asked earlier and writes
    later, must not bring them back. Where only a revision is missing, they are of this revision alone.
    """
    rows: list[Row] = []
    for record in records:
        if record.is_hidden:
            names = {key.repo_id for key in record.ref_keys}
            if record.facts_key is not None:
                names.add(record.facts_key.canonical_id)
            endpoint = record.ref_keys[0].endpoint
            asked = {(key.repo_id, key.revision) for key in record.ref_keys}
            if not record.is_revision_alone:
                asked |= await _public_refs(connection, endpoint, sorted(names))
            keys = tuple(RefKey(endpoint, name, revision, PUBLIC) for name, revision in sorted(asked))
            withdrawn = Record(ref_keys=keys, hints=NO_HINTS, checked_at_s=record.checked_at_s, problem=WITHDRAWN)
            rows += rows_of([withdrawn]).refs
    return rows


async def _public_refs(connection: AsyncConnection, endpoint: str, names: Sequence[str]) -> set[tuple[str, str]]:
    found = select(refs.c.repo_id, refs.c.revision).where(
        is_about(names), refs.c.endpoint == endpoint, refs.c.scope == PUBLIC
    )
    return {(row.repo_id, row.revision) for row in await connection.execute(found)}
