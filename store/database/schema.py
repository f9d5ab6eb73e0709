"""Checks the schema of a database, creates it in an empty one, and upgrades an older one in place.

Every other database is refused and not changed.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, Integer, cast, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import filling
from store.database.corruption import APPLICATION_ID, is_busy_error
from store.database.engine import build_write_options, is_sqlite, render_url
from store.errors import DamagedStoreError, SchemaMismatchError, StoreMissingError
from store.tables import SCHEMA_VERSION, metadata, schema_version
from store.views import EARLIER_SQLITE_VIEWS, POSTGRES_VIEWS, SQLITE_VIEWS

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parents[1] / "migrations"

MAX_NEWER_VERSION = 1_000
"""A higher version in the header of a file is damage."""

MAX_BUSY_ATTEMPTS = 30
"""Attempts to create or upgrade a schema while another process holds the lock; each waits about a second."""

BUSY_PAUSE_S = 0.1
"""Pause between two of them: SQLite does not wait for every kind of lock."""

VIEWS_SCHEMA = 8
"""The last schema that changed the views."""

_KINDS = ("table", "index", "view", "trigger")
"""The types of what a schema of SQLite has."""


class SchemaState(enum.Enum):
    """The state of a database that is not refused."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"


async def prepare_schema(engine: AsyncEngine, *, may_create: bool) -> None:
    """Create or upgrade the schema, where the database of `engine` does not have the current one.

    Raises:
        SchemaMismatchError: the database holds anything else; it was not changed.
        DamagedStoreError: the database was a store, and its header or tables are damaged; it was not changed.
        StoreMissingError: the database is empty, and `may_create` is false.
    """
    looked_damaged = False
    for attempt in range(1, MAX_BUSY_ATTEMPTS + 1):
        try:
            await _prepare_schema(engine, may_create=may_create)
            return
        except DamagedStoreError:
            # Between two reads another process may have upgraded the store: only what stays so is damaged.
            if looked_damaged or attempt == MAX_BUSY_ATTEMPTS:
                raise
            looked_damaged = True
        except DBAPIError as error:
            if attempt == MAX_BUSY_ATTEMPTS or not is_busy_error(error.orig):
                raise
        await asyncio.sleep(BUSY_PAUSE_S)


async def _prepare_schema(engine: AsyncEngine, *, may_create: bool) -> None:
    version = None
    async with engine.connect() as connection:
        state = await connection.run_sync(_read_state)
        if state is SchemaState.CURRENT:
            return
        if state is SchemaState.OLDER:
            version = await connection.run_sync(_read_version)
        if state is SchemaState.EMPTY and not may_create:
            raise StoreMissingError(f"there is no store at {render_url(engine.url)}")
        if state is SchemaState.EMPTY and is_sqlite(connection.engine.url):
            # Outside a transaction, and only in an empty file: SQLite stores the journal mode in the file.
            await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    if version in filling.BEFORE:
        await filling.fill_in_advance(engine)
    async with engine.connect() as connection:
        connection = await connection.execution_options(**build_write_options(engine.url))
        async with connection.begin():
            await connection.run_sync(_create_or_upgrade)


def _create_or_upgrade(connection: Connection) -> None:
    """Create or upgrade the schema, in one transaction. Of two processes at once the second finds the work done."""
    if not is_sqlite(connection.engine.url):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")
    match _read_state(connection):
        case SchemaState.EMPTY:
            metadata.create_all(connection)
            _create_views(connection)
            connection.execute(schema_version.insert().values(version_num=str(SCHEMA_VERSION)))
        case SchemaState.OLDER:
            _upgrade(connection)
            _create_views(connection)
        case SchemaState.CURRENT:
            return
    if is_sqlite(connection.engine.url):
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")


def _create_views(connection: Connection) -> None:
    """Create the views, in place of those of an earlier schema."""
    for name, statement in (SQLITE_VIEWS if is_sqlite(connection.engine.url) else POSTGRES_VIEWS).items():
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
        connection.exec_driver_sql(statement)


def _read_state(connection: Connection) -> SchemaState:
    is_file = is_sqlite(connection.engine.url)
    return _read_sqlite_state(connection) if is_file else _read_postgres_state(connection)


