"""`AdvisoryLocks`: of many workers on one PostgreSQL database, one at a time fetches a repo.

The locks are PostgreSQL's advisory locks, all held by one connection of the process: they end with the connection,
however the process ends. SQLite has none. A lock only saves requests: where it fails, the repo is fetched without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

logger = logging.getLogger(__name__)

MIN_POLL_S, MAX_POLL_S = 0.02, 0.5
"""First and longest pause between two attempts to acquire a lock that another worker holds; doubles in between."""

MAX_WAIT_S = 60.0
"""Longest wait for a lock; after that the repo is fetched without it."""

_TRY_LOCK = text("SELECT pg_try_advisory_lock(:key)")
_UNLOCK = text("SELECT pg_advisory_unlock(:key)")


class AdvisoryLocks:
    """The advisory locks of one process. Re-entrant within it: its tasks share their fetches by single flight."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._connection_lock = asyncio.Lock()
        self._has_failed = False

    @asynccontextmanager
    async def acquire(self, key: int) -> AsyncIterator[bool]:
        """Hold the lock `key`. Gives whether another worker held it first, and may have stored what is requested."""
        is_held, has_waited, poll_s, left_s = await self._try_acquire(key), False, MIN_POLL_S, MAX_WAIT_S
        while is_held is False and left_s > 0:
            has_waited = True
            await asyncio.sleep(poll_s)
            left_s -= poll_s
            poll_s = min(2 * poll_s, MAX_POLL_S)
            is_held = await self._try_acquire(key)
        try:
            yield has_waited
        finally:
            if is_held:
                await asyncio.shield(self._release(key))

    async def close(self) -> None:
        """Release all locks."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError, OSError):
                # The server releases the locks when the connection ends; returned to the pool it would keep them.
                await connection.invalidate()
                await connection.close()

    async def _try_acquire(self, key: int) -> bool | None:
        """The same as `_try_lock`; when cancelled meanwhile, the lock is not held."""
        acquiring = asyncio.ensure_future(self._try_lock(key))
        try:
            return await asyncio.shield(acquiring)
        except asyncio.CancelledError:
            if await acquiring:
                await self._release(key)
            raise

    async def _try_lock(self, key: int) -> bool | None:
        """Whether the lock was acquired; None where locks fail."""
        try:
            async with self._connection_lock:
                if self._connection is None:
                    self._connection = await self._engine.connect()
                return bool((await self._connection.execute(_TRY_LOCK, {"key": key})).scalar_one())
        except (DBAPIError, OSError) as error:
            await self._handle_failure(error)
            return None

    async def _release(self, key: int) -> None:
        try:
            async with self._connection_lock:
                if self._connection is not None:
                    await self._connection.execute(_UNLOCK, {"key": key})
        except (DBAPIError, OSError) as error:
            await self._handle_failure(error)

    async def _handle_failure(self, error: Exception) -> None:
        # The next lock opens a new connection; the server has released, or will release, those of this one.
        await self.close()
        if not self._has_failed:
            logger.warning("advisory locks fail, so workers may fetch the same repo at the same time: %s", error)
        self._has_failed = True
