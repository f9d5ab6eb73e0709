"""Exports a store, or some of its repos, to a bundle: one consistent snapshot, while others write."""

from __future__ import annotations

import asyncio
import logging
import time
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.bundle.format import ROWS_PER_BLOCK, BundleWriter, Header
from store.chunked import chunked
from store.errors import StoreError
from store.keys import PUBLIC
from store.rows import DecisionRow, FactsRow, Rows, build_ref_row, has_valid_digest
from store.sql.repo_filter import build_repo_filter
from store.store import MetadataStore
from store.tables import SCHEMA_VERSION, decisions, facts, refs

logger = logging.getLogger(__name__)

_REFS_PER_PAGE = 10_000
"""Refs per query when all refs are selected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """Counts of exported rows. `unknown` are the requested repos of which the store has nothing that may be exported.

    `damaged` counts rows that were omitted because they, or their facts, do not match their digest.
    """

    refs: int
    facts: int
    decisions: int
    damaged: int
    unknown: tuple[str, ...]


async def export_bundle(
    store: MetadataStore, path: Path, repo_ids: Collection[str] = (), *, with_private: bool = False
) -> ExportReport:
    """Export all repos of `store`, or those in `repo_ids` under all their names, to a bundle at `path`.

    Rows that only certain tokens may see are exported only `with_private`; refs to missing repos never are.

    Raises:
        StoreError: the store cannot be read, or the file cannot be written.
    """
    header = Header(schema=SCHEMA_VERSION, made_at_s=int(time.time()), with_private=with_private)
    try:
        with BundleWriter(path, header) as writer:
            async with store.snapshot() as connection:
                return await _export(connection, writer, sorted(set(repo_ids)), with_private=with_private)
    except OSError as error:
        raise StoreError(f"the bundle {path} cannot be written: {error}") from error


async def _export(
    connection: AsyncConnection, writer: BundleWriter, repo_ids: Sequence[str], *, with_private: bool
) -> ExportReport:
    is_exportable = and_(refs.c.problem.is_(None), refs.c.facts_id.is_not(None))
    if not with_private:
        is_exportable = and_(is_exportable, refs.c.scope == PUBLIC)
    ref_ids, facts_ids = array("q"), set[int]()
    unknown = list[str]()
    if repo_ids:
        for batch in chunked(repo_ids, ROWS_PER_BLOCK):
            unknown += await _select_repos(connection, is_exportable, batch, ref_ids, facts_ids)
    else:
        await _select_all(connection, is_exportable, ref_ids, facts_ids)
    facts_count, decisions_count, refs_count, damaged_count = 0, 0, 0, 0
    damaged_keys = set[int]()
    for ids in chunked(sorted(facts_ids), ROWS_PER_BLOCK):
        rows = await _read_facts(connection, ids)
        damaged_keys |= {row.key for row in rows.facts if not has_valid_digest(row)}
        valid = Rows(
            facts=[row for row in rows.facts if row.key not in damaged_keys],
            decisions=[row for row in rows.decisions if has_valid_digest(row) and row.facts_key not in damaged_keys],
        )
        damaged_count += len(rows.facts) - len(valid.facts) + len(rows.decisions) - len(valid.decisions)
        facts_count, decisions_count = facts_count + len(valid.facts), decisions_count + len(valid.decisions)
        await asyncio.to_thread(writer.write, valid)
    for ids in chunked(sorted(set(ref_ids)), ROWS_PER_BLOCK):
        query = select(refs).where(refs.c.id.in_(ids)).order_by(refs.c.id)
        read = [build_ref_row(columns) for columns in (await connection.execute(query)).mappings()]
        kept = [row for row in read if has_valid_digest(row) and row.facts_key not in damaged_keys]
        damaged_count += len(read) - len(kept)
        refs_count += len(kept)
        await asyncio.to_thread(writer.write, Rows(refs=kept))
    if damaged_count:
        logger.warning(
            "%d rows do not match their digest and were not exported: run `hubresolve store verify`", damaged_count
        )
    return ExportReport(
        refs=refs_count,
        facts=facts_count,
        decisions=decisions_count,
        damaged=damaged_count,
        unknown=tuple(unknown),
    )


async def _select_all(
    connection: AsyncConnection, is_exportable: ColumnElement[bool], ref_ids: array[int], facts_ids: set[int]
) -> None:
    """Add the row ids of all exportable refs and of their facts."""
    page = select(refs.c.id, refs.c.facts_id).where(is_exportable).order_by(refs.c.id).limit(_REFS_PER_PAGE)
    last_id = 0
    while rows := (await connection.execute(page.where(refs.c.id > last_id))).all():
        last_id = rows[-1].id
        ref_ids.extend(row.id for row in rows)
        facts_ids.update(row.facts_id for row in rows)


async def _select_repos(
    connection: AsyncConnection,
    is_exportable: ColumnElement[bool],
    repo_ids: Sequence[str],
    ref_ids: array[int],
    facts_ids: set[int],
) -> list[str]:
    """Add the row ids of the exportable refs of these repos, under all their names, and of their facts.

    Returns those of `repo_ids` that have none.
    """
    rows = (await connection.execute(_build_refs_query(repo_ids, is_exportable))).all()
    names = {name for row in rows for name in (row.repo_id, row.canonical_id) if name is not None}
    for batch in chunked(sorted(names), ROWS_PER_BLOCK):
        for row in await connection.execute(_build_refs_query(batch, is_exportable)):
            ref_ids.append(row.id)
            facts_ids.add(row.facts_id)
    return [repo_id for repo_id in repo_ids if repo_id not in names]


def _build_refs_query(repo_ids: Sequence[str], is_exportable: ColumnElement[bool]) -> Any:
    columns = (refs.c.id, refs.c.facts_id, refs.c.repo_id, refs.c.canonical_id)
    return select(*columns).where(build_repo_filter(repo_ids), is_exportable)


async def _read_facts(connection: AsyncConnection, ids: Sequence[int]) -> Rows:
    """The facts with these row ids, and the decisions on them."""
    found = await connection.execute(select(facts).where(facts.c.id.in_(ids)).order_by(facts.c.id))
    keys: dict[int, int] = {}
    rows = Rows()
    for columns in found.mappings():
        keys[columns["id"]] = columns["key"]
        rows.facts.append(FactsRow._make([columns[name] for name in FactsRow._fields]))
    found = await connection.execute(select(decisions).where(decisions.c.facts_id.in_(ids)))
    for columns in found.mappings():
        if columns["facts_id"] in keys:
            values = [columns[name] for name in DecisionRow._fields[1:]]
            rows.decisions.append(DecisionRow(keys[columns["facts_id"]], *values))
    return rows
