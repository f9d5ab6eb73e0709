"""The SQLAlchemy engine of a store, and what SQLite is told on every connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from store.errors import StoreError

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another process's transaction."""

SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    # In WAL mode this cannot corrupt the file; a power cut may lose the last transactions, a killed process none.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",
    # KiB; looking up many ids touches pages all over the file.
    "PRAGMA cache_size=-16384",
)

WRITE = {"hubresolve_write": True}
"""Execution options of a connection that writes. Every other one runs each statement on its own."""


def store_url(location: str | Path) -> URL:
    """The SQLAlchemy URL of a store given as a file path or as a URL.

    Raises:
        StoreError: a URL that names a database this package does not work with.
    """
    text = str(location)
    if "://" not in text:
        return URL.create("sqlite+aiosqlite", database=text if text == ":memory:" else str(Path(text).expanduser()))
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise StoreError("the store's URL cannot be read; write sqlite+aiosqlite:///path, or a plain path") from error
    if url.drivername == "sqlite":
        url = url.set(drivername="sqlite+aiosqlite")
    if url.drivername != "sqlite+aiosqlite":
        raise StoreError(f"a store is a file path or a sqlite+aiosqlite URL, not {url.drivername!r}")
    return url


def make_place(url: URL) -> None:
    """Make the folder that the database's file belongs in.

    Raises:
        StoreError: the path is a folder itself.
        OSError: the folder cannot be made.
    """
    if url.database and url.database != ":memory:":
        path = Path(url.database)
        if path.is_dir():
            raise StoreError(f"the store {path} is a folder; name a file")
        path.parent.mkdir(parents=True, exist_ok=True)


def open_engine(url: URL) -> AsyncEngine:
    """An engine for `url`. Nothing is opened before the first use."""
    engine = create_async_engine(url)
    event.listen(engine.sync_engine, "connect", _configure)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: object) -> None:
    # The driver starts no transactions of its own; _begin does, so that a writer waits for its turn at the start.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("hubresolve_write", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
