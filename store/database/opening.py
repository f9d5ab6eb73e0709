"""Opens a store's database: makes its place, puts a damaged file aside, falls back to reading where none can write."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import corruption, engine, schema
from store.errors import DamagedStoreError, StoreError, StoreMissingError, StoreUnavailableError

logger = logging.getLogger(__name__)


async def open_store(url: URL, *, may_create: bool) -> AsyncEngine:
    """An engine on a database of the present schema.

    A damaged file is put aside, with a warning, and a new one begun, unless `may_create` is false.

    Raises:
        SchemaMismatchError: it is another program's, or of a newer schema; it was not changed.
        StoreMissingError: there is none, and `may_create` is false.
        DamagedStoreError: it is damaged, and `may_create` is false; it was not changed.
        StoreUnavailableError: it cannot be opened now.
        StoreError: it can never be one.
    """
    path = engine.path_of(url)
    if path is None:
        return await _open(url, may_create=may_create)
    if path.is_dir():
        raise StoreError(f"the store {path} is a folder; name a file")
    if not may_create and not path.exists():
        raise StoreMissingError(f"there is no store at {path}")
    for _ in range(3):
        found = corruption.identity_of(path)
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            return await _open(url, may_create=may_create)
        except (FileExistsError, NotADirectoryError) as error:
            raise StoreError(f"the store {path} cannot be: a folder on the way to it is a file") from error
        except OSError as error:
            raise StoreUnavailableError(f"the store {path} cannot be opened: {error}") from error
        except DBAPIError as error:
            if corruption.is_damage(error.orig):
                if not may_create:
                    raise DamagedStoreError(f"{path} is damaged, or no store: {error.orig}") from error
                await replace_damaged(path, found, error.orig)
            elif await asyncio.to_thread(corruption.was_replaced, path, found):
                continue
            elif (opened := await _open_read_only(path)) is not None:
                return opened
            else:
                raise StoreUnavailableError(f"the store {path} cannot be opened: {error.orig}") from error
    raise StoreUnavailableError(f"the store {path} was found damaged again and again")


async def replace_damaged(path: Path, found: corruption.Identity | None, cause: BaseException | None) -> None:
    """Put the damaged file aside, so that opening the store begins a new one.

    Raises:
        StoreError: it is not ours to move, or cannot be moved.
    """
    try:
        aside = await asyncio.to_thread(corruption.set_aside, path, found)
    except OSError as error:
        raise StoreUnavailableError(f"the store {path} is damaged and cannot be put aside: {error}") from error
    if aside is not None:
        logger.warning("the store %s is damaged (%s); it was kept as %s, and a new one begun", path, cause, aside)


async def _open(url: URL, *, may_create: bool) -> AsyncEngine:
    opened = engine.open_engine(url)
    try:
        await schema.prepare(opened, may_create=may_create)
    except BaseException as error:
        await opened.dispose()
        if engine.is_sqlite(url) or not isinstance(error, (OSError, DBAPIError)):
            raise
        raise StoreUnavailableError(f"the store {engine.name_of(url)} cannot be opened: {error}") from error
    return opened


def _is_at_rest(path: Path) -> bool:
    """Whether the file is there and holds everything: nothing of it is still in the log beside it."""
    wal = Path(f"{path}-wal")
    return path.exists() and not (wal.exists() and wal.stat().st_size)


async def _open_read_only(path: Path) -> AsyncEngine | None:
    """An engine that reads the file without locking it, where SQLite cannot make its files beside it."""
    if not await asyncio.to_thread(_is_at_rest, path):
        return None
    try:
        return await _open(engine.read_only(path), may_create=False)
    except (DBAPIError, StoreError):
        return None
