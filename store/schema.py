"""Which schema a database holds: its own is accepted, an empty file gets it, every other is refused untouched."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from store.engine import WRITE
from store.errors import SchemaMismatchError
from store.tables import metadata

SCHEMA_VERSION = 1

APPLICATION_ID = 0x68755273
"""Marks a SQLite file as ours ("huRs"), in the header field that SQLite keeps for this purpose."""


async def prepare(engine: AsyncEngine) -> None:
    """Make sure that `engine` leads to a database of this schema.

    Raises:
        SchemaMismatchError: it holds anything else; nothing was changed.
    """
    async with engine.connect() as connection:
        if await connection.run_sync(_is_ready):
            return
        # Outside a transaction, and only for a file that is empty: this is written into the file itself.
        await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    async with engine.connect() as connection:
        connection = await connection.execution_options(**WRITE)
        async with connection.begin():
            await connection.run_sync(_create)


def _is_ready(connection: Connection) -> bool:
    """Whether the schema is there; false for an empty database."""
    application_id = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    name = connection.engine.url.database
    if application_id == APPLICATION_ID:
        if version == SCHEMA_VERSION:
            return True
        raise SchemaMismatchError(
            f"{name} has store schema {version}, and this version of hubresolve works with {SCHEMA_VERSION}; "
            "it was left as it is: use the version that wrote it, or name another store"
        )
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    if application_id or version or tables:
        raise SchemaMismatchError(f"{name} is a database, but not a hubresolve store; it was left as it is")
    return False


def _create(connection: Connection) -> None:
    # Two processes may have found the same empty file; the second to get here finds the work done.
    if not _is_ready(connection):
        metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
