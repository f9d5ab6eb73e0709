"""Removes what refs were before, where it is too long ago to be kept."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import HISTORY_S, ref_history

ROWS_PER_TRANSACTION = 1_000


async def remove_old_history(connection: AsyncConnection, now_s: float) -> int:
    """How many of the rows that were stored first were removed; 0 where the first ones are to be kept."""
    first = select(ref_history.c.id, ref_history.c.replaced_at).order_by(ref_history.c.id).limit(ROWS_PER_TRANSACTION)
    ids = [
        row.id
        for row in await connection.execute(first)
        if not isinstance(row.replaced_at, int) or row.replaced_at < now_s - HISTORY_S
    ]
    if ids:
        await connection.execute(delete(ref_history).where(ref_history.c.id.in_(ids)))
    return len(ids)
