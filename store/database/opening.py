"""Opens a store's database: creates its folder, quarantines a damaged file, and falls back to reading only."""

from __future__ import annotations

import asyncio
import logging
import stat
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import corruption, engine, schema
from store.database.network_files import find_network_type
from store.errors import DamagedStoreError, StoreError, StoreMissingError, StoreUnavailableError

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""Attempts to open a file; each one but the last may find it damaged or replaced."""


async def open_store(url: URL, *, may_create: bool) -> AsyncEngine:
    """An engine on a database with the current schema.

    A damaged file is moved into quarantine, with a warning, and a new store is created, unless `may_create` is false.

    Raises:
        SchemaMismatchError: the database belongs to another program, or has a newer schema; it was not changed.
        StoreMissingError: there is no store, and `may_create` is false.
        DamagedStoreError: the file is damaged, and `may_create` is false; it was not changed.
        StoreUnavailableError: the store cannot be opened now.
        StoreError: there can be no store at this location.
    """
    path = engine.get_path(url)
    if path is None:
        return await _open(url, may_create=may_create)
    await asyncio.to_thread(_refuse_other_kinds, path)
    if (network_type := await asyncio.to_thread(find_network_type, path)) is not None:
        logger.warning(
            "the store %s is on a network file system (%s), where the locks of SQLite are not reliable: use a folder "
            "of this machine (--store, HUBRESOLVE_STORE), or PostgreSQL for several machines",
            path,
            network_type,
        )
    if not may_create and not path.exists():
        raise StoreMissingError(f"there is no store at {path}")
    for _ in range(MAX_ATTEMPTS):
        identity = corruption.get_file_identity(path)
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            return await _open(url, may_create=may_create)
        except (FileExistsError, NotADirectoryError) as error:
            raise StoreError(f"the store {path} cannot be created: a parent of it is a file, not a folder") from error
        except OSError as error:
            raise StoreUnavailableError(f"the store {path} cannot be opened: {error}") from error
        except DamagedStoreError as error:
            if not may_create:
                raise
            await quarantine_store(path, identity, error, is_store=True)
        except (DBAPIError, UnicodeDecodeError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if corruption.is_corruption_error(cause):
                if not may_create:
                    raise DamagedStoreError(f"{path} is damaged, or not a store: {cause}") from error
                await quarantine_store(path, identity, cause)
            elif await asyncio.to_thread(corruption.was_replaced, path, identity):
                continue
            elif (opened := await _open_read_only(path)) is not None:
                return opened
            else:
                raise StoreUnavailableError(f"the store {path} cannot be opened: {cause}") from error
    raise StoreUnavailableError(f"the store {path} was found damaged {MAX_ATTEMPTS} times in a row")


def _refuse_other_kinds(path: Path) -> None:
    """Refuse what is not a regular file: opening a pipe would wait for ever, and a device may never end.

    Raises:
        StoreError: the path, or a file that SQLite keeps beside it, is something else.
    """
    for suffix in corruption.SIDECAR_SUFFIXES:
        item = Path(f"{path}{suffix}")
        try:
            mode = item.stat().st_mode
        except OSError:
            continue
        if stat.S_ISDIR(mode):
            raise StoreError(f"the store {item} is a folder; give the path of a file")
        if not stat.S_ISREG(mode):
            raise StoreError(f"the store {item} is a pipe, a device or a socket; give the path of a file")


async def quarantine_store(
    path: Path, damaged: corruption.FileIdentity | None, cause: BaseException | None, *, is_store: bool = False
) -> None:
    """Move the damaged file into quarantine, so that opening the store creates a new one. `is_store` where its tables
    have shown that it is a store.

    Raises:
        StoreError: the file is not a store, or it cannot be moved.
    """
    try:
        target = await asyncio.to_thread(corruption.quarantine, path, damaged, is_store=is_store)
    except OSError as error:
        raise StoreUnavailableError(f"the store {path} is damaged, and it cannot be moved: {error}") from error
    if target is not None:
        logger.warning("the store %s is damaged (%s); it was moved to %s; a new one is created", path, cause, target)


async def _open(url: URL, *, may_create: bool) -> AsyncEngine:
    opened = engine.build_engine(url)
    try:
        await schema.prepare_schema(opened, may_create=may_create)
    except BaseException as error:
        await opened.dispose()
        if engine.is_sqlite(url) or not isinstance(error, (OSError, DBAPIError)):
            raise
        raise StoreUnavailableError(f"the store {engine.render_url(url)} cannot be opened: {error}") from error
    return opened


def _is_checkpointed(path: Path) -> bool:
    """Whether the file exists and is complete: its write-ahead log is empty or missing."""
    wal = Path(f"{path}-wal")
    return path.exists() and not (wal.exists() and wal.stat().st_size)


async def _open_read_only(path: Path) -> AsyncEngine | None:
    """An engine that reads the file without locks, for a folder where SQLite cannot create its sidecar files; None
    where the file cannot be read either.
    """
    if not await asyncio.to_thread(_is_checkpointed, path):
        return None
    try:
        return await _open(engine.build_read_only_url(path), may_create=False)
    except (DBAPIError, UnicodeDecodeError, StoreError):
        return None
