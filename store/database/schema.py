"""Which schema a database holds: its own is accepted, an older one upgraded in place, an empty database gets it, and
every other is refused untouched.
"""

from __future__ import annotations

import enum
import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, select
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database.corruption import APPLICATION_ID
from store.database.engine import is_sqlite, name_of, write_options
from store.errors import SchemaMismatchError, StoreMissingError
from store.tables import SCHEMA_VERSION, metadata, schema_version

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parents[1] / "migrations"


class SchemaState(enum.Enum):
    """What was found in a database that is not refused."""

    EMPTY = "empty"
    OLDER = "older"
    READY = "ready"


async def prepare(engine: AsyncEngine, *, may_create: bool) -> None:
    """Make sure that `engine` leads to a database of this schema.

    Raises:
        SchemaMismatchError: it holds anything else; nothing was changed.
        StoreMissingError: it is empty, and `may_create` is false.
    """
    async with engine.connect() as connection:
        state = await connection.run_sync(_state)
        if state is SchemaState.READY:
            return
        if state is SchemaState.EMPTY and not may_create:
            raise StoreMissingError(f"there is no store at {name_of(engine.url)}")
        if state is SchemaState.EMPTY and is_sqlite(connection.engine.url):
            # Outside a transaction, and only for a file that is empty: this is written into the file itself.
            await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    async with engine.connect() as connection:
        connection = await connection.execution_options(**write_options(engine.url))
        async with connection.begin():
            await connection.run_sync(_make_ready)


def _make_ready(connection: Connection) -> None:
    """Create or upgrade, in one transaction. Of two processes at once the second finds the work done."""
    if not is_sqlite(connection.engine.url):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")
    match _state(connection):
        case SchemaState.EMPTY:
            metadata.create_all(connection)
            connection.execute(schema_version.insert().values(version_num=str(SCHEMA_VERSION)))
        case SchemaState.OLDER:
            _upgrade(connection)
        case SchemaState.READY:
            return
    if is_sqlite(connection.engine.url):
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")


def _state(connection: Connection) -> SchemaState:
    return _sqlite_state(connection) if is_sqlite(connection.engine.url) else _server_state(connection)


def _sqlite_state(connection: Connection) -> SchemaState:
    # One statement, so that another process cannot create the store between two.
    found = connection.exec_driver_sql(
        "SELECT (SELECT count(*) FROM sqlite_master), application_id, user_version "
        "FROM pragma_application_id, pragma_user_version"
    )
    tables, application_id, version = found.one()
    if application_id == APPLICATION_ID:
        return _state_of(version, connection)
    if application_id or version or tables:
        raise SchemaMismatchError(
            f"{name_of(connection.engine.url)} is a database, but not a hubresolve store; it was left as it is"
        )
    return SchemaState.EMPTY


def _server_state(connection: Connection) -> SchemaState:
    ours, there = set(metadata.tables), set(inspect(connection).get_table_names())
    if not ours & there:
        return SchemaState.EMPTY
    if schema_version.name not in there:
        raise SchemaMismatchError(
            f"{name_of(connection.engine.url)} has tables of another program; it was left as it is: give hubresolve a "
            "database of its own"
        )
    return _state_of(int(connection.execute(select(schema_version.c.version_num)).scalar_one()), connection)


def _state_of(version: int, connection: Connection) -> SchemaState:
    if not 1 <= version <= SCHEMA_VERSION:
        raise SchemaMismatchError(
            f"{name_of(connection.engine.url)} has store schema {version}, and this version of hubresolve works with "
            f"{SCHEMA_VERSION}; it was left as it is: use the version that wrote it, or name another store"
        )
    return SchemaState.READY if version == SCHEMA_VERSION else SchemaState.OLDER


def _upgrade(connection: Connection) -> None:
    # Loaded here, since opening a store that is up to date needs none of it.
    from alembic import command
    from alembic.config import Config

    version = schema_version.name
    if not inspect(connection).has_table(version):
        # The first schema had no such table.
        schema_version.create(connection)
        connection.execute(schema_version.insert().values(version_num="1"))
    logger.info("upgrading the store %s to schema %d", name_of(connection.engine.url), SCHEMA_VERSION)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, str(SCHEMA_VERSION))
