"""Removes damaged rows, whatever type their values have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, String, and_, cast, delete, literal, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.chunked import chunked
from store.database.latest_decisions import fill_all
from store.sql.listings import remove_listings
from store.store import MetadataStore
from store.tables import (
    SCHEMA_VERSION,
    decision_columns,
    decisions,
    facts,
    latest_decisions,
    lookups,
    ref_history,
    refs,
    registry_updates,
    schema_version,
)

ROWS_PER_STATEMENT = 500


async def repair(
    store: MetadataStore,
    *,
    facts_ids: Collection[int],
    ref_ids: Collection[int],
    history_ids: Collection[int],
    decision_keys: Collection[tuple[Any, ...]],
    lookup_days: Collection[int],
    updated_libraries: Collection[Any],
    with_listings: bool,
    with_indexes: bool,
) -> None:
    """Remove the rows with these primary keys, in one transaction. Refs to removed facts stay, without facts.

    The columns of decisions, which other programs read, are filled in again from the decisions that are left.
    `with_listings`: remove what is known of listings; they are read anew.
    `with_indexes`: build the indexes again first; where a table was damaged, they have other values than its rows.

    Raises:
        StoreError: the store cannot be written.
    """

    async def work(connection: AsyncConnection) -> None:
        if with_indexes:
            await store.dialect.rebuild_indexes(connection)
        for ids in chunked(sorted(facts_ids), ROWS_PER_STATEMENT):
            await connection.execute(delete(decisions).where(decisions.c.facts_id.in_(ids)))
            await connection.execute(update(refs).where(refs.c.facts_id.in_(ids)).values(facts_id=None))
            await connection.execute(update(ref_history).where(ref_history.c.facts_id.in_(ids)).values(facts_id=None))
            await connection.execute(delete(facts).where(facts.c.id.in_(ids)))
        for ids in chunked(sorted(ref_ids), ROWS_PER_STATEMENT):
            await connection.execute(delete(refs).where(refs.c.id.in_(ids)))
        for ids in chunked(sorted(history_ids), ROWS_PER_STATEMENT):
            await connection.execute(delete(ref_history).where(ref_history.c.id.in_(ids)))
        for days in chunked(sorted(lookup_days), ROWS_PER_STATEMENT):
            await connection.execute(delete(lookups).where(lookups.c.day.in_(days)))
        for library in updated_libraries:
            await connection.execute(delete(registry_updates).where(_equals(registry_updates.c.library, library)))
        if with_listings:
            await remove_listings(connection)
        await _remove_decisions(connection, decision_keys)
        await connection.execute(delete(latest_decisions))
        await connection.execute(delete(decision_columns))
        await connection.run_sync(fill_all)
        await connection.execute(delete(schema_version))
        await connection.execute(schema_version.insert().values(version_num=str(SCHEMA_VERSION)))

    await store.write(work)


async def _remove_decisions(connection: AsyncConnection, keys: Collection[tuple[Any, ...]]) -> None:
    """Remove decisions by their primary key; all of them where one cannot be found by it, since the order of the table
    is damaged then. Decisions are made again from facts.
    """
    for key in keys:
        is_decision = [_equals(column, value) for column, value in zip(decisions.primary_key, key, strict=True)]
        removed = await connection.execute(delete(decisions).where(*is_decision))
        if removed.rowcount != 1:
            await connection.execute(delete(decisions))
            return


def _equals(column: Any, value: Any) -> ColumnElement[bool]:
    """Whether the column has exactly this value, of whatever type."""
    if isinstance(value, str) and not value.isascii():
        # As bytes: SQLite stores texts that cannot be passed to it as texts.
        value = cast(literal(value.encode("utf-8", "surrogateescape"), LargeBinary()), String())
        return and_(column == value)
    kind = LargeBinary() if isinstance(value, bytes) else String() if isinstance(value, str) else column.type
    return and_(column == literal(value, kind))
