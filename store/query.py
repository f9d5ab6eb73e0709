"""Runs a query that somebody else wrote: it can only read, and not for ever."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database.corruption import is_corruption_error
from store.errors import QueryError
from store.store import MetadataStore

DEFAULT_TIMEOUT_S = 60.0

ROWS_PER_PAGE = 1_000

_STEPS_PER_CHECK = 20_000
"""Steps of SQLite's virtual machine, some milliseconds, between two looks at the clock."""

_ALLOWED = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE))
_ALLOWED_PRAGMAS = frozenset(("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"))
"""The PRAGMA statements that list tables, columns and indexes. Other ones change the connection or the file."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The names of the columns, each once, and the rows in pages."""

    columns: tuple[str, ...]
    pages: AsyncIterator[Sequence[Sequence[Any]]]


@asynccontextmanager
async def run_query(
    store: MetadataStore, sql: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
) -> AsyncIterator[QueryResult]:
    """The result of one statement of SQL, all of one state of the store, while others write. Read the pages inside.

    On SQLite every action but reading is refused; on PostgreSQL the transaction is read-only. `timeout_s` is for
    everything inside the context; `math.inf`: there is no limit.

    Raises:
        QueryError: the SQL is wrong, writes, or takes too long.
        StoreError: the store cannot be read.
    """
    async with store.snapshot() as connection:
        try:
            async with _bounding(connection, store.is_sqlite, timeout_s):
                # As it stands: for SQLAlchemy a colon begins a parameter.
                async with connection.stream(text(sql.replace(":", "\\:"))) as rows:
                    names = _make_unique(rows.keys())
                    yield QueryResult(names, rows.partitions(ROWS_PER_PAGE))
        except Exception as error:
            # What asyncpg raises while rows are read, SQLAlchemy does not wrap.
            is_of_driver = isinstance(error, (SQLAlchemyError, sqlite3.Error))
            if not is_of_driver and not type(error).__module__.startswith("asyncpg."):
                raise
            cause = error.orig if isinstance(error, DBAPIError) else error
            # A value that is too long is of the query, not of the file.
            if is_corruption_error(cause) and "too big" not in str(cause):
                raise
            raise QueryError(_explain(cause, timeout_s)) from error


@asynccontextmanager
async def _bounding(connection: AsyncConnection, is_sqlite: bool, timeout_s: float) -> AsyncIterator[None]:
    if not is_sqlite:
        if timeout_s < inf:
            await connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, int(timeout_s * 1000))}")
        yield
        return
    driver: Any = (await connection.get_raw_connection()).driver_connection
    until_s = time.monotonic() + timeout_s
    await driver.set_authorizer(_authorize)
    await driver.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS_PER_CHECK)
    try:
        yield
    finally:
        await driver.set_progress_handler(None, 0)
        await driver.set_authorizer(None)


def _authorize(action: int, first: str | None, second: str | None, _database: str | None, _inner: str | None) -> int:
    """Called by SQLite for each thing that a statement does, before it runs."""
    is_allowed = action in _ALLOWED or (action == sqlite3.SQLITE_PRAGMA and first in _ALLOWED_PRAGMAS)
    if not is_allowed or (action == sqlite3.SQLITE_FUNCTION and second == "load_extension"):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _make_unique(names: Sequence[Any] | Any) -> tuple[str, ...]:
    """The names, with a number where one occurs again: `task`, `task_2`."""
    unique: list[str] = []
    for name in map(str, names):
        number, new = 1, name
        while new in unique:
            number += 1
            new = f"{name}_{number}"
        unique.append(new)
    return tuple(unique)


def _explain(cause: BaseException | None, timeout_s: float) -> str:
    message = str(cause)
    if message == "interrupted" or "statement timeout" in message:
        return f"the query takes longer than {timeout_s:g} s"
    if message.startswith("not authorized") or "prohibited" in message or "read-only transaction" in message:
        return f"a query can only read the store: {message}"
    return f"the query cannot be run: {message}"
