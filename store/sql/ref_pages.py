"""Reads all public refs of an endpoint with their decisions, page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.keys import PUBLIC, DecisionKey
from store.sql.recall import RECALLED_COLUMNS, join_decisions
from store.tables import refs

ROWS_PER_PAGE = 1_000

_IS_LISTED = (refs.c.scope == PUBLIC, refs.c.problem.is_(None), refs.c.commit_hash.is_not(None))

_PAGE = (
    select(refs.c.id, *RECALLED_COLUMNS)
    .select_from(join_decisions(refs))
    .where(refs.c.id > bindparam("after"), refs.c.endpoint == bindparam("endpoint"), *_IS_LISTED)
    .order_by(refs.c.id)
    .limit(ROWS_PER_PAGE)
)


async def read_ref_pages(
    connection: AsyncConnection, endpoint: str, decision_key: DecisionKey, author: str | None
) -> AsyncGenerator[list[Sequence[Any]]]:
    """Pages of rows as `reading.RecalledRow`, in order of insertion. `author`: the part before "/", in any letter case,
    of the requested or the canonical id.
    """
    query = _PAGE
    if author is not None:
        start = f"{author}/".lower()
        names = (refs.c.repo_id, refs.c.canonical_id)
        query = query.where(or_(*(func.lower(func.substr(name, 1, len(start))) == start for name in names)))
    parameters = {"endpoint": endpoint, "rules_id": decision_key.rules_id, "asked": decision_key.asked}
    after: Any = -(2**63)
    while rows := (await connection.execute(query, {**parameters, "after": after})).all():
        after = rows[-1][0]
        yield [row[1:] for row in rows]


async def read_endpoints(connection: AsyncConnection) -> list[str]:
    """The endpoints that have listed refs, sorted."""
    found = await connection.execute(select(refs.c.endpoint).where(*_IS_LISTED).distinct())
    return sorted(str(endpoint) for (endpoint,) in found)
