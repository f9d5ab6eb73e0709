"""The database of a store: opened, read from, written to, and replaced when its file turns out to be damaged.

What is read and written is left to `store`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.database import corruption, engine, opening
from store.database.locks import AdvisoryLocks
from store.errors import DamagedStoreError, StoreClosedError, StoreUnavailableError
from store.keys import hash64

logger = logging.getLogger(__name__)

T = TypeVar("T")

_GRANTED = nullcontext(False)

DriverError = DBAPIError | sqlite3.Error | OSError
DRIVER_ERRORS = (DBAPIError, sqlite3.Error, OSError)
"""What the drivers raise, by themselves or through SQLAlchemy."""


class Database:
    """A SQLite file or a PostgreSQL database. Open it with `async with`, in the event loop that uses it."""

    def __init__(self, location: str | Path, *, may_create: bool = True, is_optional: bool = False) -> None:
        """`location` is a file path or a SQLAlchemy URL. `may_create`: begin a new store where there is none, or a
        damaged one. `is_optional`: a store that cannot be used now (no right, no space) knows nothing and keeps
        nothing, which is logged once, instead of raising `StoreUnavailableError`.

        Raises:
            StoreError: a URL that names a database this package does not work with.
        """
        self._url = engine.store_url(location)
        self._may_create = may_create
        self._is_optional = is_optional
        self._engine: AsyncEngine | None = None
        self._is_given_up = False
        self._file: corruption.Identity | None = None
        self._claims: AdvisoryLocks | None = None
        self._replacing = asyncio.Lock()
        self._replaced: list[AsyncEngine] = []

    @property
    def name(self) -> str:
        """How messages call it: a path, or a URL without its password."""
        return engine.name_of(self._url)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file, not a server."""
        return engine.is_sqlite(self._url)

    async def __aenter__(self) -> Self:
        """Raises:
        SchemaMismatchError: it is not a store of a schema known; it was not changed.
        StoreError: it cannot be opened.
        """
        self._is_given_up = False
        try:
            await self._open()
        except StoreUnavailableError as error:
            self._give_up(error)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._claims is not None:
            await self._claims.close()
        opened, self._engine = [*self._replaced, self._engine], None
        self._replaced = []
        for item in opened:
            if item is not None:
                await item.dispose()

    async def read(self, look: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Run `look` on a connection where each statement sees all that was committed before it. A store that fails
        meanwhile ends it early: what it has not told is unknown.
        """
        opened = self._opened()
        if opened is None:
            return
        try:
            async with opened.connect() as connection:
                await look(connection)
        except DRIVER_ERRORS as error:
            if not await self._replace(opened, error):
                self._give_up(StoreUnavailableError(f"the store {self.name} cannot be read: {_cause(error)}"))

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T | None:
        """What `work` gives, run in a transaction of its own, which being cancelled does not tear apart; None where
        the store has been given up.

        Raises:
            StoreError: nothing was stored.
        """
        writing = asyncio.ensure_future(self._write(work))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # Left alone it would keep the file locked until its thread is done with it; it takes milliseconds.
            await asyncio.wait([writing])
            raise

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T | None:
        for is_last_try in (False, True):
            opened = self._opened()
            if opened is None:
                return None
            try:
                async with opened.connect() as connection:
                    connection = await connection.execution_options(**engine.write_options(self._url))
                    async with connection.begin():
                        return await work(connection)
            except DRIVER_ERRORS as error:
                if is_last_try or not await self._replace(opened, error):
                    raise StoreUnavailableError(f"the store {self.name} cannot be written: {_cause(error)}") from error
        return None

    @property
    def has_claims(self) -> bool:
        """Whether the database has the means for `claim` to say anything."""
        return self._claims is not None

    def claim(self, endpoint: str, repo_id: str, revision: str) -> AbstractAsyncContextManager[bool]:
        """Be the one worker that asks for a repo, where the database has means for that; gives whether another was
        first, and may have stored what is wanted.
        """
        if self._claims is None:
            return _GRANTED
        return self._claims.hold(hash64("claim", endpoint, repo_id, revision))

    def connect(self) -> AsyncConnection:
        """A connection on which each statement is a transaction of its own.

        Raises:
            StoreError: the store has been given up.
        """
        opened = self._opened()
        if opened is None:
            raise StoreUnavailableError(f"the store {self.name} cannot be used")
        return opened.connect()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees the store as it stood at one moment, while others write.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            async with self.connect() as connection:
                connection = await connection.execution_options(**engine.snapshot_options(self._url))
                async with connection.begin():
                    yield connection
        except DRIVER_ERRORS as error:
            kind = DamagedStoreError if corruption.is_damage(_cause(error)) else StoreUnavailableError
            raise kind(f"the store {self.name} cannot be read: {_cause(error)}") from error

    def _opened(self) -> AsyncEngine | None:
        if self._engine is None and not self._is_given_up:
            raise StoreClosedError("the store is not open; use it inside `async with`")
        return self._engine

    async def _open(self) -> None:
        self._engine = await opening.open_store(self._url, may_create=self._may_create)
        if not self.is_sqlite:
            self._claims = AdvisoryLocks(self._engine)
        path = engine.path_of(self._url)
        self._file = corruption.identity_of(path) if path is not None else None

    async def _replace(self, failed: AsyncEngine, error: DriverError) -> bool:
        """Whether the store is usable again, after the file turned out to be damaged or was put aside by another."""
        path = engine.path_of(self._url)
        if path is None or not self._may_create or isinstance(error, OSError):
            return False
        async with self._replacing:
            if self._engine is not failed:
                return True
            if corruption.is_damage(_cause(error)):
                await opening.replace_damaged(path, self._file, _cause(error))
            elif not await asyncio.to_thread(corruption.was_replaced, path, self._file):
                return False
            # Others may still be reading through it; it is closed at the end.
            self._replaced.append(failed)
            await self._open()
        return True

    def _give_up(self, error: StoreUnavailableError) -> None:
        if not self._is_optional:
            raise error
        if not self._is_given_up:
            logger.warning("working without remembering: %s", error)
        self._is_given_up = True


def _cause(error: DriverError) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error
