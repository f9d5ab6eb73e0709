"""Counts, sizes, ages and hit rates of a store."""

from __future__ import annotations

import time

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database.engine import is_sqlite
from store.keys import PUBLIC, WITHDRAWN
from store.records import StoreInfo
from store.tables import SCHEMA_VERSION, decisions, facts, lookups, refs

SECONDS_PER_DAY = 86_400
RECENT_DAYS = 30


async def read_info(connection: AsyncConnection, name: str) -> StoreInfo:
    """What there is to say of the store that `connection` reads, called `name`."""
    counts = [
        (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        for table in (facts, refs, decisions)
    ]
    is_missing = refs.c.problem.is_not(None) & (refs.c.problem != WITHDRAWN)
    missing = await connection.execute(select(func.count()).select_from(refs).where(is_missing))
    private = await connection.execute(select(func.count()).select_from(facts).where(facts.c.scope != PUBLIC))
    ages = (await connection.execute(select(func.min(refs.c.checked_at), func.max(refs.c.checked_at)))).one()
    endpoints = await connection.execute(
        select(refs.c.endpoint, func.count()).group_by(refs.c.endpoint).order_by(refs.c.endpoint)
    )
    today = int(time.time()) // SECONDS_PER_DAY
    sums = select(func.coalesce(func.sum(lookups.c.hits), 0), func.coalesce(func.sum(lookups.c.misses), 0))
    looked_up = (await connection.execute(sums)).one()
    recently = (await connection.execute(sums.where(lookups.c.day > today - RECENT_DAYS))).one()
    return StoreInfo(
        location=name,
        schema_version=SCHEMA_VERSION,
        size_bytes=await _size_bytes(connection),
        facts=counts[0],
        refs=counts[1],
        decisions=counts[2],
        private=private.scalar_one(),
        missing=missing.scalar_one(),
        oldest_check_s=ages[0],
        newest_check_s=ages[1],
        endpoints=tuple((str(endpoint), int(count)) for endpoint, count in endpoints),
        hits=int(looked_up[0]),
        misses=int(looked_up[1]),
        recent_hits=int(recently[0]),
        recent_misses=int(recently[1]),
    )


async def _size_bytes(connection: AsyncConnection) -> int:
    if is_sqlite(connection.engine.url):
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        return int(pages * (await connection.exec_driver_sql("PRAGMA page_size")).scalar_one())
    sizes = (func.pg_total_relation_size(table.name) for table in (facts, refs, decisions, lookups))
    return sum([int((await connection.execute(select(size))).scalar_one()) for size in sizes])
