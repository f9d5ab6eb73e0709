"""Reads all refs of one repo, under each of its names and spellings: those of a commit, and tombstones."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.checks import find_ref_problem
from store.rows import RefRow, build_ref_row
from store.sql.dialect import Dialect
from store.tables import refs


async def read_repo_refs(
    connection: AsyncConnection, dialect: Dialect, endpoint: str, repo_id: str, scopes: Collection[str]
) -> list[RefRow]:
    """The refs of a repo at an endpoint in `scopes`, of any kind, without damaged ones.

    Names lead to further names, until no more are found: an old name to the id that the Hub answered with, and back.
    """
    found: dict[int, RefRow] = {}
    names, new_names = set[str](), {repo_id}
    while new_names:
        names |= new_names
        wanted = sorted(new_names)
        is_repo = or_(dialect.build_spelling_filter(wanted), refs.c.canonical_id.in_(wanted))
        query = select(refs).where(is_repo, refs.c.endpoint == endpoint, refs.c.scope.in_(scopes))
        new_names = set()
        for columns in (await connection.execute(query)).mappings():
            row = build_ref_row(columns)
            if row.key not in found and find_ref_problem(row) is None:
                found[row.key] = row
                new_names |= {row.repo_id, row.canonical_id or row.repo_id} - names
    return list(found.values())
