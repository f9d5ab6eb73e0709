"""Advisory locks: of many workers on one PostgreSQL database, one at a time asks the Hub for a repo.

PostgreSQL's advisory locks, held by one connection for all claims of a process: they end with the connection, however
the process ends. SQLite has no such means; there every claim is granted at once. A claim saves requests, nothing more:
whatever goes wrong with it, the repo is asked for without.
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

FIRST_WAIT_S, LONGEST_WAIT_S = 0.02, 0.5
GIVE_UP_AFTER_S = 60.0
"""A worker that holds a claim for so long is not waited for any more."""

_TAKE = text("SELECT pg_try_advisory_lock(:key)")
_GIVE_BACK = text("SELECT pg_advisory_unlock(:key)")


class AdvisoryLocks:
    """The claims of one process. Two tasks of it that claim the same at once both get it: they share their work by
    other means.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._has_failed = False

    @asynccontextmanager
    async def hold(self, key: int) -> AsyncIterator[bool]:
        """Hold the claim `key`; gives whether another worker had it first, and may have learned what is wanted."""
        is_held, has_waited, wait_s, left_s = await self._take_or_leave(key), False, FIRST_WAIT_S, GIVE_UP_AFTER_S
        while is_held is False and left_s > 0:
            has_waited = True
            await asyncio.sleep(wait_s)
            left_s -= wait_s
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            is_held = await self._take_or_leave(key)
        try:
            yield has_waited
        finally:
            if is_held:
                await asyncio.shield(self._give_back(key))

    async def close(self) -> None:
        """Give back all that is held."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError, OSError):
                # The server gives back what a connection held when it ends; in the pool it would live on.
                await connection.invalidate()
                await connection.close()

    async def _take_or_leave(self, key: int) -> bool | None:
        """As `_take`; whoever is cancelled meanwhile holds nothing."""
        taking = asyncio.ensure_future(self._take(key))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            if await taking:
                await self._give_back(key)
            raise

    async def _take(self, key: int) -> bool | None:
        """Whether the claim was granted; None where claims do not work."""
        try:
            async with self._turn:
                if self._connection is None:
                    self._connection = await self._engine.connect()
                return bool((await self._connection.execute(_TAKE, {"key": key})).scalar_one())
        except (DBAPIError, OSError) as error:
            await self._fail(error)
            return None

    async def _give_back(self, key: int) -> None:
        try:
            async with self._turn:
                if self._connection is not None:
                    await self._connection.execute(_GIVE_BACK, {"key": key})
        except (DBAPIError, OSError) as error:
            await self._fail(error)

    async def _fail(self, error: Exception) -> None:
        # The next claim tries a new connection; what this one held is free again.
        await self.close()
        if not self._has_failed:
            logger.warning("workers may ask the Hub for the same repo at once: %s", error)
        self._has_failed = True
