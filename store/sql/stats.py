"""Reads counts, sizes, ages and hit rates of a store."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.keys import PUBLIC, TOMBSTONE
from store.records import StoreInfo
from store.sql.dialect import Dialect
from store.tables import SCHEMA_VERSION, decisions, facts, lookups, refs

DAY_S = 86_400
RECENT_DAYS = 30
MAX_COUNT = 2**62


async def read_info(connection: AsyncConnection, dialect: Dialect, location: str) -> StoreInfo:
    """Counts, sizes, ages and hit rates of the store at `location`, which `connection` reads."""
    counts = [
        (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        for table in (facts, refs, decisions)
    ]
    is_missing = refs.c.problem.is_not(None) & (refs.c.problem != TOMBSTONE)
    missing = await connection.execute(select(func.count()).select_from(refs).where(is_missing))
    private = await connection.execute(select(func.count()).select_from(facts).where(facts.c.scope != PUBLIC))
    ages = (await connection.execute(select(func.min(refs.c.checked_at), func.max(refs.c.checked_at)))).one()
    endpoints = await connection.execute(
        select(refs.c.endpoint, func.count()).group_by(refs.c.endpoint).order_by(refs.c.endpoint)
    )
    today = int(time.time()) // DAY_S
    sums = select(func.coalesce(func.sum(lookups.c.hits), 0), func.coalesce(func.sum(lookups.c.misses), 0))
    total = (await connection.execute(sums)).one()
    recent = (await connection.execute(sums.where(lookups.c.day > today - RECENT_DAYS))).one()
    return StoreInfo(
        location=location,
        schema_version=SCHEMA_VERSION,
        size_bytes=await dialect.read_size_bytes(connection),
        facts=counts[0],
        refs=counts[1],
        decisions=counts[2],
        private=private.scalar_one(),
        missing=missing.scalar_one(),
        oldest_check_s=_get_time(ages[0]),
        newest_check_s=_get_time(ages[1]),
        endpoints=tuple((str(endpoint), int(count)) for endpoint, count in endpoints),
        hits=_get_count(total[0]),
        misses=_get_count(total[1]),
        recent_hits=_get_count(recent[0]),
        recent_misses=_get_count(recent[1]),
    )


def _get_count(value: Any) -> int:
    """A sum, 0 where damaged rows make it none."""
    return int(value) if abs(value) < MAX_COUNT else 0


def _get_time(value: Any) -> int | None:
    """The time of a check; None where a damaged row has another value."""
    return value if isinstance(value, int) else None
