"""Exports a store, or some of its repos, to a bundle: one consistent snapshot, while others write."""

from __future__ import annotations

import asyncio
import logging
import stat
import time
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.repo_names import is_repo_name
from store.bundle.format import ROWS_PER_BLOCK, BundleWriter, Header
from store.checks import find_decision_problem, find_facts_problem, find_ref_problem
from store.chunked import chunked
from store.errors import StoreError
from store.keys import PUBLIC
from store.rows import DecisionRow, FactsRow, Rows, build_ref_row
from store.sql.repo_filter import build_repo_filter
from store.store import MetadataStore
from store.tables import ROWS_SCHEMA, decisions, facts, refs

logger = logging.getLogger(__name__)

_REFS_PER_PAGE = 10_000
"""Refs per query when all refs are selected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """Counts of exported rows. `unknown` are the requested repos of which the store has nothing that may be exported.

    `damaged` counts rows that were omitted because they, or their facts, are damaged.
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

    Rows that only certain tokens may see are exported only `with_private`; refs to missing repos never are. The
    registry updates of the store go with them.

    Raises:
        StoreError: the store cannot be read, or the file cannot be written.
    """
    updates = await store.get_registry_updates()
    header = Header(schema=ROWS_SCHEMA, made_at_s=int(time.time()), with_private=with_private, updates=updates)
    try:
        await asyncio.to_thread(_refuse_other_kinds, path)
        with BundleWriter(path, header) as writer:
            async with store.snapshot() as connection:
                return await _export(connection, writer, sorted(set(repo_ids)), with_private=with_private)
    except OSError as error:
        raise StoreError(f"the bundle {path} cannot be written: {error}") from error


def _refuse_other_kinds(path: Path) -> None:
    """Refuse to replace what is not a regular file by a bundle.

    Raises:
        StoreError: the path is a folder, a pipe or a device.
    """
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise StoreError(f"the bundle {path} cannot be written: it is a folder, a pipe or a device")


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
    exported_keys = set[int]()
    for ids in chunked(sorted(facts_ids), ROWS_PER_BLOCK):
        rows = await _read_facts(connection, ids)
        valid = await asyncio.to_thread(_select_valid, rows)
        exported_keys.update(row.key for row in valid.facts)
        damaged_count += len(rows.facts) - len(valid.facts) + len(rows.decisions) - len(valid.decisions)
        facts_count, decisions_count = facts_count + len(valid.facts), decisions_count + len(valid.decisions)
        await asyncio.to_thread(writer.write, valid)
    for ids in chunked(sorted(set(ref_ids)), ROWS_PER_BLOCK):
        query = select(refs).where(refs.c.id.in_(ids)).order_by(refs.c.id)
        read = [build_ref_row(columns) for columns in (await connection.execute(query)).mappings()]
        kept = [row for row in read if row.facts_key in exported_keys and find_ref_problem(row) is None]
        damaged_count += len(read) - len(kept)
        refs_count += len(kept)
        await asyncio.to_thread(writer.write, Rows(refs=kept))
    if damaged_count:
        logger.warning("%d rows are damaged and were not exported: run `hubresolve store verify`", damaged_count)
    return ExportReport(
        refs=refs_count,
        facts=facts_count,
        decisions=decisions_count,
        damaged=damaged_count,
        unknown=tuple(unknown),
    )


def _select_valid(rows: Rows) -> Rows:
    """The facts and decisions of `rows` that are not damaged."""
    valid = [row for row in rows.facts if find_facts_problem(row) is None]
    keys = {row.key for row in valid}
    decided = [row for row in rows.decisions if row.facts_key in keys and find_decision_problem(row) is None]
    return Rows(facts=valid, decisions=decided)


async def _select_all(
    connection: AsyncConnection, is_exportable: ColumnElement[bool], ref_ids: array[int], facts_ids: set[int]
) -> None:
    """Add the row ids of all exportable refs and of their facts."""
    async with connection.stream(select(refs.c.id, refs.c.facts_id).where(is_exportable)) as rows:
        async for page in rows.partitions(_REFS_PER_PAGE):
            ref_ids.extend(row.id for row in page)
            facts_ids.update(row.facts_id for row in page if type(row.facts_id) is int)


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
    asked = [repo_id for repo_id in repo_ids if is_repo_name(repo_id)]
    rows = (await connection.execute(_build_refs_query(asked, is_exportable))).all()
    names = {name for row in rows for name in (row.repo_id, row.canonical_id) if isinstance(name, str)}
    names = set(filter(is_repo_name, names))
    for batch in chunked(sorted(names), ROWS_PER_BLOCK):
        for row in await connection.execute(_build_refs_query(batch, is_exportable)):
            ref_ids.append(row.id)
            if type(row.facts_id) is int:
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
