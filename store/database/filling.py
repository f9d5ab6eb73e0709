"""Does the long part of an upgrade to schema 4 before it, in many transactions: others can write in between, and an
upgrade that was interrupted goes on where it was.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database.corruption import APPLICATION_ID
from store.database.engine import build_write_options, is_sqlite, render_url
from store.database.latest_decisions import FIRST, fill_page, rank_rules
from store.tables import decisions, latest_decisions

# That of the upgrade, whose part it is.
logger = logging.getLogger("store.database.schema")

BEFORE = range(2, 4)
"""The schemas that have decisions which an upgrade to schema 4 keeps."""

REPORT_EVERY_S = 5.0

T = TypeVar("T")


async def fill_in_advance(engine: AsyncEngine) -> None:
    """Fill the tables of the columns of decisions. Progress is logged where it takes longer than some seconds."""
    from store.migrations.versions.schema_4 import add_decision_tables

    def begin(connection: Connection) -> tuple[float, float, dict[int, int]]:
        add_decision_tables(connection)
        newest, filled = (func.max(table.c.facts_id) for table in (decisions, latest_decisions))
        last, after = (connection.execute(select(item)).scalar() for item in (newest, filled))
        # The last row that was filled in may have had more decisions.
        after = after - 1 if isinstance(after, int) else FIRST
        return after, last if isinstance(last, int) else 0, rank_rules(connection)

    after, last, ranks = await _run(engine, begin)
    reported_s = time.monotonic()
    place: float | None = after
    while place is not None:
        place = await _run(engine, partial(fill_page, after=place, ranks=ranks))
        if place is not None and time.monotonic() - reported_s >= REPORT_EVERY_S:
            reported_s = time.monotonic()
            logger.warning(
                "upgrading the store %s: %.0f %% is done; an upgrade that is interrupted goes on at the next start",
                render_url(engine.url),
                100 * place / max(last, place, 1),
            )


async def _run(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    """The result of `work`, in a transaction of its own."""
    async with engine.connect() as connection:
        connection = await connection.execution_options(**build_write_options(engine.url))
        async with connection.begin():
            if not is_sqlite(engine.url):
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")
            return await connection.run_sync(work)
