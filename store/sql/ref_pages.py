"""Reads all public refs of an endpoint with their decisions, page by page: as they are, or as they were at a moment."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.keys import PUBLIC, DecisionKey
from store.sql.recall import RECALLED_COLUMNS, join_decisions, list_recalled
from store.tables import ref_history, refs

ROWS_PER_PAGE = 1_000

_IS_LISTED = (refs.c.scope == PUBLIC, refs.c.problem.is_(None), refs.c.commit_hash.is_not(None))

_PAGE = (
    select(refs.c.id, *RECALLED_COLUMNS)
    .select_from(join_decisions(refs))
    .where(refs.c.id > bindparam("after"), refs.c.endpoint == bindparam("endpoint"), *_IS_LISTED)
    .order_by(refs.c.id)
    .limit(ROWS_PER_PAGE)
)


_PAST_PAGE = (
    select(ref_history.c.id, *list_recalled(ref_history))
    .select_from(join_decisions(ref_history.join(refs, refs.c.key == ref_history.c.key), ref_history))
    .where(
        ref_history.c.id > bindparam("after"),
        refs.c.endpoint == bindparam("endpoint"),
        refs.c.scope == PUBLIC,
        ref_history.c.changed_at <= bindparam("moment"),
        ref_history.c.replaced_at > bindparam("moment"),
    )
    .order_by(ref_history.c.id)
    .limit(ROWS_PER_PAGE)
)

_CHANGED_PAGE = _PAGE.where(refs.c.changed_at > bindparam("since"), refs.c.changed_at <= bindparam("moment"))


def read_ref_pages(
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
    return _read_pages(connection, query, endpoint, decision_key, {})


async def read_past_pages(
    connection: AsyncConnection, endpoint: str, decision_key: DecisionKey, *, moment_s: int, since_s: int
) -> AsyncGenerator[list[Sequence[Any]]]:
    """Pages of rows as `reading.RecalledRow`: the refs as they were at a moment, but for those that are the same since
    `since_s`, which is not later. Those that had changed again after the moment come last.
    """
    for query, bounds in ((_CHANGED_PAGE, {"moment": moment_s, "since": since_s}), (_PAST_PAGE, {"moment": moment_s})):
        async with aclosing(_read_pages(connection, query, endpoint, decision_key, bounds)) as pages:
            async for page in pages:
                yield page


async def _read_pages(
    connection: AsyncConnection,
    query: Select[Any],
    endpoint: str,
    decision_key: DecisionKey,
    bounds: Mapping[str, int],
) -> AsyncGenerator[list[Sequence[Any]]]:
    parameters = {"endpoint": endpoint, "rules_id": decision_key.rules_id, "asked": decision_key.asked, **bounds}
    after: Any = -(2**63)
    while rows := (await connection.execute(query, {**parameters, "after": after})).all():
        after = rows[-1][0]
        yield [row[1:] for row in rows]


async def read_endpoints(connection: AsyncConnection) -> list[str]:
    """The endpoints that have listed refs, sorted."""
    found = await connection.execute(select(refs.c.endpoint).where(*_IS_LISTED).distinct())
    return sorted(str(endpoint) for (endpoint,) in found)


async def count_refs(connection: AsyncConnection, endpoint: str) -> int:
    """How many refs of an endpoint are listed."""
    query = select(func.count()).select_from(refs).where(refs.c.endpoint == endpoint, *_IS_LISTED)
    return int((await connection.execute(query)).scalar_one())
