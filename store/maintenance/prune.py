"""Removes what is old, or about some endpoint or repos, from a store, and what nothing leads to any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, select, true
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.repo_filter import is_about
from store.store import MetadataStore
from store.tables import decisions, facts, refs

ROWS_AT_ONCE = 1_000
WORTH_SHRINKING = 0.25
"""The part of a file's pages that must be free before the file is written anew without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows were removed."""

    refs: int
    facts: int
    decisions: int


async def prune(
    store: MetadataStore,
    *,
    checked_before_s: float | None = None,
    endpoint: str | None = None,
    repo_ids: Collection[str] = (),
) -> Pruned:
    """Remove the refs that all the criteria given are true of, and the facts and decisions that none leads to then.

    `checked_before_s` is in seconds since 1970, UTC; `repo_ids` are ids as asked or canonical ones. Without any
    criterion only facts and decisions that no ref leads to are removed.

    Raises:
        StoreError: the store cannot be written.
    """
    criteria: list[ColumnElement[bool]] = []
    if checked_before_s is not None:
        criteria.append(refs.c.checked_at < checked_before_s)
    if endpoint is not None:
        criteria.append(refs.c.endpoint == endpoint)
    removed = 0
    if criteria or repo_ids:
        for some in _parts(sorted(repo_ids)) or [[]]:
            named = is_about(some) if some else true()
            removed += await _remove_refs(store, and_(named, *criteria))
    rest = await store.write(_remove_unreachable)
    await _shrink(store)
    return Pruned(refs=removed, facts=rest[0] if rest else 0, decisions=rest[1] if rest else 0)


async def _remove_refs(store: MetadataStore, criteria: ColumnElement[bool]) -> int:
    """In many short transactions, so that other writers get their turn."""
    some = select(refs.c.id).where(criteria).limit(ROWS_AT_ONCE)
    removed = 0

    async def remove(connection: AsyncConnection) -> int:
        ids = (await connection.execute(some)).scalars().all()
        await connection.execute(delete(refs).where(refs.c.id.in_(ids)))
        return len(ids)

    while count := await store.write(remove):
        removed += count
    return removed


async def _remove_unreachable(connection: AsyncConnection) -> tuple[int, int]:
    """In one transaction: a row id that another ref was given meanwhile must not be left to point at nothing."""
    led_to = select(refs.c.facts_id).where(refs.c.facts_id.is_not(None))
    gone = await connection.execute(delete(facts).where(facts.c.id.not_in(led_to)))
    undone = await connection.execute(delete(decisions).where(decisions.c.facts_id.not_in(select(facts.c.id))))
    return gone.rowcount, undone.rowcount


async def _shrink(store: MetadataStore) -> None:
    """Give the space back to the disk; a server does that by itself."""
    if not store.is_sqlite:
        return
    try:
        async with store.connect() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            free = (await connection.exec_driver_sql("PRAGMA freelist_count")).scalar_one()
            if free > pages * WORTH_SHRINKING:
                await connection.exec_driver_sql("VACUUM")
    except DBAPIError:
        # Somebody else is at work in it; the space will be used again all the same.
        return


def _parts(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[start : start + ROWS_AT_ONCE] for start in range(0, len(items), ROWS_AT_ONCE)]
