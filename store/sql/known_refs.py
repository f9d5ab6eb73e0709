"""What a store knows that is close to what was asked for in vain: a repo's other names, revisions and endpoints."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.repo_filter import is_about
from store.tables import refs

MOST_REFS = 100


class KnownRef(NamedTuple):
    """A ref that leads to a commit. `checked_at_s` is in seconds since 1970, UTC."""

    endpoint: str
    repo_id: str
    revision: str
    canonical_id: str
    commit_hash: str
    checked_at_s: int


async def read_refs_about(connection: AsyncConnection, repo_id: str, scopes: Collection[str]) -> list[KnownRef]:
    """Refs of a repo under this name or another, at any endpoint, that one of `scopes` may see, latest first."""
    found = (
        select(refs)
        .where(
            is_about([repo_id]),
            refs.c.scope.in_(scopes),
            refs.c.problem.is_(None),
            refs.c.commit_hash.is_not(None),
        )
        .order_by(refs.c.checked_at.desc(), refs.c.id)
        .limit(MOST_REFS)
    )
    return [
        KnownRef(
            endpoint=row["endpoint"],
            repo_id=row["repo_id"],
            revision=row["revision"],
            canonical_id=row["canonical_id"] or row["repo_id"],
            commit_hash=row["commit_hash"],
            checked_at_s=row["checked_at"],
        )
        for row in (await connection.execute(found)).mappings()
    ]
