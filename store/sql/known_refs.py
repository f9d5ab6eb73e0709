"""Reads the known refs of a repo, with its other names, revisions and endpoints, for the offline error."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.checks import find_ref_problem
from store.rows import build_ref_row
from store.sql.repo_filter import build_repo_filter
from store.tables import refs

MAX_REFS = 100
"""Most refs that are read; a repo can have thousands."""


class KnownRef(NamedTuple):
    """A ref with a commit. `checked_at_s` is in seconds since 1970, UTC."""

    endpoint: str
    repo_id: str
    revision: str
    canonical_id: str
    commit_hash: str
    checked_at_s: int


async def read_known_refs(connection: AsyncConnection, repo_id: str, scopes: Collection[str]) -> list[KnownRef]:
    """Refs of a repo under any of its names, at any endpoint, that one of `scopes` may see, latest check first; without
    damaged ones.
    """
    query = (
        select(refs)
        .where(
            build_repo_filter([repo_id]),
            refs.c.scope.in_(scopes),
            refs.c.problem.is_(None),
            refs.c.commit_hash.is_not(None),
        )
        .order_by(refs.c.checked_at.desc(), refs.c.id)
        .limit(MAX_REFS)
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
        for row in (await connection.execute(query)).mappings()
        if find_ref_problem(build_ref_row(row)) is None
    ]