def _read_sqlite_state(connection: Connection) -> SchemaState:
    # One statement: another process cannot create the store between two reads.
    row = connection.exec_driver_sql(
        "SELECT (SELECT count(*) FROM sqlite_master), application_id, user_version "
        "FROM pragma_application_id, pragma_user_version"
    )
    tables, application_id, version = row.one()
    if application_id == APPLICATION_ID:
        if version <= SCHEMA_VERSION:
            # A newer release may have other views: its store is refused below, and is not damaged.
            _refuse_views(connection, EARLIER_SQLITE_VIEWS if version < VIEWS_SCHEMA else SQLITE_VIEWS)
        _check_header(version, connection)
        state = _compare_version(version, connection)
        if state is SchemaState.CURRENT:
            _check_columns(connection)
        return state
    if application_id or version or tables:
        if _has_all_tables(connection):
            raise DamagedStoreError(f"{render_url(connection.engine.url)} has a damaged header")
        raise SchemaMismatchError(
            f"{render_url(connection.engine.url)} is a database, but not a hubresolve store; it was not changed"
        )
    return SchemaState.EMPTY


def _refuse_views(connection: Connection, views: Mapping[str, str]) -> None:
    """Refuse what would compute its rows when it is read, but for our own views: such rows may be endless.

    Where only the name or only the text is that of one of our views, or the type is none, the file is damaged.
    """
    found = connection.exec_driver_sql(
        "SELECT type, name, sql FROM sqlite_master WHERE type NOT IN ('table', 'index') OR sql LIKE 'CREATE VIRTUAL%' "
        "UNION ALL SELECT 'view', column.name, '' FROM sqlite_master AS item, pragma_table_xinfo(item.name) AS column "
        "WHERE item.type = 'table' AND column.hidden"
    )
    others = [row for row in found if views.get(row.name) != row.sql]
    url = render_url(connection.engine.url)
    for kind, name, sql in others:
        if kind in _KINDS and name not in views and sql not in views.values():
            raise SchemaMismatchError(
                f"{url} computes {name!r} when it is read, as no store does; it was not changed: use another store"
            )
    if others:
        raise DamagedStoreError(f"{url} has a damaged schema")


def _check_header(version: int, connection: Connection) -> None:
    """Compare the version in the header with the one in the table, which a flipped bit makes different.

    A header that says a version to come is believed: a store of a newer release must not be moved aside.
    """
    if not inspect(connection).has_table(schema_version.name):
        return
    stored = connection.execute(select(cast(schema_version.c.version_num, Integer))).scalar()
    is_newer = SCHEMA_VERSION < version < MAX_NEWER_VERSION
    if version != stored and not is_newer and stored in range(1, SCHEMA_VERSION + 1):
        raise DamagedStoreError(
            f"{render_url(connection.engine.url)} has schema {version} in its header, but {stored} in its tables"
        )


def _check_columns(connection: Connection) -> None:
    found = connection.exec_driver_sql(
        "SELECT item.name, column.name FROM sqlite_master AS item, pragma_table_xinfo(item.name) AS column "
        "WHERE item.type = 'table'"
    )
    missing = {(table.name, column.name) for table in metadata.sorted_tables for column in table.c} - {
        (str(table), str(column)) for table, column in found
    }
    if missing:
        names = ", ".join(f"{table}.{column}" for table, column in sorted(missing))
        raise DamagedStoreError(f"{render_url(connection.engine.url)} has no {names}")


def _read_version(connection: Connection) -> int:
    """The schema of an older store."""
    if not inspect(connection).has_table(schema_version.name):
        return 1
    return int(connection.execute(select(schema_version.c.version_num)).scalar_one())


def _has_all_tables(connection: Connection) -> bool:
    found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
    return set(metadata.tables) <= set(found)


def _read_postgres_state(connection: Connection) -> SchemaState:
    own_tables, tables = set(metadata.tables), set(inspect(connection).get_table_names())
    if not own_tables & tables:
        return SchemaState.EMPTY
    if schema_version.name not in tables:
        raise SchemaMismatchError(
            f"{render_url(connection.engine.url)} has tables of another program; it was not changed: give hubresolve a "
            "separate database"
        )
    return _compare_version(int(connection.execute(select(schema_version.c.version_num)).scalar_one()), connection)


def _compare_version(version: int, connection: Connection) -> SchemaState:
    if not 1 <= version <= SCHEMA_VERSION:
        raise SchemaMismatchError(
            f"{render_url(connection.engine.url)} has store schema {version}, but this version of hubresolve needs "
            f"schema {SCHEMA_VERSION}; it was not changed: use the version that wrote it, or another store"
        )
    return SchemaState.CURRENT if version == SCHEMA_VERSION else SchemaState.OLDER


def _upgrade(connection: Connection) -> None:
    # Imported here: opening a store with the current schema does not need alembic.
    from alembic import command
    from alembic.config import Config

    version_table = schema_version.name
    if not inspect(connection).has_table(version_table):
        # Schema 1 had no such table.
        schema_version.create(connection)
        connection.execute(schema_version.insert().values(version_num="1"))
    logger.info("upgrading the store %s to schema %d", render_url(connection.engine.url), SCHEMA_VERSION)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, str(SCHEMA_VERSION))
