"""Reads and writes the registry updates of a store."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import LargeBinary, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.releases.update import LIBRARIES, MAX_TABLE_BYTES, RegistryUpdate, ReleaseError
from store.rows import compute_digest, matches_digest
from store.tables import registry_updates

_COLUMNS = ("library", "version", "source", "read_at", "body", "digest")
MAX_UPDATES = 64
"""Rows that are read; a store has one for each library."""


async def read_updates(connection: AsyncConnection) -> tuple[list[RegistryUpdate], dict[Any, str]]:
    """The updates of a store in the order of `LIBRARIES`, and the problem of each damaged row, by its primary key."""
    # A longer body is cut, and so does not match its digest: it is never in memory.
    body = func.substr(registry_updates.c.body, 1, MAX_TABLE_BYTES, type_=LargeBinary()).label("body")
    columns = (body if name == "body" else registry_updates.c[name] for name in _COLUMNS)
    query = select(*columns).limit(MAX_UPDATES)
    found: dict[str, RegistryUpdate] = {}
    problems: dict[Any, str] = {}
    for row in await connection.execute(query):
        try:
            update = _decode(tuple(row))
            update.decode()
        except (ReleaseError, TypeError, ValueError, OverflowError, zlib.error) as error:
            problems[row.library] = f"the registry update of {row.library!r:.60} is damaged: {error}"
            continue
        found[update.library] = update
    return [found[name] for name in LIBRARIES if name in found], problems


async def write_updates(connection: AsyncConnection, updates: Sequence[RegistryUpdate]) -> None:
    """Store `updates`, each in place of the one of its library."""
    for update in updates:
        await connection.execute(delete(registry_updates).where(registry_updates.c.library == update.library))
        await connection.execute(registry_updates.insert().values(_encode(update)))


async def remove_updates(connection: AsyncConnection) -> int:
    """Remove all updates; returns how many there were."""
    return (await connection.execute(delete(registry_updates))).rowcount


def _encode(update: RegistryUpdate) -> dict[str, object]:
    body = zlib.compress(update.tables)
    values = (update.library, update.version, update.source, update.read_at_s, body)
    return dict(zip(_COLUMNS, (*values, compute_digest(values)), strict=True))


def _decode(row: tuple[object, ...]) -> RegistryUpdate:
    """The update in a row, whose values may be of any type."""
    *values, digest = row
    if not matches_digest(tuple(values), digest):
        raise ValueError("it does not match its digest")
    library, version, source, read_at_s, body = values
    if not isinstance(body, bytes) or not isinstance(read_at_s, int):
        raise TypeError("a value is of another type")
    inflate = zlib.decompressobj()
    tables = inflate.decompress(body, MAX_TABLE_BYTES + 1)
    return RegistryUpdate(
        library=str(library), version=str(version), source=str(source), read_at_s=read_at_s, tables=tables
    )
