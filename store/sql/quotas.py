"""Reads and writes the rows of the Hub's quotas; what a lease is, is decided by `store.quotas`."""

from __future__ import annotations

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
) -> tuple[QuotaRow | None, float]:
    """The row of a quota, which stays locked until the transaction ends, with values of any type; and the time of the
    database. None where there is no row.
    """
    clock = dialect.build_clock()
    columns = (quotas.c.quota, quotas.c.remaining, quotas.c.window_s, quotas.c.ends_at, quotas.c.probe_until)
    query = select(clock, *columns).where(_is_row(key)).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None, float((await connection.execute(select(clock))).scalar_one())
    now_s, quota, remaining, window_s, ends_at_s, probe_until_s = row
    found = QuotaRow(
        quota=quota, remaining=remaining, window_s=window_s, ends_at_s=ends_at_s, probe_until_s=probe_until_s
    )
    return found, float(now_s)


async def write_quota(
    connection: AsyncConnection, dialect: Dialect, key: QuotaKey, row: QuotaRow, now_s: float, *, is_new: bool
) -> None:
    """Store the row of a quota, in place of the one that is there. A new one takes the place of rows long unused."""
    if is_new:
        await connection.execute(delete(quotas).where(quotas.c.ends_at < now_s - MAX_IDLE_S))
    values: dict[str, Any] = {
        "quota": row.quota,
        "remaining": row.remaining,
        "window_s": row.window_s,
        "ends_at": row.ends_at_s,
        "probe_until": row.probe_until_s,
    }
    names = {"endpoint": key.endpoint, "owner": key.owner, "bucket": key.bucket}
    statement = dialect.insert(quotas).values(**names, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=list(names), set_=values))


def _is_row(key: QuotaKey) -> Any:
    return and_(quotas.c.endpoint == key.endpoint, quotas.c.owner == key.owner, quotas.c.bucket == key.bucket)
