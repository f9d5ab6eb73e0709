"""`AdvisoryLocks`: of many workers on one PostgreSQL database, one at a time fetches a repo.

The locks are PostgreSQL's advisory locks, all held by one connection of the process: they end with the connection,
however the process ends. `file_locks` has those of a SQLite file. A lock only saves requests: where it fails, the repo
is fetched without it.

Locks are acquired and released many at a time: what is wanted while a statement is under way is in the next one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

logger = logging.getLogger(__name__)

MIN_POLL_S, MAX_POLL_S = 0.02, 0.5
"""First and longest pause between two attempts to acquire locks that other workers hold; doubles in between."""

MAX_WAIT_S = 720.0
"""Longest wait for a lock; after that the repo is fetched without it. A worker that holds one may wait for the Hub's
quota for as long as one repo may (`RetryPolicy`).
"""

LONG_WAIT_S = 60.0
"""A wait that is as long is logged, once."""

MAX_HELD = 256
"""Most locks of a process at a time: PostgreSQL has 6,400 places for the locks of all its clients by default."""

_KEYS = bindparam("keys", type_=ARRAY(BigInteger))
_TRY_LOCKS = text("SELECT key, pg_try_advisory_lock(key) FROM unnest(:keys) AS key").bindparams(_KEYS)
_UNLOCK = text("SELECT pg_advisory_unlock(key) FROM unnest(:keys) AS key").bindparams(_KEYS)


class RepoLocks(Protocol):
    """The locks of one open store."""

    @property
    def has_other_workers(self) -> bool:
        """Whether other workers may fetch the same repos."""

    async def acquire(self, key: int) -> HeldLock:
        """Hold the lock `key`, once no other worker does."""

    def release(self, key: int, *, is_held: bool) -> None:
        """Give the lock `key` back, soon."""

    async def close(self) -> None:
        """Release all locks."""


class HeldLock:
    """A lock that this process holds, or has waited for in vain. Release it.

    `may_be_stored`: another worker may have stored what is requested, so look again.
    """

    def __init__(self, locks: RepoLocks, key: int, *, is_held: bool, may_be_stored: bool = True) -> None:
        self.may_be_stored = may_be_stored
        self._locks = locks
        self._key = key
        self._is_held = is_held
        self._is_released = False

    def release(self) -> None:
        """Let other workers have it; may be called more than once."""
        if not self._is_released:
            self._is_released = True
            self._locks.release(self._key, is_held=self._is_held)


class LongWaitWarning:
    """Logs once that a lock has been waited for for long."""

    def __init__(self) -> None:
        self._has_warned = False

    def check(self, waited_s: float) -> None:
        """Log where `waited_s` is long."""
        if waited_s >= LONG_WAIT_S and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "another worker has held the lock of a repo for %.0f s: it waits for the Hub, or was stopped", waited_s
            )


class _Wanted:
    """A lock that somebody waits for. `is_held` is None where locks fail."""

    __slots__ = ("is_held", "key", "since_s")

    def __init__(self, key: int) -> None:
        self.key = key
        self.since_s = time.monotonic()
        self.is_held: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()


class AdvisoryLocks:
    """The advisory locks of one process. Re-entrant within it: its tasks share their fetches by single flight."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._places = asyncio.Semaphore(MAX_HELD)
        self._wanted: list[_Wanted] = []
        self._unwanted: list[int] = []
        self._has_news = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._has_failed = False
        self._warning = LongWaitWarning()

    @property
    def has_other_workers(self) -> bool:
        """Whether other workers may fetch the same repos: the server does not tell, so they are expected."""
        return True

    async def acquire(self, key: int) -> HeldLock:
        """Hold the lock `key`, once no other worker does. What is requested may be stored by then: look again."""
        await self._places.acquire()
        wanted = _Wanted(key)
        self._wanted.append(wanted)
        self._start()
        try:
            is_held = await wanted.is_held
        except BaseException:
            # The statement under way may acquire it: the worker releases it then.
            self._places.release()
            raise
        return HeldLock(self, key, is_held=bool(is_held))

    def release(self, key: int, *, is_held: bool) -> None:
        """Give the lock `key` back, soon."""
        self._places.release()
        if is_held:
            self._unwanted.append(key)
            self._start()

    async def close(self) -> None:
        """Release all locks."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])
        await self._disconnect()

    def _start(self) -> None:
        self._has_news.set()
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        poll_s = MIN_POLL_S
        try:
            while self._wanted or self._unwanted:
                self._has_news.clear()
                has_progress = await self._run_statements()
                if self._wanted and not self._has_news.is_set():
                    poll_s = MIN_POLL_S if has_progress else min(2 * poll_s, MAX_POLL_S)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._has_news.wait(), poll_s)
        finally:
            self._worker = None
            for wanted in self._wanted:
                wanted.is_held.cancel()

    async def _run_statements(self) -> bool:
        """Release what is not wanted, then try all that is wanted. Returns whether any lock was acquired."""
        unwanted, self._unwanted = self._unwanted, []
        wanted, self._wanted = [item for item in self._wanted if not item.is_held.done()], []
        try:
            if self._connection is None:
                self._connection = await self._engine.connect()
            if unwanted:
                await self._connection.execute(_UNLOCK, {"keys": unwanted})
            acquired = await self._try_locks(self._connection, wanted) if wanted else []
        except (DBAPIError, OSError) as error:
            await self._handle_failure(error)
            for item in wanted:
                _answer(item, None)
            return True
        except BaseException:
            self._wanted += wanted
            raise
        now_s = time.monotonic()
        for item, is_held in zip(wanted, acquired, strict=True):
            if is_held and item.is_held.done():
                self._unwanted.append(item.key)
            elif is_held or now_s - item.since_s >= MAX_WAIT_S:
                _answer(item, is_held)
            else:
                self._wanted.append(item)
                self._warning.check(now_s - item.since_s)
        return any(acquired)

    @staticmethod
    async def _try_locks(connection: AsyncConnection, wanted: Sequence[_Wanted]) -> list[bool]:
        """Whether each of `wanted` was acquired. A key that is wanted twice is acquired twice."""
        rows = await connection.execute(_TRY_LOCKS, {"keys": [item.key for item in wanted]})
        found: dict[int, list[bool]] = {}
        for key, is_held in rows:
            found.setdefault(key, []).append(is_held)
        return [found[item.key].pop() for item in wanted]

    async def _handle_failure(self, error: Exception) -> None:
        # The next lock opens a new connection; the server has released, or will release, those of this one.
        await self._disconnect()
        if not self._has_failed:
            logger.warning("advisory locks fail, so workers may fetch the same repo at the same time: %s", error)
        self._has_failed = True

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError, OSError):
                # The server releases the locks when the connection ends; returned to the pool it would keep them.
                await connection.invalidate()
                await connection.close()


def _answer(wanted: _Wanted, is_held: bool | None) -> None:
    if not wanted.is_held.done():
        wanted.is_held.set_result(is_held)
