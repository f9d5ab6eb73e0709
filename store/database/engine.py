"""Builds the SQLAlchemy engine of a store, and configures its connections and transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from store.database.forking import abandon_in_forks
from store.errors import StoreError

BUSY_TIMEOUT_MS = 1_000
"""Longest wait of one attempt to write for another process's transaction. `Database.write` makes many attempts."""

MAX_VALUE_BYTES = 64 * 2**20
"""The longest value that SQLite reads or writes; those of the store are far shorter. It bounds what a damaged file can
make the process allocate.
"""

SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    # In WAL mode this cannot corrupt the file; a power cut may lose the last transactions, a killed process none.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",
    # In KiB; a look-up of many keys reads pages all over the file.
    "PRAGMA cache_size=-16384",
    # A page whose cells overlap is reported as damaged instead of read.
    "PRAGMA cell_size_check=ON",
    # No function with side effects runs because a damaged or prepared file names it.
    "PRAGMA trusted_schema=OFF",
)

MAX_CONNECTIONS = 3
"""Connections of a process to PostgreSQL, which allows 100 in all by default: one for advisory locks, one that writes,
one that reads.
"""

CONNECT_TIMEOUT_S = 10.0

SQLITE, POSTGRESQL = "sqlite+aiosqlite", "postgresql+asyncpg"
IN_MEMORY = ":memory:"

_BEGIN_OPTION = "hubresolve_begin"
"""The execution option that holds the statement by which a transaction on SQLite begins."""


def parse_location(location: str | Path) -> URL:
    """The SQLAlchemy URL of a store given as a file path or as a URL.

    Raises:
        StoreError: the URL is for a database that the store does not support.
    """
    text = str(location)
    if "://" not in text:
        return URL.create(SQLITE, database=text if text == IN_MEMORY else str(Path(text).expanduser()))
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise StoreError(
            "the store's URL cannot be parsed; give a file path, or a URL such as sqlite+aiosqlite:///path"
        ) from error
    url = url.set(drivername={"sqlite": SQLITE, "postgresql": POSTGRESQL}.get(url.drivername, url.drivername))
    if url.drivername not in (SQLITE, POSTGRESQL):
        raise StoreError(
            f"the store cannot use {url.drivername!r}; give a file path, a {SQLITE} URL or a {POSTGRESQL} URL"
        )
    return url


def is_sqlite(url: URL) -> bool:
    """Whether the store is a SQLite file, not a PostgreSQL database."""
    return url.drivername == SQLITE


def get_path(url: URL) -> Path | None:
    """The file of the store; None where it is a PostgreSQL database, in memory, or given as a `file:` URI of SQLite."""
    is_path = is_sqlite(url) and url.database and url.database != IN_MEMORY and "uri" not in url.query
    return Path(str(url.database)) if is_path else None


def build_read_only_url(path: Path) -> URL:
    """The URL of a store's file in a place where nothing can be written, and that no process writes to."""
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    return URL.create(SQLITE, database=f"file:{quote(str(path.absolute()))}", query=query)


def render_url(url: URL) -> str:
    """The store's name in messages: its path, or its URL without the password."""
    return str(url.database) if is_sqlite(url) else url.set(password=None, query={}).render_as_string()


def build_engine(url: URL) -> AsyncEngine:
    """An engine for `url`. It connects at its first use.

    Raises:
        StoreError: the driver is not installed.
    """
    if is_sqlite(url):
        # No rollback when a connection returns to the pool: reads use no transaction, and writes end their own.
        connect_args = {"factory": _BoundedConnection}
        engine = create_async_engine(url, pool_reset_on_return=None, connect_args=connect_args)
        event.listen(engine.sync_engine, "connect", _configure_connection)
        event.listen(engine.sync_engine, "begin", _begin_transaction)
        return engine
    try:
        # Autocommit: each statement of a read sees what is committed. Pre-ping replaces connections the server closed.
        return create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_pre_ping=True,
            pool_size=MAX_CONNECTIONS,
            max_overflow=0,
            connect_args={"timeout": CONNECT_TIMEOUT_S},
        )
    except ImportError as error:
        raise StoreError("a PostgreSQL store needs asyncpg: pip install 'hubresolve[postgres]'") from error


def build_write_options(url: URL) -> dict[str, Any]:
    """Execution options of a connection for a transaction that writes."""
    return {_BEGIN_OPTION: "BEGIN IMMEDIATE"} if is_sqlite(url) else {"isolation_level": "READ COMMITTED"}


def build_snapshot_options(url: URL) -> dict[str, Any]:
    """Execution options of a connection for a transaction whose reads all see the same state of the store."""
    if is_sqlite(url):
        return {_BEGIN_OPTION: "BEGIN"}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class _BoundedConnection(sqlite3.Connection):
    """A connection that refuses values longer than `MAX_VALUE_BYTES`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)


def is_undecodable_text(error: BaseException | None) -> bool:
    """Whether the driver found a text that is not UTF-8: SQLite stores any bytes as a text."""
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith("Could not decode to UTF-8")


def is_away_error(error: BaseException) -> bool:
    """Whether PostgreSQL could not be reached, or has ended the connection: it may come back."""
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        # Connection errors, too many connections, the server shuts down or starts.
        return error.connection_invalidated or state.startswith(("08", "57P")) or state == "53300"
    return isinstance(error, (OSError, PoolTimeoutError))


@asynccontextmanager
async def decoding_any_text(connection: AsyncConnection) -> AsyncIterator[None]:
    """Read texts that are not UTF-8 as well, with surrogates for the other bytes: one damaged row must not hide the
    rest. It takes longer for each text.
    """
    if not is_sqlite(connection.engine.url):
        yield
        return
    driver: Any = (await connection.get_raw_connection()).driver_connection
    driver.text_factory = _decode_any_text
    try:
        yield
    finally:
        # A connection that was closed meanwhile has no text factory.
        with suppress(ValueError):
            driver.text_factory = str


def _decode_any_text(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _configure_connection(connection: Any, _record: object) -> None:
    # The driver begins no transactions by itself; _begin_transaction does, so that a writer waits for its lock first.
    connection.isolation_level = None
    abandon_in_forks(connection.driver_connection)
    try:
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
    except BaseException:
        # The pool does not own the connection yet, and would never end its thread.
        connection.close()
        raise


def _begin_transaction(connection: Connection) -> None:
    if begin := connection.get_execution_options().get(_BEGIN_OPTION):
        connection.exec_driver_sql(begin)
