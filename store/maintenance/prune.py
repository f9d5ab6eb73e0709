"""Removes refs of a certain age, endpoint or repo, old history, and rows that no ref refers to any more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.repo_names import is_repo_name
from store.chunked import chunked
from store.keys import TOMBSTONE
from store.sql.history import remove_old_history
from store.sql.repo_filter import build_repo_filter
from store.store import MetadataStore
from store.tables import decision_columns, decisions, facts, latest_decisions, ref_history, refs

ROWS_PER_TRANSACTION = 1_000
"""Refs that are removed in one transaction, and repo ids that one query names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """Counts of removed rows."""

    refs: int
    facts: int
    decisions: int


async def prune(
    store: MetadataStore,
    *,
    checked_before_s: float | None = None,
    endpoint: str | None = None,
    repo_ids: Collection[str] = (),
) -> PruneReport:
    """Remove the refs that match all given criteria, what they were before, and what any ref was more than
    `tables.HISTORY_S` ago; then the facts and decisions that no ref refers to.

    `checked_before_s` is in seconds since 1970, UTC; `repo_ids` are ids as requested or canonical ids. Without criteria
    only facts and decisions that no ref refers to are removed.

    Tombstones stay, whatever their age: each keeps older bundles, and processes that checked earlier, from making a
    withdrawn repo public again. Only with an endpoint as the one criterion, which forgets all of it, they are removed.

    Raises:
        StoreError: the store cannot be written.
    """
    criteria: list[ColumnElement[bool]] = []
    if checked_before_s is not None:
        criteria.append(refs.c.checked_at < checked_before_s)
    if endpoint is not None:
        criteria.append(refs.c.endpoint == endpoint)
    if checked_before_s is not None or repo_ids:
        criteria.append(or_(refs.c.problem.is_(None), refs.c.problem != TOMBSTONE))
    refs_count = 0
    if criteria or repo_ids:
        names = sorted(filter(is_repo_name, repo_ids))
        for batch in chunked(names, ROWS_PER_TRANSACTION) if repo_ids else [[]]:
            is_match = build_repo_filter(batch) if batch else true()
            refs_count += await _remove_refs(store, and_(is_match, *criteria))
    now_s = store.clock()
    while await store.write(lambda connection: remove_old_history(connection, now_s)):
        pass
    facts_count, decisions_count = await store.write(_remove_unreferenced) or (0, 0)
    await store.dialect.shrink(store.connect)
    return PruneReport(refs=refs_count, facts=facts_count, decisions=decisions_count)


async def _remove_refs(store: MetadataStore, criteria: ColumnElement[bool]) -> int:
    """How many refs were removed, in many short transactions: other writers can write in between."""
    query = select(refs.c.id).where(criteria).limit(ROWS_PER_TRANSACTION)
    total = 0

    async def remove(connection: AsyncConnection) -> int:
        ids = (await connection.execute(query)).scalars().all()
        await connection.execute(delete(refs).where(refs.c.id.in_(ids)))
        return len(ids)

    while count := await store.write(remove):
        total += count
    return total


async def _remove_unreferenced(connection: AsyncConnection) -> tuple[int, int]:
    """How many facts and decisions were removed, in one transaction: SQLite reuses row ids, so that facts stored in
    between could get the decisions on removed ones.
    """
    await connection.execute(delete(ref_history).where(ref_history.c.key.not_in(select(refs.c.key))))
    referenced = union_all(
        *(select(table.c.facts_id).where(table.c.facts_id.is_not(None)) for table in (refs, ref_history))
    )
    removed_facts = await connection.execute(delete(facts).where(facts.c.id.not_in(referenced)))
    removed_decisions = await connection.execute(
        delete(decisions).where(decisions.c.facts_id.not_in(select(facts.c.id)))
    )
    await connection.execute(delete(latest_decisions).where(latest_decisions.c.facts_id.not_in(select(facts.c.id))))
    await connection.execute(
        delete(decision_columns).where(decision_columns.c.id.not_in(select(latest_decisions.c.columns_id)))
    )
    return removed_facts.rowcount, removed_decisions.rowcount
