"""Reads and writes how far listings of the Hub were read: the next page, and until when all changes are known."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.repo_names import is_repo_name
from store.keys import PUBLIC
from store.records import ListingState
from store.rows import compute_digest, matches_digest
from store.tables import listings, refs

ROWS_PER_PAGE = 1_000

_COLUMNS = ("endpoint", "scope", "query", "next_url", "sort", "started_at", "known_until", "digest")
_DEFAULT_REVISION = "main"


async def read_listing(connection: AsyncConnection, endpoint: str, scope: str, query: str) -> ListingState | None:
    """The state of a listing; None where there is none, or its row is damaged."""
    found = await connection.execute(
        select(*(listings.c[name] for name in _COLUMNS)).where(*_find(endpoint, scope, query))
    )
    row = found.first()
    return _decode(tuple(row)) if row is not None else None


async def write_listing(
    connection: AsyncConnection, endpoint: str, scope: str, query: str, state: ListingState
) -> None:
    """Store the state of a listing in place of an earlier one."""
    values = (endpoint, scope, query, state.next_url, state.sort, state.started_at_s, state.known_until_s)
    await connection.execute(delete(listings).where(*_find(endpoint, scope, query)))
    row = dict(zip(_COLUMNS, (*values, compute_digest(values)), strict=True))
    await connection.execute(listings.insert().values(row))


async def read_damaged_listings(connection: AsyncConnection) -> list[tuple[Any, ...]]:
    """The primary keys of damaged rows."""
    rows = await connection.execute(select(*(listings.c[name] for name in _COLUMNS)))
    return [tuple(row)[:3] for row in rows if _decode(tuple(row)) is None]


async def remove_listings(connection: AsyncConnection) -> None:
    """Remove all states: the next run of each listing begins anew."""
    await connection.execute(delete(listings))


async def read_unseen(
    connection: AsyncConnection, endpoint: str, before_s: int, author: str | None
) -> AsyncGenerator[list[str]]:
    """Pages of the canonical ids whose default branch was last checked before `before_s` (seconds since 1970, UTC), and
    that were public then; with `author`, of this user or organisation.
    """
    query = (
        select(refs.c.id, refs.c.repo_id)
        .where(
            refs.c.id > bindparam("after"),
            refs.c.endpoint == endpoint,
            refs.c.scope == PUBLIC,
            refs.c.revision == _DEFAULT_REVISION,
            refs.c.commit_hash.is_not(None),
            refs.c.canonical_id.is_(None),
            refs.c.checked_at < before_s,
        )
        .order_by(refs.c.id)
        .limit(ROWS_PER_PAGE)
    )
    if author is not None:
        start = f"{author}/".lower()
        query = query.where(func.lower(func.substr(refs.c.repo_id, 1, len(start))) == start)
    after: Any = -(2**63)
    while rows := (await connection.execute(query, {"after": after})).all():
        after = rows[-1][0]
        yield [name for _, name in rows if isinstance(name, str) and is_repo_name(name)]


def _find(endpoint: str, scope: str, query: str) -> tuple[Any, ...]:
    return (listings.c.endpoint == endpoint, listings.c.scope == scope, listings.c.query == query)


def _decode(row: tuple[Any, ...]) -> ListingState | None:
    """The state in a row, whose values may be of any type; None where it is damaged."""
    *values, digest = row
    is_valid = matches_digest(tuple(values), digest)
    next_url, sort, started_at_s, known_until_s = values[3:]
    is_typed = (
        isinstance(next_url, str | None)
        and isinstance(sort, str | None)
        and isinstance(started_at_s, int | None)
        and isinstance(known_until_s, int | None)
    )
    if not is_valid or not is_typed:
        return None
    return ListingState(next_url=next_url, sort=sort, started_at_s=started_at_s, known_until_s=known_until_s)
