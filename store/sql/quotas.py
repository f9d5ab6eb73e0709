"""Reads and writes the rows of the Hub's quotas; what a lease is, is decided by `store.quotas`.

A row is read without a lock, and written by one statement that changes nothing where another process was faster. A
transaction would hold the lock of a SQLite file for as long as the event loop is busy between its statements.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.quotas import QuotaKey, QuotaRow
from store.sql.dialect import Dialect
from store.tables import quotas

MAX_IDLE_S = 86_400.0
"""A row whose window ended so long ago is removed: an anonymous quota has a row for each machine that ever was."""


async def read_quota(
    connection: AsyncConnection, dialect: Dialect, key: QuotaKey
) -> tuple[QuotaRow | None, Any, float]:
    """The row of a quota, with values of any type, its version, and the time of the database. None: there is no row."""
    columns = (quotas.c.quota, quotas.c.remaining, quotas.c.window_s, quotas.c.ends_at, quotas.c.probe_until)
    clock = dialect.build_clock()
    row = (await connection.execute(select(clock, quotas.c.version, *columns).where(_is_row(key)))).one_or_none()
    if row is None:
        return None, None, float((await connection.execute(select(clock))).scalar_one())
    now_s, version, quota, remaining, window_s, ends_at_s, probe_until_s = row
    found = QuotaRow(
        quota=quota, remaining=remaining, window_s=window_s, ends_at_s=ends_at_s, probe_until_s=probe_until_s
    )
    return found, version, float(now_s)


async def write_quota(
    connection: AsyncConnection, dialect: Dialect, key: QuotaKey, row: QuotaRow, version: Any, now_s: float
) -> bool:
    """Store the row of a quota in place of the one with `version`, or where there was none; False where another process
    has stored one meanwhile.
    """
    if version is None:
        await connection.execute(delete(quotas).where(quotas.c.ends_at < now_s - MAX_IDLE_S))
    values: dict[str, Any] = {
        "quota": row.quota,
        "remaining": row.remaining,
        "window_s": row.window_s,
        "ends_at": row.ends_at_s,
        "probe_until": row.probe_until_s,
        "version": secrets.randbits(62),
    }
    names = {"endpoint": key.endpoint, "owner": key.owner, "bucket": key.bucket}
    upsert = dialect.insert(quotas).values(**names, **values)
    upsert = upsert.on_conflict_do_update(
        index_elements=list(names), set_=values, where=quotas.c.version.is_not_distinct_from(version)
    )
    return (await connection.execute(upsert)).rowcount == 1


def _is_row(key: QuotaKey) -> Any:
    return and_(quotas.c.endpoint == key.endpoint, quotas.c.owner == key.owner, quotas.c.bucket == key.bucket)
