"""`Database`: opens, reads and writes the database of a store, and replaces a damaged file.

`store` and `sql` decide what is read and written.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.database import corruption, engine, opening
from store.database.file_locks import open_file_locks
from store.database.locks import AdvisoryLocks, HeldLock, RepoLocks
from store.errors import DamagedStoreError, StoreAwayError, StoreBusyError, StoreClosedError, StoreUnavailableError
from store.keys import hash_texts

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_LOCK_WAIT_S = 30.0
"""Longest wait of a writer for another process's transaction, unless the caller gives another."""

DriverError = DBAPIError | sqlite3.Error | OSError | UnicodeDecodeError | PoolTimeoutError
DRIVER_ERRORS = (DBAPIError, sqlite3.Error, OSError, UnicodeDecodeError, PoolTimeoutError)
"""Errors that the drivers raise, directly or through SQLAlchemy; one where a message quotes a damaged file, one where
all connections are in use for long.
"""


class Database:
    """A SQLite file or a PostgreSQL database. Open it with `async with`, in the event loop that uses it."""

    def __init__(self, location: str | Path, *, may_create: bool = True, is_optional: bool = False) -> None:
        """A closed database. `location` is a file path or a SQLAlchemy URL.

        `may_create`: create a new store where there is none, or the file is damaged. `is_optional`: a store that cannot
        be opened now (no permission, no connection) is disabled: reads find nothing, and writes do nothing. A read that
        fails finds nothing either. One warning is logged instead of raising `StoreUnavailableError`.

        Raises:
            StoreError: the URL is for a database that the store does not support.
        """
        self._url = engine.parse_location(location)
        self._may_create = may_create
        self._is_optional = is_optional
        self._engine: AsyncEngine | None = None
        self._is_disabled = False
        self._is_away = False
        self._file: corruption.FileIdentity | None = None
        self._locks: RepoLocks | None = None
        self._replacing = asyncio.Lock()
        self._replaced: list[AsyncEngine] = []

    @property
    def name(self) -> str:
        """The store's name in messages: its path, or its URL without the password."""
        return engine.render_url(self._url)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file, not a PostgreSQL database."""
        return engine.is_sqlite(self._url)

    async def __aenter__(self) -> Self:
        """Open the database.

        Raises:
            SchemaMismatchError: it is not a store, or has an unknown schema; it was not changed.
            StoreError: it cannot be opened.
        """
        self._is_disabled = False
        try:
            await self._open()
        except StoreUnavailableError as error:
            self._disable(error)
            self._is_away = not self.is_sqlite
        else:
            logger.info("the store %s is open", self.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._locks is not None:
            await self._locks.close()
            self._locks = None
        engines, self._engine = [*self._replaced, self._engine], None
        self._replaced = []
        for item in engines:
            if item is not None:
                await item.dispose()

    async def read(self, query: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Run `query` on a connection where each statement sees everything that was committed before it.

        Where the store fails meanwhile, and is replaced or optional, `query` ends early, with what it has read so far.
        It runs twice where a text is damaged.

        Raises:
            StoreError: the store cannot be read, and is not optional.
        """
        opened = self._get_engine()
        if opened is None:
            return
        try:
            async with opened.connect() as connection:
                try:
                    await query(connection)
                except DRIVER_ERRORS as error:
                    if not engine.is_undecodable_text(_get_cause(error)):
                        raise
                    async with engine.decoding_any_text(connection):
                        await query(connection)
        except DRIVER_ERRORS as error:
            if not await self._replace(opened, error):
                self._disable(StoreUnavailableError(f"the store {self.name} cannot be read: {_get_cause(error)}"))

    async def write(
        self, work: Callable[[AsyncConnection], Awaitable[T]], *, lock_wait_s: float = MAX_LOCK_WAIT_S
    ) -> T | None:
        """The result of `work`, run in one transaction that is completed even when the caller is cancelled; None where
        the store is disabled.

        While another process holds the lock, attempts of about a second follow each other for `lock_wait_s`; 0 is one.

        Raises:
            StoreBusyError: the lock was not free; nothing was stored.
            StoreAwayError: the database cannot be reached; nothing was stored.
            StoreError: nothing was stored.
        """
        return await self._write_patiently(work, lock_wait_s, is_transaction=True)

    async def write_each(
        self, work: Callable[[AsyncConnection], Awaitable[T]], *, lock_wait_s: float = MAX_LOCK_WAIT_S
    ) -> T | None:
        """As `write`, but each statement is a transaction of its own, and `work` may run more than once."""
        return await self._write_patiently(work, lock_wait_s, is_transaction=False)

    async def _write_patiently(
        self, work: Callable[[AsyncConnection], Awaitable[T]], lock_wait_s: float, *, is_transaction: bool
    ) -> T | None:
        until_s = time.monotonic() + lock_wait_s
        while True:
            writing = asyncio.ensure_future(self._write(work, is_transaction=is_transaction))
            try:
                return await asyncio.shield(writing)
            except asyncio.CancelledError:
                # Waits for the transaction, some milliseconds, or for the lock, a second at most: it would hold the
                # file's lock after the caller has ended.
                await asyncio.wait([writing])
                if not writing.cancelled():
                    writing.exception()
                raise
            except StoreBusyError:
                if time.monotonic() >= until_s:
                    raise

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]], *, is_transaction: bool = True) -> T | None:
        for is_last_try in (False, True):
            opened = self._get_engine()
            if opened is None:
                if not self._is_away or not is_transaction:
                    return None
                opened = await self._open_again()
            try:
                async with opened.connect() as connection:
                    if not is_transaction:
                        async with engine.decoding_any_text(connection):
                            return await work(connection)
                    connection = await connection.execution_options(**engine.build_write_options(self._url))
                    async with connection.begin(), engine.decoding_any_text(connection):
                        return await work(connection)
            except DRIVER_ERRORS as error:
                if corruption.is_busy_error(_get_cause(error)):
                    message = f"another process holds the lock of the store {self.name}: it is writing, or was stopped"
                    raise StoreBusyError(message) from error
                if not self.is_sqlite and engine.is_away_error(error):
                    message = f"the store {self.name} cannot be reached: {_get_cause(error)}"
                    raise StoreAwayError(message) from error
                if is_last_try or not await self._replace(opened, error):
                    message = f"the store {self.name} cannot be written: {_get_cause(error)}"
                    raise StoreUnavailableError(message) from error
        return None

    @property
    def has_other_workers(self) -> bool:
        """Whether `acquire_lock` excludes other workers, and there may be some."""
        return self._locks is not None and self._locks.has_other_workers

    async def acquire_lock(self, endpoint: str, repo_id: str, revision: str) -> HeldLock | None:
        """The lock of a repo at a revision, to be released; None where the database has none."""
        if self._locks is None:
            return None
        return await self._locks.acquire(hash_texts("claim", endpoint, repo_id, revision))

    def connect(self) -> AsyncConnection:
        """A connection on which each statement is its own transaction.

        Raises:
            StoreError: the store is disabled.
        """
        opened = self._get_engine()
        if opened is None:
            raise StoreUnavailableError(f"the store {self.name} cannot be used")
        return opened.connect()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose reads all see the same state of the store, while others write.

        Raises:
            StoreError: the store cannot be read.
        """
        try:
            async with self.connect() as connection:
                connection = await connection.execution_options(**engine.build_snapshot_options(self._url))
                async with connection.begin(), engine.decoding_any_text(connection):
                    yield connection
        except DRIVER_ERRORS as error:
            cause = _get_cause(error)
            kind = DamagedStoreError if corruption.is_corruption_error(cause) else StoreUnavailableError
            raise kind(f"the store {self.name} cannot be read: {cause}") from error

    def _get_engine(self) -> AsyncEngine | None:
        """The engine; None where the store is disabled."""
        if self._engine is None and not self._is_disabled:
            raise StoreClosedError("the store is not open; use it inside `async with`")
        return self._engine

    async def _open(self) -> None:
        self._engine = await opening.open_store(self._url, may_create=self._may_create)
        path = engine.get_path(self._url)
        if not self.is_sqlite:
            self._locks = AdvisoryLocks(self._engine)
        elif path is not None and self._locks is None:
            self._locks = await asyncio.to_thread(open_file_locks, path)
        self._file = corruption.get_file_identity(path) if path is not None else None

    async def _open_again(self) -> AsyncEngine:
        """Open the database, which could not be reached when the store was opened.

        Raises:
            StoreAwayError: it still cannot be reached.
            StoreError: it cannot be used.
        """
        async with self._replacing:
            if self._engine is None:
                try:
                    await self._open()
                except StoreUnavailableError as error:
                    raise StoreAwayError(str(error)) from error
                self._is_away = self._is_disabled = False
                logger.warning("the store %s is there again", self.name)
            assert self._engine is not None
            return self._engine

    async def _replace(self, failed: AsyncEngine, error: DriverError) -> bool:
        """Whether the store is usable again, after its file was damaged or another process moved it into quarantine."""
        path = engine.get_path(self._url)
        if path is None or not self._may_create or isinstance(error, OSError):
            return False
        async with self._replacing:
            if self._engine is not failed:
                return True
            if corruption.is_corruption_error(_get_cause(error)):
                await opening.quarantine_store(path, self._file, _get_cause(error))
            elif not await asyncio.to_thread(corruption.was_replaced, path, self._file):
                return False
            # Other tasks may still read through the failed engine: it is disposed at the end.
            self._replaced.append(failed)
            await self._open()
        return True

    def _disable(self, error: StoreUnavailableError) -> None:
        if not self._is_optional:
            raise error
        if not self._is_disabled:
            logger.warning("continuing without a store: %s", error)
        self._is_disabled = True


def _get_cause(error: DriverError) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error
