"""The SQLAlchemy engine of a store, and what the database is told on every connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

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

SQLITE, POSTGRESQL = "sqlite+aiosqlite", "postgresql+asyncpg"
IN_MEMORY = ":memory:"


def store_url(location: str | Path) -> URL:
    """The SQLAlchemy URL of a store given as a file path or as a URL.

    Raises:
        StoreError: a URL that names a database this package does not work with.
    """
    text = str(location)
    if "://" not in text:
        return URL.create(SQLITE, database=text if text == IN_MEMORY else str(Path(text).expanduser()))
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise StoreError("the store's URL cannot be read; write sqlite+aiosqlite:///path, or a plain path") from error
    url = url.set(drivername={"sqlite": SQLITE, "postgresql": POSTGRESQL}.get(url.drivername, url.drivername))
    if url.drivername not in (SQLITE, POSTGRESQL):
        raise StoreError(f"a store is a file path, a {SQLITE} or a {POSTGRESQL} URL, not {url.drivername!r}")
    return url


def is_sqlite(url: URL) -> bool:
    """Whether the store is a file, not a server."""
    return url.drivername == SQLITE


def path_of(url: URL) -> Path | None:
    """The file of the store; None where it is a server, in memory, or named by a URI of SQLite's own."""
    is_path = is_sqlite(url) and url.database and url.database != IN_MEMORY and "uri" not in url.query
    return Path(str(url.database)) if is_path else None


def read_only(path: Path) -> URL:
    """The URL of a store's file that nobody writes to and that lies where nothing can be written."""
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    return URL.create(SQLITE, database=f"file:{quote(str(path.absolute()))}", query=query)


def name_of(url: URL) -> str:
    """How the store is named in messages: its path, or its URL without the password."""
    return str(url.database) if is_sqlite(url) else url.set(password=None, query={}).render_as_string()


def open_engine(url: URL) -> AsyncEngine:
    """An engine for `url`. Nothing is opened before the first use.

    Raises:
        StoreError: the driver is not installed.
    """
    if is_sqlite(url):
        # Nothing is left open that a rollback would end: reading is in no transaction, and writing ends its own.
        engine = create_async_engine(url, pool_reset_on_return=None)
        event.listen(engine.sync_engine, "connect", _configure)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine
    try:
        # What reads runs each statement on its own; a connection that the server has closed is opened again.
        return create_async_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
    except ImportError as error:
        raise StoreError("a PostgreSQL store needs asyncpg: pip install 'hubresolve[postgres]'") from error


def write_options(url: URL) -> dict[str, Any]:
    """Execution options of a connection that writes, in a transaction."""
    return {"hubresolve_begin": "BEGIN IMMEDIATE"} if is_sqlite(url) else {"isolation_level": "READ COMMITTED"}


def snapshot_options(url: URL) -> dict[str, Any]:
    """Execution options of a connection that reads, in a transaction that sees one moment of the store throughout."""
    if is_sqlite(url):
        return {"hubresolve_begin": "BEGIN"}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def _configure(connection: Any, _record: object) -> None:
    # The driver starts no transactions of its own; _begin does, so that a writer waits for its turn at the start.
    connection.isolation_level = None
    try:
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
    except BaseException:
        # The pool has not taken it yet, and would forget its thread.
        connection.close()
        raise


def _begin(connection: Connection) -> None:
    if begin := connection.get_execution_options().get("hubresolve_begin"):
        connection.exec_driver_sql(begin)
